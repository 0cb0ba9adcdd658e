package cloudtrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// corpus is a folder of public log files, which stands beside the work tree
// where it stands at all.
const corpus = "../../../shared/corpus"

func TestDecoder_ReadsEveryEventOfTheCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus: ", err)
	}
	var files, records int
	d := NewDecoder(nil)
	err := filepath.WalkDir(corpus, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isCloudTrail(path) {
			return err
		}
		files++
		data := readCorpusLog(t, path)
		got := decode(d, bytes.NewReader(data))
		compare(t, data, got, reference(data))
		if got.err != "" || got.skipped.Malformed > 0 {
			t.Errorf("%s: error %q, %d malformed events, the first: %v", path, got.err, got.skipped.Malformed, got.skipped.First)
		}
		if strings.Contains(path, "aggregating") && got.skipped.NotRequest == 0 {
			t.Errorf("%s: aggregated events are requests", path)
		}
		records += len(got.records)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if records == 0 {
		t.Error("no records in the corpus")
	}
	t.Log(files, "files,", records, "records")
}

func isCloudTrail(path string) bool {
	name := filepath.Base(path)
	switch {
	case strings.Contains(name, "INVALID"):
		return false
	case strings.HasSuffix(name, ".json"), strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".json.gz"):
		return true
	}
	return strings.Contains(path, "cloudtrail") && strings.HasSuffix(name, ".log")
}

// readCorpusLog returns a log file of the corpus, and makes one of a file that
// holds bare events.
func readCorpusLog(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		gunzip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(path, err)
		}
		if data, err = io.ReadAll(gunzip); err != nil {
			t.Fatal(path, err)
		}
	}
	var events []json.RawMessage
	for decoder := json.NewDecoder(bytes.NewReader(data)); ; {
		var document json.RawMessage
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return logOf(events...)
		} else if err != nil {
			t.Fatal(path, err)
		}
		if _, isLog := referenceEvents(document); isLog {
			return data
		}
		events = append(events, document)
	}
}
