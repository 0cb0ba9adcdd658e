package scanner_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newFormat is what it takes to add the format of testdata/newformat/tsvlog: besides that
// folder and its import, a line in the table of layouts and a line in that of formats.
var newFormat = []struct{ file, above, line string }{
	{
		"logkey/layouts.go", "var layouts = [...]layout{\n",
		"\t{'v', \"vended\", record.ServerAccess, dayFolders, \"\", false, fileTime, \".tsv\", parsePartitioned},\n",
	},
	{
		"internal/reader/formats.go", "\treturn []format{\n",
		"\t\t{tsvlog.Format, []logkey.Layout{'v'}, func() record.Decoder { return tsvlog.NewDecoder(nil) }, nil},\n",
	},
	{
		"internal/reader/formats.go", "import (\n",
		"\t\"github.com/s3access/s3_access_exporter/scanner/tsvlog\"\n",
	},
}

// A format that nobody knew is tailed, read once, shown and counted once a folder and
// two lines are added. The program with these is built beside this one.
func TestScanner_NewFormatIsAFolderAndTwoLines(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	edited := make(map[string][]byte)
	for _, add := range newFormat {
		text := edited[add.file]
		if text == nil {
			if text, err = os.ReadFile(add.file); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Contains(text, []byte(add.above)) {
			t.Fatalf("%s has no line %q", add.file, add.above)
		}
		edited[add.file] = bytes.Replace(text, []byte(add.above), []byte(add.above+add.line), 1)
	}
	replace := map[string]string{
		filepath.Join(here, "tsvlog", "tsvlog.go"):      filepath.Join(here, "testdata", "newformat", "tsvlog", "tsvlog.go"),
		filepath.Join(here, "newformat_tailed_test.go"): filepath.Join(here, "testdata", "newformat", "tailed_test.go"),
	}
	dir := t.TempDir()
	for file, text := range edited {
		path := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(here, filepath.FromSlash(file))] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-vet=off", "-overlay", path, "-run", "^TestNewFormat_", "-v", ".").CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: TestNewFormat_") != 2 {
		t.Errorf("%v:\n%s", err, out)
	}
}
