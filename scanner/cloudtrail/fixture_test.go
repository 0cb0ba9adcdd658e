package cloudtrail

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixturePaths returns the log files of testdata. A member "trap" of an event
// there, which means nothing to the Decoder, says what it is a trap for.
func fixturePaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		tb.Fatal(err)
	}
	var fixtures []string
	for _, path := range paths {
		if !strings.HasSuffix(path, ".golden.json") {
			fixtures = append(fixtures, path)
		}
	}
	if len(fixtures) == 0 {
		tb.Fatal("no fixtures")
	}
	return fixtures
}

// readFixture returns the events of a log file, without needless white space as
// CloudTrail writes them.
func readFixture(tb testing.TB, path string) []json.RawMessage {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		tb.Fatal(err)
	}
	var log struct{ Records []json.RawMessage }
	if err := json.Unmarshal(compact.Bytes(), &log); err != nil {
		tb.Fatal(err)
	}
	return log.Records
}

// logOf returns the log file that the events make.
func logOf(events ...json.RawMessage) []byte {
	log := []byte(`{"Records":[`)
	for i, event := range events {
		if i > 0 {
			log = append(log, ',')
		}
		log = append(log, event...)
	}
	return append(log, `]}`...)
}
