//go:build integration

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

// asCloudTrailWrites puts every log file of a bucket into one line, compressed.
func asCloudTrailWrites(t *testing.T, bucket string) {
	t.Helper()
	err := filepath.WalkDir(bucket, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "_CloudTrail_") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := unpacked(t, body)
		var compact bytes.Buffer
		if json.Compact(&compact, text) != nil { // one that is broken stays so
			compact.Reset()
			compact.Write(bytes.ReplaceAll(text, []byte("\n"), nil))
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.WriteFile(strings.TrimSuffix(path, ".gz")+".gz", gzipped(t, compact.Bytes()), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// trapBucket is a bucket of what the decoders are tested with, and of the corpus where
// there is one, in the folders that tables need.
func trapBucket(t *testing.T) string {
	t.Helper()
	bucket := filepath.Join(t.TempDir(), "traps")
	n := 0
	write := func(folder, name string, body []byte) {
		n++
		key := fmt.Sprintf("%s/2026/01/%02d/%s", folder, 1+n%28, fmt.Sprintf(name, 1+n%28, n/60, n%60))
		if err := writeObject(filepath.Join(bucket, key), body); err != nil {
			t.Fatal(err)
		}
	}
	line := func(body []byte) {
		write("lines/111122223333/eu-west-1/traps", "2026-01-%02d-00-%02d-%02d-0123456789ABCDEF", body)
	}
	trail := func(body []byte) {
		write("trail/AWSLogs/111122223333/CloudTrail/us-east-1", "111122223333_CloudTrail_us-east-1_202601%02dT%02d%02dZ_AbCdEfGh12345678.json.gz", gzipped(t, withoutIDs(unpacked(t, body))))
	}
	for _, pattern := range []string{moduleRoot + "/scanner/accesslog/testdata/*.log", moduleRoot + "/scanner/cloudtrail/testdata/*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(err, pattern)
		}
		for _, path := range paths {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasSuffix(path, ".golden.json"):
			case strings.HasSuffix(path, ".json"):
				trail(body)
			default: // with one line that makes it a log
				line(append(body, ordinaryLine...))
			}
		}
	}
	if _, err := os.Stat(corpus); err == nil {
		flat := filepath.Join(t.TempDir(), "corpus")
		for key := range corpusBucket(t, flat) {
			body, err := os.ReadFile(filepath.Join(flat, filepath.FromSlash(key)))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(key, ".gz") {
				trail(body)
			} else {
				line(body)
			}
		}
	}
	asCloudTrailWrites(t, bucket)
	return bucket
}

// ordinaryLine is a line of a server access log.
const ordinaryLine = `1f2e3d4c traps [15/Jan/2026:08:21:07 +0000] 192.0.2.17 - 7C3A9E51D2B810F3 REST.GET.OBJECT x "GET /x HTTP/1.1" 200 - 1 1 31 27 "-" "curl/8.5.0" - aG9zdA== - - - traps.s3.eu-west-1.amazonaws.com TLSv1.3 - - -` + "\n"

// withoutIDs returns a log file of which no event has an ID: by which one an event is known
// that comes again is a difference that there is. So are halves of surrogates and numbers
// beyond every range, which CloudTrail does not write.
func withoutIDs(text []byte) []byte {
	var kept [][]byte
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(`\ud`)) && !bytes.Contains(line, []byte("out of any range")) {
			kept = append(kept, line)
		}
	}
	return regexp.MustCompile(`"(eventID|sharedEventID|originalEventID)"`).ReplaceAll(bytes.Join(kept, nil), []byte(`"other"`))
}

// trinoCommands are what is asked of every bucket, and what of some.
func trinoCommands(t *testing.T) (every, commands []string) {
	t.Helper()
	every = []string{
		"report -o csv --top=0", "report -o prometheus --labels.requester=arn", "report --by bucket,key,status,user_agent,requester,source_ip,account_id,aws_region --top=0 -o csv",
		"events --sort time -o json", "events --sort time --limit 7 -o csv", "report --by feature,log,operation --top=0 -o csv", "report --by tls_version,acl_required,support --top=0 -o csv",
		"report --by cipher_suite,host,referer,version_id,object_size,total_time,turn_around_time,access_point,source_region --top=0 -o csv",
		"report --by access_key_id,vpc_endpoint_id,vpc_endpoint_account_id,mfa,console_session,runtime --top=0 -o csv",
	}
	commands = []string{
		"report", "report -o json --labels.requester=account --top=0", "report -o prometheus", "report -o prometheus --signature SigV2 --labels.requester=arn",
		"report --by bucket,key,status --top=0 -o csv", "report --by day,log --top=0", "report --by hour,outcome -o csv --top=0", "report --by time,log,sent_bytes,received_bytes --top=0 -o csv",
		"report --by log_object,request_id,requester --top=0 -o json --labels.requester=arn", "report --by account_id,aws_region,auth_method,error_code --top=0 -o csv",
		"report --by user_agent,client,client_version,sigv4_default --labels.source-ip=24,64 --object --top=0 -o csv",
		"report --by source_ip --source-ip !192.0.2.0/24 --top=0 -o csv", "report --by operation --since 2026-01-15T10:00:01Z --until 2026-01-15T10:05:00Z --delivery-slack 1h",
		"report --feature plain_http --by feature,tls_version", "report --feature '!sigv2' --by feature,support -o json", "report --feature path_style --by host,bucket",
		"report --feature acl_required --by acl_required,requester,log", "report --feature 'tls1.*' --by tls_version,cipher_suite,client", "report --tls-version TLSv1.2 --by log,tls_version",
		"report --support ended --support unknown --by client,client_version,support", "report --access-key-id 'A*' --by access_key_id,mfa,console_session", "events --vpc-endpoint-id 'vpce-*' --sort time -o csv",
		"report --anonymous --object --account-id 1* --log '*' --outcome '!error' --by bucket,outcome --top=0", "report --record-format text --by log -o csv",
		"events --sort time -o csv --limit 3", "events --sort time -o json --limit 5 --since 2026-01-15T10:00:01Z", "events --sort time --outcome denied --log cloudtrail --fields time,request_id,log_object",
	}
	for command := range readmeCommands(t) {
		if strings.HasPrefix(command, "events ") {
			command += " --sort time -o csv"
		}
		commands = append(commands, command)
	}
	return every, append(every, commands...)
}

// inTables leaves out objects that can be in no table.
func inTables(put func(t *testing.T, key string, body []byte)) func(t *testing.T, key string, body []byte) {
	return func(t *testing.T, key string, body []byte) {
		t.Helper()
		for _, other := range []string{"access/", "media", "json/"} {
			if strings.HasPrefix(key, other) {
				return
			}
		}
		put(t, key, body)
	}
}

// unpacked returns the text of a log file.
func unpacked(t *testing.T, body []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var logObject = regexp.MustCompile(`file:///[^",\n]*_CloudTrail_[^",\n]*`)

// withoutLogObjects returns a text without the names of log objects, and if they decide the
// order of its lines, sorted.
func withoutLogObjects(text string, sorted bool) string {
	lines := strings.SplitAfter(logObject.ReplaceAllString(text, ""), "\n")
	if sorted {
		slices.Sort(lines)
	}
	return strings.Join(lines, "")
}

// Trino and the built-in scanner print the same bytes and have the same exit code, for
// every question that both answer.
func TestTrino_PrintsTheSameBytes(t *testing.T) {
	server := startTrino(t)
	fixtures := fixtureBucket(t)
	asCloudTrailWrites(t, fixtures)
	simulated := filepath.Join(t.TempDir(), "fleet")
	logs := hour(simulated)
	logs.put = inTables(logs.put)
	logs.at = logs.at.Add(37 * time.Minute) // over midnight
	logs.deliver(t, 5*time.Minute)
	traps := trapBucket(t)
	locations := map[string]string{
		"fixtures, lines": fixtures + "/partitioned", "fixtures, by event time": fixtures + "/by-event", "fixtures, organization": fixtures + "/trail",
		"fixtures, events": fixtures + "/AWSLogs", "fleet": simulated, "traps, lines": traps + "/lines", "traps, events": traps + "/trail",
	}
	for name, location := range locations {
		server.createTables(t, location)
		commands, all := trinoCommands(t)
		if name == "fleet" { // the others hold traps
			commands = all
		}
		for _, command := range commands {
			t.Run(name+"/"+command, func(t *testing.T) {
				args := append(shellWords(command), location)
				want := runToEnd(t, args...)
				got := server.run(t, args...)
				if name == "fixtures, organization" { // one event lies in two log objects
					byObject := strings.Contains(command, "--by log_object") // which decides the order, too
					got.stdout, want.stdout = withoutLogObjects(got.stdout, byObject), withoutLogObjects(want.stdout, byObject)
				}
				if got.stdout != want.stdout || got.code != want.code {
					t.Errorf("exit code %d, want %d; %s\n%s", got.code, want.code, golden.FirstDifference(got.stdout, want.stdout), got.stderr)
				}
			})
		}
	}
	t.Run("random trees", func(t *testing.T) { server.wantTheSameObjects(t) })
	t.Run("no log by its content", func(t *testing.T) { server.wantNamesWhatIsNoLog(t) })
	t.Run("parts of a request", func(t *testing.T) { server.wantPartsOfARequest(t) })
	t.Run("hostile lines", func(t *testing.T) { server.wantNoSlowLines(t) })
	t.Run("Athena fixtures", func(t *testing.T) { server.wantAthenaSQL(t, locations["fixtures, organization"]) })
	t.Run("Athena fleet", func(t *testing.T) { server.wantAthenaSQL(t, locations["fleet"]) })
}
