package accesslog

import (
	"bytes"
	"errors"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// FuzzDecoder holds the Decoder against the reference: the same records with
// the same fields, the same number of malformed lines. It reads every log twice, so that
// the second time it knows the lines.
func FuzzDecoder(f *testing.F) {
	for _, path := range fixturePaths(f) {
		for _, trap := range readFixture(f, path) {
			f.Add(trap.Raw)
		}
	}
	f.Add([]byte(line + "\r\n\nbroken\n" + line))
	d := NewDecoder(nil)
	f.Fuzz(func(t *testing.T, log []byte) {
		want := referenceLog(log)
		compareLog(t, d, log, &want)
		compareLog(t, d, log, &want)
	})
}

// compareLog holds what d makes of a log against what it comes to.
func compareLog(t *testing.T, d *Decoder, log []byte, want *referenceOutput) {
	t.Helper()
	d.Reset(bytes.NewReader(log))
	for _, r := range want.records {
		if !d.Next() {
			t.Fatalf("no record, want %+v; skipped %+v", r, d.Skipped())
		}
		if got := decodertest.TextOf(d.Record()); got != *r {
			t.Fatalf("record\n%+v, want\n%+v", got, *r)
		}
	}
	if d.Next() {
		t.Fatalf("a record more: %+v", decodertest.TextOf(d.Record()))
	}
	if got := d.Skipped(); got.Malformed != want.malformed || got.NotRequest != want.headers {
		t.Errorf("skipped %+v, want %+v; the first: %v", got, want, got.First)
	}
	isLog := want.malformed == 0 || want.headers > 0 || len(want.records) > 0
	if err := d.Err(); isLog && err != nil || !isLog && !errors.Is(err, record.ErrNotLog) {
		t.Errorf("error %v; is it a log? %v", err, isLog)
	}
}

// FuzzParseTime holds parseTime against time.Parse.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"14/Nov/2026:09:15:27 +0000", "29/Feb/2000:23:59:59 -0930", "29/Feb/1900:00:00:00 +0000",
		"01/Jan/0000:00:00:00 +2460", "31/Dec/9999:24:00:00 +0000", "01/Mar/1970:00:00:60 +0000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) != len(timeLayout) {
			return // the decoder calls it with this length alone
		}
		want, wantOK := referenceTime(s)
		got, ok := parseTime([]byte(s))
		if ok != wantOK || ok && got != want.Unix() {
			t.Errorf("%q is %d, %t; want %d, %t", s, got, ok, want.Unix(), wantOK)
		}
	})
}
