package accesslogjson

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// trap is a record of a file of testdata. There, a line that begins with # names what the
// lines below it are a trap for.
type trap struct {
	name string
	raw  []byte
}

func readFixture(tb testing.TB, path string) (traps []trap) {
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
		traps = append(traps, trap{name, line})
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
			raws = append(raws, trap.raw)
		}
	}
	return raws
}
