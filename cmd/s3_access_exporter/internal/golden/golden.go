// Package golden compares what tests get with files of testdata, which the flag
// -update writes anew. It is for tests alone.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Want compares a text with a file of testdata in the test's folder.
func Want(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: %s", path, FirstDifference(got, string(want)))
	}
}

// FirstDifference returns the first lines that two texts do not share, for a message.
func FirstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			return "got\n" + gotLines[i] + "\nwant\n" + wantLines[i]
		}
	}
	return "one is the beginning of the other"
}
