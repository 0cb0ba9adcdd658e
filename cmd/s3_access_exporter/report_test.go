package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

func TestReport_WritesWhatItAlwaysWrote(t *testing.T) {
	bucket := fixtureBucket(t)
	for name, args := range map[string][]string{
		"report_overview.txt.golden":  {},
		"report_overview.csv.golden":  {"-o", "csv", "--top=3"},
		"report_overview.json.golden": {"-o", "json", "--top=3"},
		"report_by.txt.golden":        {"--by=bucket,key,status", "--top=12"},
		"report_by.csv.golden":        {"--by=log,requester,user_agent", "--top=0", "-o", "csv", "--labels.requester=account"},
		"report_by.json.golden":       {"--by=operation,error_code,received_bytes", "--top=0", "-o", "json", "--bucket=example-reports"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runToEnd(t, append([]string{"report", bucket}, args...)...)
			golden.Want(t, name, got.stdout)
			if got.code != exitFailed || !strings.Contains(got.stderr, broken) {
				t.Errorf("exit code %d, %s", got.code, got.stderr)
			}
		})
	}
}

// The overview is seven questions, each of which a naive reading answers too.
func TestReport_OverviewIsWhatANaiveReadingFinds(t *testing.T) {
	tables := map[string]struct {
		question
		derived map[string]string // a column that follows from another, by the client
	}{
		"sigv2": {question: question{
			where: func(r fleet.Request) bool { return r.Signature == "SigV2" }, by: "log,requester,client,client_version",
		}},
		"legacy": {question: question{
			where: func(r fleet.Request) bool { return r.Features != "" }, by: "log,feature,requester,client,client_version",
		}},
		"legacy_undetermined": {question: question{
			where: func(r fleet.Request) bool { return r.Undetermined != "" }, by: "log,feature",
		}},
		"anonymous": {question: question{
			where: func(r fleet.Request) bool { return r.Anonymous }, by: "log,bucket,source_ip,outcome",
		}},
		"objects": {question: question{
			where: func(r fleet.Request) bool { return r.Key != "" || r.Operation == "DeleteObjects" }, by: "log,operation,bucket",
		}},
		"outdated_clients": {question: question{
			where: func(r fleet.Request) bool { return naiveSigV4Defaults[r.Client+" "+r.ClientVersion] == "no" },
			by:    "log,client,client_version",
		}, derived: map[string]string{"aws-cli": "1.11.108", "aws-sdk-php2": ""}},
		"bytes": {question: question{
			where: func(r fleet.Request) bool { return r.SentBytes > 0 || r.ReceivedBytes > 0 }, by: "log,source_ip",
		}},
	}
	requests := readFixtures(t).requests
	found := make(map[string][]jsonRow)
	for _, row := range runJSON(t, []string{"report", "-o", "json", "--top=0", fixtureBucket(t)}) {
		found[row.text("table")] = append(found[row.text("table")], row)
	}
	if missing, more := difference(tables, found); missing != nil || more != nil {
		t.Errorf("there are no tables %q, and %q too much", missing, more)
	}
	for name, table := range tables {
		t.Run(name, func(t *testing.T) {
			var asked []fleet.Request
			for _, r := range requests {
				switch {
				case !table.where(r):
				case name == "legacy": // a request is in the group of each of its features
					for r.Features = range strings.SplitSeq(r.Features, ",") {
						asked = append(asked, r)
					}
				case name == "legacy_undetermined":
					for r.Features = range strings.SplitSeq(r.Undetermined, ",") {
						asked = append(asked, r)
					}
				default:
					asked = append(asked, r)
				}
			}
			checkGroups(t, found[name], asked, strings.Split(table.by, ","))
			for _, row := range found[name] {
				if want := table.derived[row.text("client")]; row.text("sigv4_since") != want {
					t.Errorf("%s is mended by %q, not %q", row.text("client"), row.text("sigv4_since"), want)
				}
			}
		})
	}
}

func TestReport_OrdersGroupsBySizeThenByTheirValues(t *testing.T) {
	bucket := fixtureBucket(t)
	for _, test := range []struct {
		args string
		rank func(jsonRow) int64
	}{
		{"--by=operation,bucket", func(r jsonRow) int64 { return naiveNumber(r.text("requests")) }},
		{"--bucket=*", func(r jsonRow) int64 { // the last table of the overview
			return max(naiveNumber(r.text("sent_bytes")), 0) + max(naiveNumber(r.text("received_bytes")), 0)
		}},
	} {
		var rows []jsonRow
		for _, row := range runJSON(t, []string{"report", bucket, "-o", "json", "--top=0", test.args}) {
			if table := row.text("table"); table == "" || table == "bytes" {
				rows = append(rows, row)
			}
		}
		for i := 1; i < len(rows); i++ {
			a, b := rows[i-1], rows[i]
			values := func(r jsonRow) string {
				return r.text("log") + "\x00" + r.text("operation") + "\x00" + r.text("bucket") + "\x00" + r.text("source_ip")
			}
			if test.rank(a) < test.rank(b) || test.rank(a) == test.rank(b) && values(a) >= values(b) {
				t.Errorf("%v stands before %v", a, b)
			}
		}
		top := runJSON(t, []string{"report", bucket, "-o", "json", "--top=2", test.args})
		if last := top[len(top)-2:]; last[0].text("requests") != rows[0].text("requests") || last[1].text("requests") != rows[1].text("requests") {
			t.Errorf("%s: the first two are %v", test.args, last)
		}
	}
}

func TestReport_TellsHowMuchItLeavesOut(t *testing.T) {
	bucket := fixtureBucket(t)
	if got := runToEnd(t, "report", "--by=source_ip", "--top=1", bucket); !strings.HasSuffix(got.stdout, "\nand 23 more (--top)\n") {
		t.Errorf("%s", got.stdout)
	}
	// Rows for programs cannot show it. One line on standard error does, before the last one, whatever is logged
	// and whoever counts.
	const part = program + ": left out 23 groups; --top=0 prints all\n"
	const overview = program + ": left out 42 groups (legacy 5, legacy_undetermined 3, objects 15, bytes 19); --top=0 prints all\n"
	for args, want := range map[string]string{
		"--by=source_ip --top=1 -o csv": part, "--by=source_ip --top=1 -o json": part, "-o csv": overview, "-o json": overview,
		"--by=source_ip -o csv --top=0": "", "--by=source_ip -o json --top=24": "", "-o json --top=0": "", "": "", "-o prometheus": "",
	} {
		args := append([]string{"report", "--log.level=error", bucket}, strings.Fields(args)...)
		var stdout, stderr bytes.Buffer
		runOn(t.Context(), args, &stdout, &stderr, func(scan *engine.Scan) engine.Engine { return &groupingEngine{scan: scan} })
		for _, got := range []string{runToEnd(t, args...).stderr, stderr.String()} {
			before, last, _ := strings.Cut(got, program+": looked at ")
			if strings.Count(got, "left out") != strings.Count(want, "left out") || !strings.Contains(before, want) || strings.Count(last, "\n") != 1 {
				t.Errorf("%q: %s", args, got)
			}
		}
	}
	if got := runToEnd(t, "report", "--by=source_ip", "--top=0", bucket); strings.Contains(got.stdout, "more") {
		t.Errorf("%s", got.stdout)
	}
}

// With a filter, the metrics are those of the requests that match, also where the
// labels tell less than the filter asks.
func TestReport_CountsInMetricsOnlyWhatMatches(t *testing.T) {
	var want []fleet.Request
	for _, r := range readFixtures(t).requests {
		if r.SourceIP == "192.0.2.17" && strings.HasPrefix(r.Operation, "Delete") {
			r.SourceIP = "192.0.2.0/24"
			want = append(want, r)
		}
	}
	got, err := parseSamples([]byte(runToEnd(t, "report", "-o", "prometheus", "--source-ip=192.0.2.17", "--operation=Delete*",
		"--labels.source-ip=24,64", fixtureBucket(t)).stdout))
	if err != nil {
		t.Fatal(err)
	}
	if diff := got.requestFamilies().diff(expected(want)); diff != "" || len(want) == 0 {
		t.Errorf("%d requests, %s", len(want), diff)
	}
}

func TestReport_ShowsThatNothingMatches(t *testing.T) {
	line, _, _ := bytes.Cut(manyLines(), []byte("\n"))
	dir := singleObjectBucket(t, line)
	const none = "no requests match\n"
	for args, want := range map[string]string{
		"--by=log":               none,
		"--by=log --output=json": "",
		"--by=log --output=csv":  "log,requests,sent_bytes,received_bytes,first_seen,last_seen\n",
		"--output=json":          "",
		"--output=prometheus":    "",
		"--output=table":         strings.Repeat(none, 7),
	} {
		got := runToEnd(t, append([]string{"report", dir, "--bucket=none"}, strings.Fields(args)...)...)
		if got.code != exitOK || got.stdout != want && strings.Count(got.stdout, none) != 7 ||
			got.stderr != program+": looked at 1 log object (367 B): no candidate requests\n" {
			t.Errorf("%s: exit code %d, %q, %s", args, got.code, got.stdout, got.stderr)
		}
	}
}

// That nothing matches is not the same as that nothing was there.
func TestRun_WarnsWhereNothingWasRead(t *testing.T) {
	line, _, _ := bytes.Cut(manyLines(), []byte("\n"))
	logs, empty, other := singleObjectBucket(t, line), t.TempDir(), t.TempDir()
	ahead := singleObjectBucket(t, bytes.Replace(line, []byte("/2026:"), []byte("/2096:"), 1))
	if err := writeObject(filepath.Join(other, "picture.jpg"), []byte("JFIF")); err != nil {
		t.Fatal(err)
	}
	renamed := t.TempDir()
	for name, body := range map[string][]byte{"2026-01-15-08-30-00-0123456789ABCDEF": line, "2026-01-15-08-40-00-0123456789ABCDEF.gz": gzipped(t, line)} {
		if err := writeObject(filepath.Join(renamed, name), body); err != nil {
			t.Fatal(err)
		}
	}
	foreign := t.TempDir()
	for name, body := range map[string]string{"a.parquet": "PAR1", "a.json": `{"level":"info"}`} {
		if err := writeObject(filepath.Join(foreign, "app", "2026", "01", "15", name), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	inJSON := t.TempDir()
	request := `{"schema_version_id":"V_1_0","bucket_name":"b","request_time":"2026-01-15T08:00:00.000Z","operation":"REST.GET.OBJECT"}`
	if err := writeObject(filepath.Join(inJSON, "2026", "01", "15", "a"), []byte(request)); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	if err := writeObject(filepath.Join(old, "2025-12-01-00-00-00-0123456789ABCDEF"), line); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	const lastLine = program + ": looked at "
	for _, command := range []string{"report", "report -o prometheus", "events", "events --sort time -o csv", "backfill"} {
		for _, test := range []struct {
			name, args string
			code       int
			want       []string
		}{
			{"empty", empty, exitFailed, []string{"level=WARN", "no log object lies here", "location=file://" + empty, lastLine + "0 log objects (0 B)"}},
			{"no logs", other, exitFailed, []string{
				"level=WARN", "location=file://" + other, lastLine + `0 log objects (0 B); skipped 1 object (not_a_log 1 such as "file://` + other + `/picture.jpg")`,
			}},
			{"logs of other kinds", foreign, exitFailed, []string{
				"level=WARN", "location=file://" + foreign, lastLine + `0 log objects (0 B); skipped 2 objects (parquet 1 such as "file://` + foreign +
					`/app/2026/01/15/a.parquet", unknown_log 1 such as "file://` + foreign + `/app/2026/01/15/a.json")`,
			}},
			{"some under other names", renamed, exitOK, []string{
				"level=WARN", `msg="objects are skipped that may hold requests" reason=renamed_log objects=1 location=file://` + renamed + ` key=2026-01-15-08-40-00-0123456789ABCDEF.gz`,
				lastLine + `1 log object (367 B): 1 server_access request`, `skipped 1 object (renamed_log 1 such as "file://` + renamed + `/2026-01-15-08-40-00-0123456789ABCDEF.gz")`,
			}},
			{"missing", missing, exitFailed, []string{"location file://" + missing + ": ", "no such file or directory", lastLine + "0 log objects (0 B)"}},
			{"one of two", logs + " " + empty, exitFailed, []string{"level=WARN", "location=file://" + empty, lastLine + "1 log object (367 B): 1 server_access request from 2026-01-15T08:21:07Z to 2026-01-15T08:21:07Z"}},
			{"before --since", "--since=2026-02-01 " + logs, exitFailed, []string{"level=WARN", "location=file://" + logs, "oldest=2026-01-15T08:30:00.000Z", lastLine + "0 log objects (0 B)"}},
			{"one of two before --since", "--since=2026-01-10 " + logs + " " + old, exitFailed, []string{"level=WARN", "location=file://" + old, "oldest=2025-12-01T00:00:00.000Z", lastLine + "1 log object (367 B)"}},
			{"nothing matches", "--key=none " + logs, exitOK, []string{lastLine + "1 log object (367 B): no candidate requests"}},
			{"in another format", "--record-format=text " + inJSON, exitFailed, []string{
				"level=WARN", "--record-format", "location=file://" + inJSON, lastLine + `0 log objects (0 B); skipped 1 object (other_format 1 such as "file://` + inJSON + `/2026/01/15/a")`,
			}},
			{"in another format by its key", "--record-format=json " + logs, exitFailed, []string{"level=WARN", "--record-format", "location=file://" + logs, lastLine + "0 log objects (0 B)"}},
			{"to come", ahead, exitOK, []string{lastLine + "1 log object (367 B): 1 server_access request, to come by the clock"}},
			{"all is well", logs, exitOK, []string{lastLine + "1 log object (367 B): 1 server_access request from 2026-01-15T08:21:07Z to 2026-01-15T08:21:07Z"}},
		} {
			t.Run(command+" "+test.name, func(t *testing.T) {
				got := runToEnd(t, append(strings.Fields(command), strings.Fields(test.args)...)...)
				if got.code != test.code {
					t.Errorf("exit code %d, want %d", got.code, test.code)
				}
				for _, want := range test.want {
					if !strings.Contains(got.stderr, want) {
						t.Errorf("%q is missing in\n%s", want, got.stderr)
					}
				}
				lines := strings.SplitAfter(got.stderr, "\n")
				if last := lines[len(lines)-2]; !strings.HasPrefix(last, lastLine) {
					t.Errorf("the last line is %s", last)
				}
			})
		}
	}
}

func TestReport_NamesWhatIsWrongInOneLine(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ args, want string }{
		{"--by=user", `--by: there is no field "user"; the fields are time, log,`},
		{"--by=bucket,bucket", "--by: field bucket is there twice"},
		{"--by=", `--by: there is no field ""`},
		{"--by=log --output=prometheus", "--by goes with --output table, json or csv"},
		{"--top=-1", "--top must not be negative"},
		{"--top=many", "--top: expected a valid"},
		{"--output=parquet", "--output must be one of"},
		{"--labels.requester=user", "--labels.requester: "},

		{"--since=yesterday", `--since: "yesterday" is no time: write 2026-01-31T12:00:00Z`},
		{"--since=2026-02-30", `--since: "2026-02-30" is no time`},
		{"--since=2026-01-31T12:00:00", `--since: "2026-01-31T12:00:00" is no time`},
		{"--until=-1h", `--until: "-1h" is no time`},
		{"--since=2026-01-02 --until=2026-01-02", "--since must be before --until"},
		{"--since=1d --until=2d", "--since must be before --until"},
		{"--delivery-slack=soon", `--delivery-slack: "soon" is no duration`},
		{"--log=elb", `--log: "elb" is none of server_access, cloudtrail`},
		{"--signature=SigV5", `--signature: "SigV5" is none of SigV2,`},
		{"--outcome=failed", `--outcome: "failed" is none of success, denied, error`},
		{"--bucket=", `--bucket: "" is no pattern`},
		{"--bucket=!", `--bucket: "!" is no pattern`},
		{"--key=", `--key: "" is no pattern`},
		{"--requester=!", "--requester: "},
		{"--source-ip=192.0.2", `--source-ip: "192.0.2" is no address, network or AWS service`},
		{"--source-ip=192.0.2.0/33", `--source-ip: "192.0.2.0/33" is no address`},
		{"--anonymous=maybe", "--anonymous: bool value must be"},
		{"--scan.interval=1m", "unknown flag --scan.interval"},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := append([]string{"report", dir}, strings.Fields(test.args)...)
			wantFailure(t, runToEnd(t, args...), exitUsage, test.want)
		})
	}
}

// An environment that says where S3 is does not narrow what is asked for.
func TestReport_TakesNoFilterFromTheEnvironment(t *testing.T) {
	t.Setenv("S3_ACCESS_EXPORTER_AWS_REGION", "eu-west-1")
	t.Setenv("S3_ACCESS_EXPORTER_SIGNATURE", "SigV2")
	got := runToEnd(t, "report", "-o", "prometheus", fixtureBucket(t))
	golden.Want(t, "report.golden", got.stdout)
}

// A hint names no flag that the command does not have.
func TestRun_NamesTheFlagForAnObjectThatIsTooLarge(t *testing.T) {
	dir := singleObjectBucket(t, manyLines())
	for _, command := range []string{"report", "events", "backfill"} {
		got := runToEnd(t, command, "--scan.max-object-size=1MiB", dir)
		if got.code != exitFailed || !strings.Contains(got.stderr, "larger than 1048576 bytes") ||
			!strings.Contains(got.stderr, "1 log object could not be read; its requests are missing above; larger ones are read with --scan.max-object-size\n") {
			t.Errorf("%s: exit code %d, %s", command, got.code, got.stderr)
		}
		if got := runToEnd(t, command, "--scan.max-object-size=8MiB", dir); got.code != exitOK {
			t.Errorf("%s: exit code %d, %s", command, got.code, got.stderr)
		}
	}
}
