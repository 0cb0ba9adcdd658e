package accesslog

import (
	"bytes"
	"os"
	"testing"
)

// fixture is the lines of a file of testdata. There, a line that begins with #
// names what the lines below it are a trap for.
type fixture []trap

type trap struct {
	name string
	line []byte // with its line feed
}

func readFixture(tb testing.TB, path string) fixture {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var traps fixture
	var name string
	for line := range bytes.Lines(data) {
		if title, ok := bytes.CutPrefix(line, []byte("# ")); ok {
			name = string(bytes.TrimSpace(title))
			continue
		}
		traps = append(traps, trap{name, line})
	}
	return traps
}

// bytes returns the log that the lines make.
func (f fixture) bytes() []byte {
	var log []byte
	for _, trap := range f {
		log = append(log, trap.line...)
	}
	return log
}
