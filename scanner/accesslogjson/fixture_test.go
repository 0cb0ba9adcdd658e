package accesslogjson

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// readFixture returns the records of a file of testdata. There, a line that begins with #
// names what the lines below it are a trap for.
func readFixture(tb testing.TB, path string) (traps []decodertest.Trap) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var name string
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if title, ok := bytes.CutPrefix(line, []byte("# ")); ok {
			name = string(title)
			continue
		}
		traps = append(traps, decodertest.Trap{Name: name, Raw: line})
	}
	return traps
}

func fixturePaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(paths) == 0 {
		tb.Fatal("no fixtures", err)
	}
	return paths
}

// allTraps returns the records of all fixtures.
func allTraps(tb testing.TB) (raws [][]byte) {
	tb.Helper()
	for _, path := range fixturePaths(tb) {
		for _, trap := range readFixture(tb, path) {
			raws = append(raws, trap.Raw)
		}
	}
	return raws
}

// format is the format as decodertest has to know it.
func format(tb testing.TB) decodertest.Format {
	tb.Helper()
	f := decodertest.Format{
		New:     func() record.Decoder { return NewDecoder(nil) },
		Join:    func(raws ...[]byte) []byte { return append(bytes.Join(raws, []byte("\n")), '\n') },
		Empty:   []string{"", " \n"},
		NotLogs: make(map[string]string),
		// No record of which a part is missing is one.
		Less: func(decodertest.Text, decodertest.Text) string { return "a record was made of a part" },
	}
	for name, input := range inputs {
		if reference([]byte(input)).err == "not a log" {
			f.NotLogs[name] = input
		}
	}
	for _, path := range fixturePaths(tb) {
		f.Fixtures = append(f.Fixtures, decodertest.Fixture{Path: strings.TrimSuffix(path, ".jsonl"), Traps: readFixture(tb, path)})
	}
	return f
}

func TestDecoder_KeepsTheContract(t *testing.T) { decodertest.Run(t, format(t)) }

func TestDecoder_ReadsEveryTrap(t *testing.T) { decodertest.Golden(t, format(t)) }
