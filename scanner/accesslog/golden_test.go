package accesslog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenLine is what a line of a fixture comes to: a record or a reason.
type goldenLine struct {
	Trap      string
	Skipped   string        `json:",omitempty"`
	Malformed string        `json:",omitempty"`
	Record    *goldenRecord `json:",omitempty"`
}

type goldenRecord struct {
	Time          string
	Host          string `json:",omitempty"`
	Bucket        string
	Operation     string
	Key           string `json:",omitempty"`
	Requester     string `json:",omitempty"`
	Anonymous     bool   `json:",omitempty"`
	SourceIP      string `json:",omitempty"`
	UserAgent     string `json:",omitempty"`
	Signature     string
	AuthMethod    string
	Status        int
	ErrorCode     string `json:",omitempty"`
	SentBytes     int64
	ReceivedBytes int64
	Duration      int64
	RequestID     string `json:",omitempty"`
}

func TestDecoder_ReadsEveryTrap(t *testing.T) {
	for _, path := range fixturePaths(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		t.Run(name, func(t *testing.T) {
			var lines []goldenLine
			d := NewDecoder(nil)
			for _, trap := range readFixture(t, path) {
				lines = append(lines, decodeTrap(t, d, trap))
			}
			compareGolden(t, strings.TrimSuffix(path, ".log")+".golden.json", lines)
		})
	}
}

func fixturePaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.log")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no fixtures: %v", err)
	}
	return paths
}

// decodeTrap decodes one line, of which there must be one record or one reason.
func decodeTrap(t *testing.T, d *Decoder, trap trap) goldenLine {
	t.Helper()
	d.Reset(bytes.NewReader(trap.line))
	if d.Next() {
		line := goldenLine{Trap: trap.name, Record: golden(d.Record())}
		if d.Next() || d.Skipped().Malformed != 0 {
			t.Errorf("%s: more than a record", trap.name)
		}
		return line
	}
	switch skipped := d.Skipped(); {
	case skipped.NotRequest == 1:
		return goldenLine{Trap: trap.name, Skipped: "not a request"}
	case skipped.Malformed == 1:
		return goldenLine{Trap: trap.name, Malformed: skipped.First.Reason}
	}
	t.Fatalf("%s: neither a record nor a reason", trap.name)
	return goldenLine{}
}

func golden(r *record.Record) *goldenRecord {
	return &goldenRecord{
		Time:          time.Unix(r.Time, 0).UTC().Format(time.RFC3339),
		Host:          text(r.Host),
		Bucket:        text(r.Bucket),
		Operation:     text(r.Operation),
		Key:           text(r.Key),
		Requester:     text(r.Requester),
		Anonymous:     r.Anonymous,
		SourceIP:      text(r.SourceIP),
		UserAgent:     text(r.UserAgent),
		Signature:     r.Signature.String(),
		AuthMethod:    r.AuthMethod.String(),
		Status:        r.Status,
		ErrorCode:     text(r.ErrorCode),
		SentBytes:     r.SentBytes,
		ReceivedBytes: r.ReceivedBytes,
		Duration:      r.Duration,
		RequestID:     text(r.RequestID),
	}
}

// text makes JSON of any bytes: JSON alone would lose those that are not UTF-8.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return "bytes " + strconv.Quote(string(b))
}

func compareGolden(t *testing.T, path string, lines []goldenLine) {
	t.Helper()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(lines); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("differs from %s (see it with -update and git diff); got:\n%s", path, got.Bytes())
	}
}
