package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
)

// requestLine returns a request as events prints it in JSON, without what a fleet
// does not know.
func requestLine(r fleet.Request) string {
	text := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	number := func(n int64) any {
		if n == fleet.Unknown {
			return nil
		}
		return n
	}
	status := any(r.Status)
	if r.Status == 0 {
		status = nil
	}
	return compact(map[string]any{
		"time": r.Time.UTC().Format(time.RFC3339), "log": r.Log,
		"account_id": text(r.AccountID), "aws_region": text(r.Region), "bucket": text(r.Bucket),
		"operation": text(r.Operation), "key": text(r.Key),
		"requester": text(r.Requester), "source_ip": text(r.SourceIP),
		"client": text(r.Client), "client_version": text(r.ClientVersion),
		"signature": r.Signature, "auth_method": text(strings.TrimPrefix(r.AuthMethod, "unknown")),
		"outcome": r.Outcome, "status": status, "error_code": text(r.ErrorCode),
		"sent_bytes": number(r.SentBytes), "received_bytes": number(r.ReceivedBytes), "feature": text(r.Features),
		"total_time": number(r.Duration),
	})
}

// compact returns values as JSON in which the names are sorted.
func compact(values map[string]any) string {
	line, _ := json.Marshal(values) // strings and numbers cannot fail
	return string(line)
}

// printed reads what events has printed in JSON. Every line has every field.
func printed(t *testing.T, text string) []map[string]any {
	t.Helper()
	var found []map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	for {
		values := make(map[string]any)
		if err := decoder.Decode(&values); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(values) != len(query.WholeFields()) {
			t.Fatalf("%d fields in %v", len(values), values)
		}
		found = append(found, values)
	}
	if lines := strings.Count(text, "\n"); lines != len(found) {
		t.Errorf("%d objects on %d lines", len(found), lines)
	}
	return found
}

// lines returns printed requests as requestLine does.
func lines(events []map[string]any) []string {
	var found []string
	for _, e := range events {
		for _, unknown := range []string{
			"user_agent", "request_id", "sigv4_default", "log_object", "support", "tls_version", "cipher_suite", "host", "referer", "version_id",
			"object_size", "turn_around_time", "access_point", "acl_required", "source_region", "access_key_id", "vpc_endpoint_id",
			"vpc_endpoint_account_id", "mfa", "console_session", "runtime",
		} {
			delete(e, unknown)
		}
		found = append(found, compact(e))
	}
	return found
}

func wantRequests(t *testing.T, got []string, requests []fleet.Request) {
	t.Helper()
	var want []string
	for _, r := range requests {
		want = append(want, requestLine(r))
	}
	slices.Sort(got)
	slices.Sort(want)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("got\n%s\nwant\n%s", got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d requests, want %d", len(got), len(want))
	}
}

func TestEvents_PrintWhatANaiveReadingFinds(t *testing.T) {
	bucket, requests := deliveredBucket(t, 20*time.Second)
	for name, test := range map[string]struct {
		bucket   string
		requests []fleet.Request
		code     int
	}{
		"a fleet":  {bucket, requests, exitOK},
		"fixtures": {fixtureBucket(t), readFixtures(t).requests, exitFailed},
	} {
		for _, order := range []string{"", "--sort=time"} {
			t.Run(name+order, func(t *testing.T) {
				args := []string{"events", "-o", "json", test.bucket}
				if order != "" {
					args = append(args, order)
				}
				got := runToEnd(t, args...)
				if got.code != test.code {
					t.Errorf("exit code %d, %s", got.code, got.stderr)
				}
				wantRequests(t, lines(printed(t, got.stdout)), test.requests)
			})
		}
	}
}

func TestEvents_WriteWhatTheyAlwaysWrote(t *testing.T) {
	bucket := fixtureBucket(t)
	// All that is printed by default but log_object: of an event that was delivered twice, either object may
	// be read first.
	stable := "--fields=" + strings.NewReplacer(" log_object,", "", ", day, hour", "", " ", "").Replace(fieldNames())
	for name, args := range map[string][]string{
		"events.txt.golden":  nil,
		"events.json.golden": {"-o", "json", stable},
		"events.csv.golden":  {"-o", "csv", stable},
	} {
		t.Run(name, func(t *testing.T) {
			got := runToEnd(t, append([]string{"events", "--sort=time", bucket}, args...)...)
			golden.Want(t, name, got.stdout)
			if got.code != exitFailed || !strings.Contains(got.stderr, broken) {
				t.Errorf("exit code %d, %s", got.code, got.stderr)
			}
		})
	}
}

func TestEvents_NameTheLogObjectThatTellsOfThem(t *testing.T) {
	got := runToEnd(t, "events", "-o", "json", "--log=server_access", fixtureBucket(t))
	for _, e := range printed(t, got.stdout) {
		path, ok := strings.CutPrefix(e["log_object"].(string), "file://")
		text, err := os.ReadFile(path)
		if id := e["request_id"].(string); !ok || err != nil || !strings.Contains(string(text), " "+id+" ") {
			t.Errorf("%s is not in %s: %v", id, path, err)
		}
	}
}

func TestEvents_InOrderOfTimeAreAlwaysInOneOrder(t *testing.T) {
	bucket, _ := deliveredBucket(t, 20*time.Second)
	first := runToEnd(t, "events", "-o", "json", "--sort=time", bucket).stdout
	if again := runToEnd(t, "events", "-o", "json", "--sort=time", bucket).stdout; again != first {
		t.Error("the order is another one the second time")
	}
	events := printed(t, first)
	if !slices.IsSortedFunc(events, func(a, b map[string]any) int {
		return strings.Compare(a["time"].(string), b["time"].(string))
	}) {
		t.Error("the order is not that of time")
	}
	const some = 10
	limited := runToEnd(t, "events", "-o", "json", "--sort=time", fmt.Sprint("--limit=", some), bucket)
	if want := strings.SplitAfterN(first, "\n", some+1); limited.stdout != strings.Join(want[:some], "") {
		t.Errorf("the first are not\n%s", limited.stdout)
	}
	if limited.code != exitOK {
		t.Errorf("exit code %d, %s", limited.code, limited.stderr)
	}
}

func TestEvents_EndWithTheirLimit(t *testing.T) {
	bucket, _ := deliveredBucket(t, 10*time.Second)
	all := strings.Count(runToEnd(t, "events", "-o", "json", bucket).stdout, "\n")
	for _, limit := range []int{0, 1, 199, 200, 201, all, all + 1} {
		got := runToEnd(t, "events", "-o", "json", fmt.Sprint("--limit=", limit), bucket)
		want := min(limit, all)
		if limit == 0 {
			want = all
		}
		if n := len(printed(t, got.stdout)); n != want || got.code != exitOK || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("--limit=%d: %d of %d requests, exit code %d, %s", limit, n, all, got.code, got.stderr)
		}
		if stopped := strings.Contains(got.stderr, ": stopped at --limit; read to their ends: "); stopped != (limit > 0 && limit < all) && limit != all {
			t.Errorf("--limit=%d: %s", limit, got.stderr)
		}
	}
}

// manyLines returns an access log whose rows do not fit into the memory for those
// of one object. Keys are the numbers of the lines.
func manyLines() []byte {
	const n = 20_000
	var text []byte
	for i := range n {
		text = fmt.Appendf(text, `%s example-photos [15/Jan/2026:08:21:07 +0000] 198.51.100.24 arn:aws:iam::111122223333:user/many `+
			`7C3A9E51D2B810F3 REST.GET.OBJECT %06d "GET /%06d HTTP/1.1" 200 - 48213 48213 31 27 "-" "curl/8.5.0" - `+
			`aGVsbG8= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader example-photos.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
			strings.Repeat("1f2e3d4c", 8), i, i)
	}
	return text
}

// singleObjectBucket returns a new directory with one object of the server access log.
func singleObjectBucket(t *testing.T, body []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeObject(filepath.Join(dir, "2026-01-15-08-30-00-0A1B2C3D4E5F6071"), body); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEvents_KeepTheOrderOfAnObjectOfAnySize(t *testing.T) {
	got := runToEnd(t, "events", "-o", "csv", "--fields=key", singleObjectBucket(t, manyLines()))
	rows := strings.Fields(got.stdout)
	if len(rows) != 20_001 || !slices.IsSorted(rows[1:]) || got.code != exitOK {
		t.Errorf("%d rows, exit code %d, %s", len(rows), got.code, got.stderr)
	}
}

func TestEvents_PrintNothingOfABrokenObject(t *testing.T) {
	whole := gzipped(t, manyLines())
	for _, order := range []string{"--sort=", "--sort=time"} {
		got := runToEnd(t, "events", "-o", "json", order, singleObjectBucket(t, whole[:len(whole)-1]))
		if got.stdout != "" || got.code != exitFailed || !strings.Contains(got.stderr, "reason=gzip") {
			t.Errorf("exit code %d, %d bytes, %s", got.code, len(got.stdout), got.stderr)
		}
	}
}

func TestEvents_NameTheTemporaryFileThatFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	dir := singleObjectBucket(t, manyLines())
	wantFailure(t, runToEnd(t, "events", "-o", "json", dir), exitFailed, missing)
}

func TestEvents_NameWhatIsWrongInOneLine(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ arg, want string }{
		{"--output=xml", "--output must be one of"},
		{"--output=prometheus", "--output must be one of"},
		{"--sort=size", `--sort: "size" is no order: write time (see s3_access_exporter events --help)`},
		{"--limit=-1", "--limit must not be negative"},
		{"--limit=many", `--limit: expected a valid 64 bit int but got "many"`},
		{"--fields=", `--fields: there is no field ""`},
		{"--fields=time,user", `--fields: there is no field "user"; the fields are time, log, `},
		{"--fields=time,log,time", "--fields: field time is there twice"},
		{"--labels.requester=arn", "unknown flag --labels.requester"},
		{"--source-ip=1.2.3", "--source-ip: "},
		{"--until=tomorrow", "--until: "},
	} {
		t.Run(test.arg, func(t *testing.T) {
			wantFailure(t, runToEnd(t, "events", dir, test.arg), exitUsage, test.want)
		})
	}
}
