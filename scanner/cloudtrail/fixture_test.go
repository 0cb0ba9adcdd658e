package cloudtrail

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// fixturePaths returns the log files of testdata. A member "trap" of an event
// there, which means nothing to the Decoder, names what it is a trap for.
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

// allEvents returns the events of all fixtures.
func allEvents(tb testing.TB) []json.RawMessage {
	tb.Helper()
	var events []json.RawMessage
	for _, path := range fixturePaths(tb) {
		events = append(events, readFixture(tb, path)...)
	}
	return events
}

// format is the format as decodertest has to know it.
func format(tb testing.TB) decodertest.Format {
	tb.Helper()
	f := decodertest.Format{
		New: newDecoder,
		Join: func(raws ...[]byte) []byte {
			events := make([]json.RawMessage, len(raws))
			for i, raw := range raws {
				events[i] = raw
			}
			return logOf(events...)
		},
		Empty:   []string{`{"Records":[]}`, `{"Records":[]} {"a":[{}],"Records":[]}`},
		NotLogs: make(map[string]string),
	}
	for _, test := range documentTests {
		if test.err == "not a log" && test.records == 0 {
			f.NotLogs[test.name] = test.input
		}
	}
	for _, path := range fixturePaths(tb) {
		fixture := decodertest.Fixture{Path: strings.TrimSuffix(path, ".json")}
		for _, event := range readFixture(tb, path) {
			var named struct {
				Trap string `json:"trap"`
			}
			_ = json.Unmarshal(event, &named) // what is no object has no name
			fixture.Traps = append(fixture.Traps, decodertest.Trap{Name: named.Trap, Raw: event})
		}
		f.Fixtures = append(f.Fixtures, fixture)
	}
	return f
}

func TestDecoder_KeepsTheContract(t *testing.T) { decodertest.Run(t, format(t)) }

func TestDecoder_ReadsEveryTrap(t *testing.T) { decodertest.Golden(t, format(t)) }

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
