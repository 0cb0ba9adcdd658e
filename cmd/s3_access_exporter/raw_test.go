//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rawLine returns a line of the server access log.
func rawLine(minute int, signature, agent, key string) string {
	return fmt.Sprintf(`%s example-photos [15/Jan/2026:08:%02d:07 +0000] 198.51.100.24 arn:aws:iam::111122223333:user/raw `+
		`7C3A9E51D2B8%04d REST.GET.OBJECT %s "GET /%[4]s HTTP/1.1" 200 - 48213 48213 31 27 "-" "%s" - `+
		`aGVsbG8= %s TLS_AES_128_GCM_SHA256 AuthHeader example-photos.s3.eu-west-1.amazonaws.com TLSv1.3 - -`,
		strings.Repeat("1f2e3d4c", 8), minute, minute, key, agent, signature)
}

// rawEvent returns an event of CloudTrail.
func rawEvent(minute int, signature, key string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"2026-01-15T09:%02d:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",`+
		`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/raw","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE"},`+
		`"sourceIPAddress":"198.51.100.24","userAgent":"[a \u003c\"b\"\u003e \u00fc]","requestParameters":{"bucketName":"example-photos","key":%q},`+
		`"additionalEventData":{"SignatureVersion":%q},"requestID":"R%[1]d","eventID":"E-%[1]d-%[2]s"}`, minute, key, signature)
}

// rawJSON returns a record of the server access log in JSON.
func rawJSON(minute int, signature, key string) string {
	return fmt.Sprintf(`{ "schema_version_id":"V_1_0", "bucket_name":"example-photos","request_time":"2026-01-15T10:%02d:07.000Z","remote_ip":"192.0.2.1",`+
		`"request_id":"J%[1]d","operation":"REST.GET.OBJECT","key_name":%q,"http_status":200,"user_agent":"\u003c\"q\"\u003e","signature_version":%q}`, minute, key, signature)
}

// indented returns JSON on several lines, with line ends of a kind.
func indented(record, end string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(record), "", "  "); err != nil {
		panic(err)
	}
	return strings.ReplaceAll(out.String(), "\n", end)
}

// rawRecord is a record as it stands in a log object.
type rawRecord struct {
	number int
	text   string // as it is to be printed
}

// rawObject is a log object.
type rawObject struct {
	key     string
	body    []byte
	records []rawRecord
}

// rawObjects are of every format, plain and compressed, with what is no record in them.
func rawObjects(t *testing.T) []rawObject {
	t.Helper()
	hostile := "\x1b[31m\xff\xfe\tquote\\x22 \xe2\x80\xae"
	first, second, third := rawLine(1, "SigV2", "curl/8.5.0", "a"), rawLine(2, "SigV4", hostile, "b%2520c"), rawLine(3, "SigV2", "Boto3/1.35.40", "d")
	numbered := func(numbers []int, texts ...string) (records []rawRecord) {
		for i, text := range texts {
			records = append(records, rawRecord{number: numbers[i], text: text})
		}
		return records
	}
	message := func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) } // of text, it does not fail
	one, two := rawEvent(1, "SigV2", "a b"), rawEvent(2, "SigV4", "ü")
	three, four := rawEvent(3, "SigV2", "c"), rawEvent(4, "SigV4", "d")
	foreign := `{"eventTime":"2026-01-15T09:30:00Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","eventID":"x"}`
	return []rawObject{
		// A line of text: what is malformed or blank is none, CR stays, the last has no line feed.
		{
			"text/2026-01-15-09-05-10-0A1B2C3D4E5F6071", []byte(first + "\n\nno log line\n" + second + "\r\n" + third),
			numbered([]int{1, 4, 5}, first, second+"\r", third),
		},
		{
			"parts/111122223333/eu-west-1/example-photos/2026/01/15/2026-01-15-09-05-10-1122334455667788", gzipped(t, []byte(rawLine(5, "SigV2", "x", "e")+"\n"+rawLine(6, "SigV4", "y", "f")+"\n")),
			numbered([]int{1, 2}, rawLine(5, "SigV2", "x", "e"), rawLine(6, "SigV4", "y", "f")),
		},
		// An event from brace to brace, without the line feeds in it.
		{
			"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/15/111122223333_CloudTrail_eu-west-1_20260115T0910Z_AbCdEfGhIjKlMnOp.json.gz",
			gzipped(t, []byte(`{"Records":[`+one+","+foreign+" , "+two+`]}`)), numbered([]int{1, 3}, one, two),
		},
		{
			"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/15/111122223333_CloudTrail_eu-west-1_20260115T0915Z_BbCdEfGhIjKlMnOp.json",
			[]byte("{\n\"Records\": [\n" + indented(three, "\n") + ",\n" + indented(four, "\r\n") + "\n]}\n"),
			numbered([]int{1, 2}, indented(three, ""), indented(four, "\r")),
		},
		// A record of JSON likewise.
		{
			"vended/2026/01/15/10/aaaa", []byte(rawJSON(1, "SigV2", "a") + "\n" + rawJSON(2, "SigV4", "ü") + "\r\n" + indented(rawJSON(3, "SigV2", "c"), "\n")),
			numbered([]int{1, 2, 3}, rawJSON(1, "SigV2", "a"), rawJSON(2, "SigV4", "ü"), indented(rawJSON(3, "SigV2", "c"), "")),
		},
		{"vended/2026/01/15/10/bbbb.gz", gzipped(t, []byte(rawJSON(4, "SigV2", "g"))), numbered([]int{1}, rawJSON(4, "SigV2", "g"))},
		// A message of an envelope, without the escapes that it has in it.
		{
			"group/2026/01/15/10/cccc.gz",
			gzipped(t, []byte(`{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logStream":"s","logEvents":[`+
				`{"id":"1","timestamp":1,"message":`+message(rawJSON(5, "SigV2", "h"))+`},{"id":"2","timestamp":1,"message":"hello"},`+
				`{"id":"3","timestamp":1,"message":`+message(indented(rawEvent(5, "SigV2", "ü"), "\n"))+`}]}`)),
			numbered([]int{1, 3}, rawJSON(5, "SigV2", "h"), indented(rawEvent(5, "SigV2", "ü"), "")),
		},
		{
			"tasks/0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f/stream/000000.gz",
			gzipped(t, []byte("2026-01-15T10:15:42.318Z "+rawJSON(7, "SigV2", "j")+"\n2026-01-15T10:15:42.318Z hello\n")), numbered([]int{1}, rawJSON(7, "SigV2", "j")),
		},
		{
			"bridge/2026/01/15/10/dddd",
			[]byte(`{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","detail":` + rawEvent(6, "SigV4", "i") + `}`),
			numbered([]int{1}, rawEvent(6, "SigV4", "i")),
		},
	}
}

var rawMinute = regexp.MustCompile(`(2026-01-15T|15/Jan/2026:)(\d\d:\d\d:\d\d)`)

// events -o raw prints records byte for byte as they are in the log, by the real binary, and
// with --context where each stands.
func TestEvents_PrintRecordsAsTheyWereLogged(t *testing.T) {
	t.Parallel()
	bucket := t.TempDir()
	objects := rawObjects(t)
	for _, o := range objects {
		if err := writeObject(filepath.Join(bucket, filepath.FromSlash(o.key)), o.body); err != nil {
			t.Fatal(err)
		}
	}
	sigV2 := func(text string) bool { return strings.Contains(strings.ReplaceAll(text, " ", ""), "SigV2") }
	for _, test := range []struct {
		name  string
		args  []string
		of    func(text string) bool // nil: every record
		limit int
	}{
		{name: "all"},
		{name: "filter", args: []string{"--signature=SigV2"}, of: sigV2},
		{name: "field of an investigation", args: []string{"--access-key-id=AKIA*"}, of: func(text string) bool { return strings.Contains(text, "AKIA") }},
		{name: "limit", args: []string{"--limit=3"}, limit: 3},
		{name: "filter and limit", args: []string{"--signature=SigV2", "--limit=4"}, of: sigV2, limit: 4},
	} {
		for _, sorted := range []bool{false, true} {
			for _, context := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, sorted %t, context %t", test.name, sorted, context), func(t *testing.T) {
					type line struct{ object, time, text string }
					var want []line
					for _, o := range objects {
						for _, r := range o.records {
							if test.of != nil && !test.of(r.text) {
								continue
							}
							text := r.text + "\n"
							if context {
								text = fmt.Sprintf("file://%s/%s:%d:%s", bucket, o.key, r.number, text)
							}
							want = append(want, line{o.key, rawMinute.FindStringSubmatch(r.text)[2], text})
						}
					}
					args := append([]string{"events", "-o", "raw"}, test.args...)
					if context {
						args = append(args, "--context")
					}
					if sorted {
						args = append(args, "--sort=time")
						slices.SortStableFunc(want, func(a, b line) int { return strings.Compare(a.time, b.time) })
					}
					program := exec.CommandContext(t.Context(), built, append(args, bucket)...)
					got, err := program.Output()
					if err != nil {
						t.Fatal(err)
					}
					if sorted { // in one order
						var all strings.Builder
						for i, l := range want {
							if test.limit == 0 || i < test.limit {
								all.WriteString(l.text)
							}
						}
						if string(got) != all.String() {
							t.Errorf("got\n%q\nwant\n%q", got, all.String())
						}
						return
					}
					rest, printed := string(got), 0 // objects come in any order, each as a whole
					for rest != "" {
						i := slices.IndexFunc(want, func(l line) bool { return strings.HasPrefix(rest, l.text) })
						if i < 0 {
							t.Fatalf("no record is %q", rest)
						}
						if i > 0 && want[i-1].object == want[i].object {
							t.Errorf("%q comes before what stands before it", want[i].text)
						}
						rest = rest[len(want[i].text):]
						want = slices.Delete(want, i, i+1)
						printed++
					}
					if test.limit == 0 && len(want) > 0 || test.limit > 0 && printed != test.limit {
						t.Errorf("%d records are printed, and these are not: %q", printed, want)
					}
				})
			}
		}
	}
}

// Of an object of text, raw is what sed prints of the lines that --context names.
func TestEvents_NameThePlaceThatSedFinds(t *testing.T) {
	t.Parallel()
	o := rawObjects(t)[0]
	path := filepath.Join(t.TempDir(), filepath.FromSlash(o.key))
	if err := writeObject(path, o.body); err != nil {
		t.Fatal(err)
	}
	bucket := strings.TrimSuffix(path, "/"+o.key)
	out, err := exec.CommandContext(t.Context(), built, "events", "-o", "raw", "--context", bucket).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.SplitAfter(string(out), "\n") {
		place, found := strings.CutPrefix(line, "file://"+path+":")
		if number, text, _ := strings.Cut(place, ":"); found {
			sed, err := exec.CommandContext(t.Context(), "sed", "-n", number+"p", path).Output()
			if err != nil || strings.TrimSuffix(string(sed), "\n") != strings.TrimSuffix(text, "\n") {
				t.Errorf("line %s is %q, %v, and not %q", number, sed, err, text)
			}
		} else if line != "" {
			t.Errorf("%q names no place", line)
		}
	}
}
