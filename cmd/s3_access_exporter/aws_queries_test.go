package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// question is what a command of the README asks of requests, in a way that shares
// nothing with the command.
type question struct {
	where func(fleet.Request) bool
	by    string // fields with commas between them; empty: the single requests
	first int    // requests; 0: all
	raw   bool   // as they were logged
}

// awsQueries are the commands of the README's table of AWS's queries.
func awsQueries() map[string]question {
	everything := func(fleet.Request) bool { return true }
	sigV2 := func(r fleet.Request) bool { return r.Signature == "SigV2" }
	uses := func(feature string) func(fleet.Request) bool {
		return func(r fleet.Request) bool { return slices.Contains(strings.Split(r.Features, ","), feature) }
	}
	onTheDay := func(r fleet.Request) bool { return r.Time.Format(time.DateOnly) == "2026-01-15" }
	const period = " --since 2026-01-15 --until 2026-01-16"
	return map[string]question{
		"events -o raw --sort time --limit 2": {where: everything, first: 2, raw: true},
		"events --signature SigV2":            {where: sigV2},
		"events --signature '!SigV4*'":        {where: func(r fleet.Request) bool { return r.Signature != "SigV4" && r.Signature != "SigV4A" }},
		"events --signature SigV2 --sort time --limit 10 --fields time,operation,bucket,key,aws_region,source_ip,user_agent": {
			where: sigV2, first: 10,
		},
		"report --signature SigV2 --by requester": {where: sigV2, by: "requester"},
		"report --signature SigV2 --by source_ip": {where: sigV2, by: "source_ip"},
		"report --by requester,signature":         {where: everything, by: "requester,signature"},
		"report --by requester,signature --aws-region eu-west-1" + period: {
			where: func(r fleet.Request) bool { return r.Region == "eu-west-1" && onTheDay(r) }, by: "requester,signature",
		},
		"events --operation PutObject" + period: {
			where: func(r fleet.Request) bool { return r.Operation == "PutObject" && onTheDay(r) },
		},
		"events --operation GetObject" + period: {
			where: func(r fleet.Request) bool { return r.Operation == "GetObject" && onTheDay(r) },
		},
		"events --anonymous --bucket example-photos" + period: {
			where: func(r fleet.Request) bool { return r.Anonymous && r.Bucket == "example-photos" && onTheDay(r) },
		},
		"events --operation 'Delete*' --key albums/summer/pier.jpg": {
			where: func(r fleet.Request) bool { return r.Operation == "DeleteObject" && r.Key == "albums/summer/pier.jpg" },
		},
		"events --requester arn:aws:iam::111122223333:user/nightly-backup": {
			where: func(r fleet.Request) bool { return r.Requester == "arn:aws:iam::111122223333:user/nightly-backup" },
		},
		"events --key invoices/4711.pdf" + period: {
			where: func(r fleet.Request) bool { return r.Key == "invoices/4711.pdf" && onTheDay(r) },
		},
		"report --source-ip 192.0.2.17 --by source_ip" + period: {
			where: func(r fleet.Request) bool { return r.SourceIP == "192.0.2.17" && onTheDay(r) }, by: "source_ip",
		},
		"report --by client,client_version,sigv4_default":     {where: everything, by: "client,client_version,sigv4_default"},
		"events --feature acl_required":                       {where: uses("acl_required")},
		"report --feature acl_required --by bucket,requester": {where: uses("acl_required"), by: "bucket,requester"},
		"report --feature 'tls1.*' --by requester,client,feature": {
			where: func(r fleet.Request) bool { return uses("tls1.0")(r) || uses("tls1.1")(r) }, by: "requester,client,feature",
		},
		"report --by requester --requester '!*.amazonaws.com'": {
			where: func(r fleet.Request) bool { return !strings.HasSuffix(r.Requester, ".amazonaws.com") }, by: "requester",
		},
	}
}

func TestReadme_AnswersAWSsQueries(t *testing.T) {
	requests := readFixtures(t).requests
	bucket := fixtureBucket(t)
	questions := awsQueries()
	told := readmeCommands(t)
	if missing, more := difference(questions, told); missing != nil || more != nil {
		t.Errorf("README has not %q, and has %q too much", missing, more)
	}
	for _, command := range slices.Sorted(maps.Keys(told)) {
		for _, log := range []string{"*", "server_access", "cloudtrail"} {
			t.Run(command+" --log "+log, func(t *testing.T) {
				q := questions[command]
				var asked []fleet.Request
				for _, r := range requests {
					if (log == "*" || r.Log == log) && q.where(r) {
						asked = append(asked, r)
					}
				}
				if len(asked) == 0 {
					t.Fatal("the fixtures have no such request")
				}
				if q.raw {
					checkRaw(t, runToEnd(t, append(shellWords(command), "--log", log, bucket)...).stdout, asked, q.first)
					return
				}
				args := append(shellWords(command), "--log", log, "-o", "json", bucket)
				if q.by != "" {
					checkGroups(t, runJSON(t, append(args, "--top=0")), asked, strings.Split(q.by, ","))
				} else {
					checkRequests(t, runJSON(t, args), asked, q.first)
				}
			})
		}
	}
}

// checkRaw checks that the first records stand in the fixtures as they are printed, each on
// a line of its own.
func checkRaw(t *testing.T, printed string, requests []fleet.Request, first int) {
	t.Helper()
	slices.SortStableFunc(requests, func(a, b fleet.Request) int { return a.Time.Compare(b.Time) })
	var logged strings.Builder
	err := filepath.WalkDir("testdata/bucket", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		logged.WriteString(strings.ReplaceAll(string(text), "\n", ""))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(printed, "\n")
	if len(lines) != first+1 || lines[first] != "" {
		t.Fatalf("%d lines: %q", len(lines), printed)
	}
	for i, line := range lines[:first] {
		at := requests[i].Time.UTC()
		if !strings.Contains(logged.String(), strings.TrimSuffix(line, "\n")) ||
			!strings.Contains(line, at.Format("02/Jan/2006:15:04:05")) && !strings.Contains(line, at.Format(time.RFC3339)) {
			t.Errorf("no record of %s is %q", at, line)
		}
	}
}

// readmeCommands returns the commands in the README's table of AWS's queries.
func readmeCommands(t *testing.T) map[string]bool {
	t.Helper()
	_, section, _ := strings.Cut(readme(t), "\n## AWS's queries")
	section, _, _ = strings.Cut(section, "\n## ")
	found := make(map[string]bool)
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(code[1], "events ") || strings.HasPrefix(code[1], "report ") {
				found[code[1]] = true
			}
		}
	}
	return found
}

// shellWords splits a command at blanks outside of single quotes.
func shellWords(command string) []string {
	var words []string
	for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1) {
		words = append(words, strings.Trim(word, "'"))
	}
	return words
}

// jsonRow is a line of JSON, with numbers as they stand.
type jsonRow map[string]any

// runJSON runs a command over the fixtures, of which one object is broken.
func runJSON(t *testing.T, args []string) []jsonRow {
	t.Helper()
	got := runToEnd(t, args...)
	if got.code != exitFailed && got.code != exitOK {
		t.Fatalf("exit code %d, %s", got.code, got.stderr)
	}
	var rows []jsonRow
	decoder := json.NewDecoder(strings.NewReader(got.stdout))
	decoder.UseNumber()
	for decoder.More() {
		var row jsonRow
		if err := decoder.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// text returns a value as text, null as empty.
func (r jsonRow) text(name string) string {
	if r[name] == nil {
		return ""
	}
	return fmt.Sprint(r[name])
}

// naiveSigV4Defaults are what the fixtures' clients do; of others it is unknown.
var naiveSigV4Defaults = map[string]string{
	"aws-cli 1.10.67": "no", "aws-sdk-php2 2.8.31": "no",
	"boto3 1.42.4": "yes", "aws-sdk-java 1.11.201": "yes", "aws-sdk-rust 1.3.10": "yes", "rclone 1.71.2": "yes",
}

// told returns the fields of a request as a naive reading knows them.
func told(r fleet.Request, requester string) map[string]string {
	sigv4Default := naiveSigV4Defaults[r.Client+" "+r.ClientVersion]
	if sigv4Default == "" {
		sigv4Default = "unknown"
	}
	fields := map[string]string{
		"time": r.Time.UTC().Format(time.RFC3339), "log": r.Log, "account_id": r.AccountID, "aws_region": r.Region, "bucket": r.Bucket,
		"operation": r.Operation, "key": r.Key, "requester": requester, "source_ip": r.SourceIP, "client": r.Client,
		"client_version": r.ClientVersion, "signature": r.Signature, "auth_method": strings.TrimPrefix(r.AuthMethod, "unknown"), "outcome": r.Outcome,
		"error_code": r.ErrorCode, "sigv4_default": sigv4Default, "feature": r.Features, "status": "", "sent_bytes": "", "received_bytes": "",
	}
	for name, n := range map[string]int64{"sent_bytes": r.SentBytes, "received_bytes": r.ReceivedBytes} {
		if n != fleet.Unknown {
			fields[name] = strconv.FormatInt(n, 10)
		}
	}
	if r.Status != 0 {
		fields["status"] = strconv.Itoa(r.Status)
	}
	return fields
}

// naiveGroup is what a naive reading finds in a group.
type naiveGroup struct {
	requests, sent, received int64
	first, last              time.Time
}

// naiveGroups groups requests by fields.
func naiveGroups(requests []fleet.Request, by []string) map[string]*naiveGroup {
	groups := make(map[string]*naiveGroup)
	for _, r := range requests {
		values, fields := []string{}, told(r, role(r.Requester))
		for _, name := range by {
			values = append(values, fields[name])
		}
		key := strings.Join(values, "|")
		g := groups[key]
		if g == nil {
			g = &naiveGroup{sent: fleet.Unknown, received: fleet.Unknown, first: r.Time, last: r.Time}
			groups[key] = g
		}
		g.requests++
		if r.SentBytes != fleet.Unknown {
			g.sent = max(g.sent, 0) + r.SentBytes
		}
		if r.ReceivedBytes != fleet.Unknown {
			g.received = max(g.received, 0) + r.ReceivedBytes
		}
		if r.Time.Before(g.first) {
			g.first = r.Time
		}
		if r.Time.After(g.last) {
			g.last = r.Time
		}
	}
	return groups
}

// checkGroups compares rows with what a naive reading finds.
func checkGroups(t *testing.T, rows []jsonRow, requests []fleet.Request, by []string) {
	t.Helper()
	want := naiveGroups(requests, by)
	if len(rows) != len(want) {
		t.Errorf("%d groups, want %d", len(rows), len(want))
	}
	said := func(n int64) string {
		if n == fleet.Unknown {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, row := range rows {
		var values []string
		for _, name := range by {
			values = append(values, row.text(name))
		}
		g := want[strings.Join(values, "|")]
		if g == nil {
			t.Errorf("there is no group %q", values)
			continue
		}
		for name, value := range map[string]string{
			"requests": said(g.requests), "sent_bytes": said(g.sent), "received_bytes": said(g.received),
			"first_seen": g.first.UTC().Format(time.RFC3339), "last_seen": g.last.UTC().Format(time.RFC3339),
		} {
			if got := row.text(name); got != value {
				t.Errorf("%s of %q is %s, want %s", name, values, got, value)
			}
		}
	}
}

// checkRequests compares rows with what a naive reading finds, in any order or, if
// they are the first ones, in that of time.
func checkRequests(t *testing.T, rows []jsonRow, requests []fleet.Request, first int) {
	t.Helper()
	slices.SortStableFunc(requests, func(a, b fleet.Request) int { return a.Time.Compare(b.Time) })
	want := len(requests)
	if first > 0 {
		want = min(want, first)
	}
	if len(rows) != want {
		t.Errorf("%d requests, want %d", len(rows), want)
	}
	left := slices.Clone(requests)
	for i, row := range rows {
		is := func(r fleet.Request) bool {
			fields := told(r, r.Requester)
			for name := range row {
				if value, known := fields[name]; known && row.text(name) != value {
					return false
				}
			}
			return true
		}
		found := slices.IndexFunc(left, is)
		if found < 0 {
			t.Errorf("there is no request %v", row)
			continue
		}
		if first > 0 && !left[found].Time.Equal(requests[i].Time) {
			t.Errorf("request %d is not of %s: %v", i, requests[i].Time, row)
		}
		left = slices.Delete(left, found, found+1)
	}
}
