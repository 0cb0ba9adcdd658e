package checkpoint_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestVerify_ReportsWhatACheckpointHolds(t *testing.T) {
	path := newPath(t)
	f := open(t, path)
	for commit := range 5 {
		update(t, f, func(tx *checkpoint.Tx) error { return fill(tx, commit) })
	}
	update(t, f, func(tx *checkpoint.Tx) error {
		_, err := tx.Tidy(t.Context(), checkpoint.Tidying{Packing: checkpoint.DayOf(noon) - 1})
		other := checkpoint.StreamID{Store: "minio:9000/other", Stream: "t:AWSLogs/"}
		return errors.Join(err, tx.PutStream(other, checkpoint.Stream{Newest: noon}))
	})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := checkpoint.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `is sound: format 2, SIZE bytes
300 series, 5 event IDs
aws/logs
  prefix "access/"
  3 streams, 1800 objects seen from 2026-03-01 to 2026-03-04, 10 pending, 5 quarantined
minio:9000/other
  1 streams, 0 objects seen, 0 pending, 0 quarantined
  newest request 2026-03-04T12:00:00Z
`
	got := strings.Replace(report.String(), "checkpoint "+path+" ", "", 1)
	if report.Size != int64(len(before)) {
		t.Errorf("%d bytes, want %d", report.Size, len(before))
	}
	size := strings.Fields(got)[4]
	if got = strings.Replace(got, size+" bytes", "SIZE bytes", 1); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}
	if _, err := checkpoint.Verify(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a file that is not there: %v", err)
	}
}

func TestReport_ShowsEveryCharacterOfNames(t *testing.T) {
	report := checkpoint.Report{Path: "x\x1b[2J.db", Stores: []checkpoint.StoreReport{
		{Store: "file:///logs/ünï \"q\""}, {Store: "file:///logs/\x1b[31m\u202e\nfile:///forged", Prefixes: []string{"\x1b[0m"}},
	}}
	text := report.String()
	for _, c := range text {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Errorf("the report contains %q", c)
		}
	}
	for _, line := range []string{"checkpoint \"x\\x1b[2J.db\" is sound", "\nfile:///logs/ünï \"q\"\n", "\n\"file:///logs/\\x1b[31m\\u202e\\nfile:///forged\"\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in %q", line, text)
		}
	}
}
