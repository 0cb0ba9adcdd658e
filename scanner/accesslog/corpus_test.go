package accesslog

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus is a folder of public log files, which stands beside the work tree
// where it stands at all.
const corpus = "../../../shared/corpus"

// brokenLines are the lines of the corpus that are made up to be broken, or to have so
// many fields as no layout has, by file.
var brokenLines = map[string]int64{
	"s3_access_log_spec.log":         1,
	"sample_s3_all_match.log":        2,
	"sample_s3_all_unmatch.log":      4,
	"sample_s3_contains_unmatch.log": 1,
}

func TestDecoder_ReadsEveryLineOfTheCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus: ", err)
	}
	var records int
	err := filepath.WalkDir(corpus, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isAccessLog(path) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d := NewDecoder(bytes.NewReader(data))
		for d.Next() {
			records++
		}
		if got, want := d.Skipped().Malformed, brokenLines[entry.Name()]; got != want {
			t.Errorf("%s: %d malformed lines, want %d; the first: %v", path, got, want, d.Skipped().First)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if records == 0 {
		t.Error("no records in the corpus")
	}
	t.Log(records, "records")
}

func isAccessLog(path string) bool {
	name := filepath.Base(path)
	return !strings.Contains(path, "cloudtrail") && (filepath.Ext(name) == ".log" || strings.Count(name, "-") == 6)
}
