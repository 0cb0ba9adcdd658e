//go:build integration

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

// wantTheSameObjects wants of a random tree the requests of the objects that the scanner
// reads, and no others, whatever times they have: also of objects that lie in the folder of
// another day, account or Region than their names have.
func (s *trinoServer) wantTheSameObjects(t *testing.T) {
	t.Helper()
	bucket := filepath.Join(t.TempDir(), "random")
	random := rand.New(rand.NewPCG(1, 2))
	first := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	moment := func() time.Time {
		return first.Add(time.Duration(random.IntN(5*24*60)) * time.Minute).Truncate(time.Duration(1+random.IntN(3*60)) * time.Minute)
	}
	either := func(a, b string) string { return []string{a, b}[random.IntN(2)] }
	for i := range 150 {
		at := moment()
		account, region := either("111122223333", "444455556666"), either("eu-west-1", "us-east-1")
		day, folder := at.Format("/2006/01/02/"), account
		switch random.IntN(12) {
		case 0:
			day = moment().Format("/2006/01/02/")
		case 1:
			folder = either("111122223333", "444455556666")
		case 2:
			day += "deeper/"
		}
		requested := at.Add(time.Duration(random.IntN(50*60)-48*60) * time.Minute)
		key := "p/" + folder + "/" + region + "/photos" + strconv.Itoa(random.IntN(3)) + day + at.Format("2006-01-02-15-04-05-") + fmt.Sprintf("%016X", i)
		text := strings.Replace(ordinaryLine, "15/Jan/2026:08:21:07", requested.Format("02/Jan/2006:15:04:05"), 1)
		if i%2 == 0 {
			key = "AWSLogs/" + folder + "/CloudTrail/" + region + day + account + "_CloudTrail_" + region + at.Format("_20060102T1504Z_") + fmt.Sprintf("%016X", i) + ".json"
			text = fmt.Sprintf(`{"Records":[{"eventVersion":"1.08","eventTime":"%s","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"%s"}]}`, requested.Format(time.RFC3339), region)
		}
		if err := writeObject(filepath.Join(bucket, key), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	tables := runToEnd(t, "engine", "ddl", "--engine=trino", bucket) // some objects lie in none
	for statement := range strings.SplitSeq(tables.stdout, ";\n") {
		if strings.TrimSpace(statement) != "" {
			s.exec(t, statement)
		}
	}
	others := make(map[string]bool) // objects that lie in no table: of these the engine prints nothing
	for range 12 {
		args := []string{"report", "--by=log_object,time", "--top=0", "-o", "csv", "--delivery-slack=" + strconv.Itoa(random.IntN(30)) + "h", bucket}
		since := moment()
		if random.IntN(4) > 0 {
			args = append(args, "--since="+since.Format(time.RFC3339))
		}
		if random.IntN(4) > 0 {
			args = append(args, "--until="+since.Add(time.Duration(1+random.IntN(3*24*60))*time.Minute).Format(time.RFC3339))
		}
		if random.IntN(3) == 0 {
			args = append(args, "--aws-region=eu-*")
		}
		want := runToEnd(t, args...)
		got := s.run(t, args...)
		if got, want := slices.Sorted(strings.Lines(got.stdout)), withoutMisfiled(want.stdout, others); !slices.Equal(got, want) {
			t.Errorf("%q: %s", args, golden.FirstDifference(strings.Join(got, ""), strings.Join(want, "")))
		}
	}
	if len(others) == 0 {
		t.Error("no object lay where its name does not say")
	}
}

var misfiled = regexp.MustCompile(`/([0-9]{12})/(?:CloudTrail/)?[^/]+/(?:photos[0-9]/)?([0-9]{4})/([0-9]{2})/([0-9]{2})/(?:([0-9]{12})_CloudTrail_[^_]+_)?([0-9-]{10}|[0-9]{8})`)

// withoutMisfiled returns the lines of objects that lie where their names say, in their order,
// and takes note of the others.
func withoutMisfiled(text string, others map[string]bool) (lines []string) {
	for line := range strings.Lines(text) {
		f := misfiled.FindStringSubmatch(line)
		isHeader := !strings.Contains(line, "/")
		if isHeader || f != nil && strings.ReplaceAll(f[6], "-", "") == f[2]+f[3]+f[4] && (f[5] == "" || f[5] == f[1]) {
			lines = append(lines, line)
		} else {
			others[line] = true
		}
	}
	slices.Sort(lines)
	return lines
}

// wantNamesWhatIsNoLog wants objects that have the names of log objects and other content to
// be named, whatever is asked for, as the scanner names them or, if it can read them, in
// their place.
func (s *trinoServer) wantNamesWhatIsNoLog(t *testing.T) {
	t.Helper()
	bucket := filepath.Join(t.TempDir(), "others")
	const folder = "/111122223333/eu-west-1/traps/2026/01/15/2026-01-15-09-00-00-0123456789ABCDE"
	for name, text := range map[string][]byte{
		"0": []byte(ordinaryLine), "1": []byte("one\n" + ordinaryLine), "2": []byte("one\ntwo"), "3": []byte(`{"operation":"REST.GET.OBJECT"}`), "4": nil,
		"5": gzipped(t, []byte(ordinaryLine)),
	} {
		if err := writeObject(bucket+folder+name, text); err != nil {
			t.Fatal(err)
		}
	}
	s.createTables(t, bucket)
	for _, command := range []string{"report --by operation", "report --signature SigV2 --by operation", "events --sort time --limit 1", "events --object --until 2026-01-15"} {
		result := s.run(t, append(shellWords(command), bucket)...)
		if result.code != exitFailed || strings.Count(result.stderr, "reason=not_a_log") != 3 {
			t.Errorf("%s: exit code %d, %s", command, result.code, result.stderr)
		}
		for _, object := range []string{"2", "3", "5"} {
			if !strings.Contains(result.stderr, "key="+folder[1:]+object+" ") {
				t.Errorf("%s: object %s is not named: %s", command, object, result.stderr)
			}
		}
	}
}

// wantPartsOfARequest wants the events of a service for the parts of one request, which share
// an ID, to count once each: every key, and every version of one.
func (s *trinoServer) wantPartsOfARequest(t *testing.T) {
	t.Helper()
	bucket := filepath.Join(t.TempDir(), "parts")
	var events []string
	for i, parameters := range []string{
		`"key":"a","versionId":"v1"`, `"key":"a","versionId":"v2"`, `"key":"a"`, `"key":"av1"`, `"Key":"a"`, `"Key":"b"`,
		`"key":"a","versionId":"v1"`, // delivered again, with an ID of its own
	} {
		events = append(events, fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"2026-01-15T08:00:00Z","eventSource":"s3.amazonaws.com","eventName":"DeleteObject",`+
			`"requestParameters":{"bucketName":"b",%s},"eventType":"AwsServiceEvent","sharedEventID":"30000000-0000-4000-8000-000000000001","eventID":"e%d"}`, parameters, i))
	}
	const key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/15/111122223333_CloudTrail_us-east-1_20260115T0805Z_AbCdEfGh12345678.json.gz"
	if err := writeObject(filepath.Join(bucket, key), gzipped(t, []byte(`{"Records":[`+strings.Join(events, ",")+`]}`))); err != nil {
		t.Fatal(err)
	}
	s.createTables(t, bucket)
	args := []string{"report", "--by=key,version_id", "-o", "csv", bucket}
	want, got := runToEnd(t, args...), s.run(t, args...)
	if lines := strings.Count(want.stdout, "\n"); lines != 1+5 || got.stdout != want.stdout {
		t.Errorf("%d lines, want %d; %s\n%s", lines, 1+5, golden.FirstDifference(got.stdout, want.stdout), got.stderr)
	}
}

// wantNoSlowLines wants long lines to take the same time whatever is in them, some
// dozens of times as long at most: one pattern for a whole line takes a thousand times as
// long, or more.
func (s *trinoServer) wantNoSlowLines(t *testing.T) {
	t.Helper()
	const head = `a b [15/Jan/2026:08:21:07 +0000] 192.0.2.1 - 7C3A9E51D2B810F3 REST.GET.OBJECT x "GET /x HTTP/1.1" 200 - 1 1 31 27 `
	const tail = ` - h SigV4 c AuthHeader h TLSv1.3 - - - x` + "\n"
	query := func(name string, texts ...string) time.Duration {
		var body strings.Builder
		for range 40 {
			for _, text := range texts {
				text = strings.Repeat(text, 16<<10/len(text))
				body.WriteString(head + `"-" "` + text + `"` + tail + head + `"` + text + `" x` + "\n")
			}
		}
		bucket := filepath.Join(t.TempDir(), name)
		if err := writeObject(bucket+"/111122223333/eu-west-1/h/2026/01/15/2026-01-15-09-00-00-0123456789ABCDEF", []byte(body.String())); err != nil {
			t.Fatal(err)
		}
		s.createTables(t, bucket)
		args := []string{"report", "--by", "user_agent,outcome", "--top=0", "-o", "csv", bucket}
		want := runToEnd(t, args...)
		began := time.Now()
		if got := s.run(t, args...); got.stdout != want.stdout || got.code != want.code {
			t.Errorf("%s: exit code %d; %s\n%s", name, got.code, golden.FirstDifference(got.stdout, want.stdout), got.stderr)
		}
		return time.Since(began)
	}
	ordinary := query("ordinary", "curl/8.5.0", "x", "aws-cli/2", "y", "0")
	if hostile := query("hostile", `" "`, " ", `" `, "- ", `"`); hostile > 60*ordinary {
		t.Errorf("hostile lines take %v, ordinary ones %v", hostile, ordinary)
	} else {
		t.Logf("hostile lines take %v, ordinary ones %v", hostile, ordinary)
	}
}
