package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// corpus is a folder of public log files, which stands beside the work tree
// where it stands at all.
const corpus = "../../../shared/corpus"

// brokenRecords are the records of the corpus that are broken, by file.
var brokenRecords = map[string]int{
	"s3_access_log_spec.log": 1, "sample_s3_all_match.log": 2, "sample_s3_all_unmatch.log": 4, "sample_s3_contains_unmatch.log": 1,
}

func TestReport_ReadsTheCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus: ", err)
	}
	bucket := filepath.Join(t.TempDir(), "bucket")
	files := corpusBucket(t, bucket)
	got := runToEnd(t, "report", "-o", "prometheus", "--labels.requester=arn", bucket)
	if got.code != exitOK {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	malformed := make(map[string]int)
	for _, match := range regexp.MustCompile(`key=(\S+) records=(\d+)`).FindAllStringSubmatch(got.stderr, -1) {
		n, err := strconv.Atoi(match[2])
		if err != nil {
			t.Fatal(err)
		}
		malformed[files[match[1]]] += n
	}
	if !maps.Equal(malformed, brokenRecords) {
		t.Errorf("malformed records: %v, want %v", malformed, brokenRecords)
	}
	shown, err := parseSamples([]byte(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	if shown.sum("s3_access_requests_total", `log="server_access"`) == 0 || shown.sum("s3_access_requests_total", `log="cloudtrail"`) == 0 {
		t.Error("a log is missing")
	}
	t.Logf("%d files\n%s", len(files), labelValues(shown))
}

// labelValues returns all values of each label and how many requests have them,
// for a human to look at.
func labelValues(shown samples) string {
	values := make(map[string]float64)
	for series, n := range shown {
		name, labels, _ := strings.Cut(series, "{")
		if name != "s3_access_requests_total" && name != "s3_access_object_requests_total" && name != "s3_access_client_info" {
			continue
		}
		for _, pair := range regexp.MustCompile(`\w+="(\\.|[^"\\])*"`).FindAllString(labels, -1) {
			values[name+" "+pair] += n
		}
	}
	var text strings.Builder
	for _, value := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&text, "%6.0f %s\n", values[value], value)
	}
	return text.String()
}

// corpusBucket makes a bucket of the corpus, and returns the files' names by key.
// What has no log's name there is given one, what is no log as AWS writes it is
// made one.
func corpusBucket(t *testing.T, bucket string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(corpus, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err != nil || entry.IsDir() || name == "README.md" || strings.Contains(name, "INVALID") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(corpus, filepath.Dir(path))
		if err != nil {
			return err
		}
		var key string
		switch {
		case strings.HasSuffix(name, ".json.gz"), accessLogKey.MatchString(name):
			key = filepath.ToSlash(filepath.Join(folder, name))
		case body[0] == '{':
			body = asTrail(t, body)
			key = fmt.Sprintf("AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/15/111122223333_CloudTrail_us-east-1_20260115T00%02dZ_AbCdEfGh12345678.json.gz", len(files))
		default:
			key = fmt.Sprintf("logs/2026-01-15-00-00-%02d-0123456789ABCDEF", len(files))
		}
		files[key] = name
		return writeObject(filepath.Join(bucket, key), body)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// asTrail returns an object of CloudTrail with the events of a text, which holds
// one after the other or is such an object already.
func asTrail(t *testing.T, text []byte) []byte {
	t.Helper()
	var document struct{ Records []json.RawMessage }
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(value, []byte(`"Records"`)) {
			return gzipped(t, text)
		}
		document.Records = append(document.Records, value)
	}
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return gzipped(t, body)
}
