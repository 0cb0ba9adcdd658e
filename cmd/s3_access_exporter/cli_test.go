package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// wantFailure checks that a run ended with a code and one line that has a text.
func wantFailure(t *testing.T, got outcome, code int, text string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d", got.code, code)
	}
	line, rest, _ := strings.Cut(got.stderr, "\n")
	if rest != "" || !strings.HasPrefix(line, program+": error: ") || !strings.Contains(line, text) {
		t.Errorf("stderr is %q, want one line with %q", got.stderr, text)
	}
	if got.stdout != "" {
		t.Errorf("stdout is %q", got.stdout)
	}
}

func TestRun_NamesWhatIsWrongInOneLine(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args string // DIR stands for a directory
		want string
	}{
		{"", `expected one of "serve"`},
		{"serv", `did you mean "serve"?`},
		{"version now", "unexpected argument now"},
		{"demo DIR", "unexpected argument"},

		// Flags.
		{"serve DIR --scan.intervall=1m", "unknown flag --scan.intervall"},
		{"serve DIR --scan.interval", "--scan.interval"},
		{"serve DIR --scan.interval=1x", `--scan.interval: "1x" is no duration`},
		{"serve DIR --scan.interval=-1m", `--scan.interval: "-1m" is no duration`},
		{"serve DIR --scan.interval=0", "--scan.interval: must be longer than 0"},
		{"serve DIR --scan.overlap=soon", `--scan.overlap: "soon"`},
		{"serve DIR --scan.sweep-window=30m", "--scan.sweep-window must not be shorter than --scan.overlap"},
		{"serve DIR --scan.since=ever", `--scan.since: "ever" is neither a duration such as 24h nor all`},
		{"serve DIR --scan.since=0", `--scan.since: "0"`},
		{"serve DIR --series.hold=2", `--series.hold: "2" is no duration`},
		{"serve DIR --coverage.interval=often", `--coverage.interval: "often" is no duration`},
		{"serve DIR --coverage.role-name=reader", "--coverage.role-name goes with --coverage.interval"},
		{"serve DIR --series.limit=-1", "--series.limit must not be negative"},
		{"serve DIR --series.limit=1e4", `--series.limit: expected a valid 64 bit int but got "1e4"`},
		{"serve DIR --scan.concurrency=-1", "--scan.concurrency must not be negative"},
		{"report DIR --scan.concurrency=-1", "--scan.concurrency must not be negative"},
		{"serve DIR --scan.max-object-size=0", `--scan.max-object-size: "0" is no size`},
		{"serve DIR --scan.max-object-size=-1GiB", `--scan.max-object-size: "-1GiB" is no size`},
		{"serve DIR --scan.max-object-size=2XB", `--scan.max-object-size: "2XB" is no size`},
		{"serve DIR --scan.max-object-size=9EiB9EiB", `--scan.max-object-size: "9EiB9EiB" is no size`},
		{"serve DIR --labels.requester=user", "--labels.requester: "},
		{"serve DIR --labels.source-ip=24", "--labels.source-ip: "},
		{"serve DIR --labels.source-ip=33,64", "--labels.source-ip: "},
		{"serve DIR --labels.source-ip=24,64,96", "--labels.source-ip: "},
		{"serve DIR --labels.client-version=2", "--labels.client-version: "},
		{"serve DIR --log.level=loud", "--log.level must be one of"},
		{"serve DIR --log.format=xml", "--log.format must be one of"},
		{"serve DIR --checkpoint.path=", "--checkpoint.path is empty"},
		{"serve DIR --aws.path-style=maybe", "--aws.path-style: bool value must be"},
		{"serve s3://example-logs --aws.endpoint-url=localhost:9000", `--aws.endpoint-url: "localhost:9000" is no URL`},
		{"serve s3://example-logs --aws.external-id=4711", "--aws.external-id goes with --aws.role-arn"},
		{"serve s3://example-logs --aws.endpoint-url=ftp://localhost", `--aws.endpoint-url: "ftp://localhost" is no URL`},

		// What the web server is to be.
		{"serve DIR --web.listen-address=", "--web.listen-address is empty"},
		{"serve DIR --web.listen-address=10403", `--web.listen-address: "10403" is no address`},
		{"serve DIR --web.listen-address=127.0.0.1:65536", `--web.listen-address: "127.0.0.1:65536" is no address`},
		{"demo --web.listen-address=10403", `--web.listen-address: "10403" is no address`},
		{"serve DIR --web.telemetry-path=metrics", `--web.telemetry-path: "metrics" is no plain path`},
		{"serve DIR --web.telemetry-path=", `--web.telemetry-path: "" is no plain path`},
		{"serve DIR --web.telemetry-path=/", `--web.telemetry-path: "/" is no plain path`},
		{"serve DIR --web.telemetry-path=//metrics", `--web.telemetry-path: "//metrics" is no plain path`},
		{"serve DIR --web.telemetry-path=/a/../b", `--web.telemetry-path: "/a/../b" is no plain path`},
		{"serve DIR --web.telemetry-path=/{all...}", `--web.telemetry-path: "/{all...}" is no plain path`},
		{"serve DIR --web.telemetry-path=/metrics?all", `--web.telemetry-path: "/metrics?all" is no plain path`},
		{"serve DIR --web.telemetry-path=/-/ready", "--web.telemetry-path: /-/ready is taken"},
		{"serve DIR --web.max-requests=-1", "--web.max-requests must not be negative"},
		{"demo --web.telemetry-path=/-/healthy", "--web.telemetry-path: /-/healthy is taken"},

		// Locations.
		{"serve", `expected "<location> ..."`},
		{"report -o prometheus", `expected "<location> ..."`},
		{"serve s3://", `location "s3://"`},
		{"serve s3://no", `"no" is no bucket's name`},
		{"serve s3://example_logs!/x", `"example_logs!" is no bucket's name`},
		{"serve https://example-logs.s3.amazonaws.com", `location "https://example-logs.s3.amazonaws.com"`},
		{"serve file://logs", `location "file://logs"`},
		{"serve DIR DIR", "overlap"},
		{"serve DIR DIR/below", "overlap"},
		{"serve DIR/below/../a DIR/a", "overlap"},
		{"serve s3://example-logs/a s3://example-logs/ab", "locations s3://example-logs/a and s3://example-logs/ab overlap"},
		{"report -o prometheus s3://example-logs s3://example-logs/ab", "overlap"},

		// report.
		{"report -o parquet DIR", "--output must be"},
		{"report -o prometheus --scan.interval=1m DIR", "unknown flag --scan.interval, a flag of serve (see s3_access_exporter report --help)"},
		{"serve --top 3 DIR", "unknown flag --top, a flag of report (see s3_access_exporter serve --help)"},
		{"events --by day DIR", "error: unknown flag --by, a flag of report (see s3_access_exporter events --help)"},
		{"report --top -1 DIR", "--top must not be negative (see s3_access_exporter report --help)"},
		{"events -o json --context DIR", "--context goes with --output raw"},
		{"events -o raw --fields key DIR", "--fields goes with --output table, json or csv"},
		{"events -o raw --engine trino --trino.url http://127.0.0.1:1 DIR", "--output raw goes with --engine=scan: trino does not keep"},
		{"events -o raw --engine athena DIR", "--output raw goes with --engine=scan: athena does not keep"},
		{"backfill --engine athena DIR", "backfill has no --engine but scan"},
		{"events --key -x DIR", `--key: "-x" is taken for a flag; write --key=-x (see s3_access_exporter events --help)`},
		{"checkpoint verify", "(see s3_access_exporter checkpoint verify --help)"},
		{"report -o prometheus --labels.requester=x DIR", "--labels.requester: "},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))
			wantFailure(t, runToEnd(t, args...), exitUsage, test.want)
		})
	}
	wantFailure(t, runToEnd(t, "serve", ""), exitUsage, `location ""`)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, runToEnd(t, "serve", dir, link), exitUsage, "overlap")
}

func TestRun_NamesWhatIsWrongInTheConfigurationFile(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ text, want string }{
		{"scan.intervall: 1m", "scan.intervall is no flag"},
		{"scan: {interval: 1m, intervall: 1m}", "scan.intervall is no flag"},
		{"scan: 1m", "scan is no flag"},
		{"scan.interval: {minutes: 1}", "scan.interval.minutes is no flag"},
		{"help: true", "help is no flag"},
		{"version: true", "version is no flag"},
		{"check: true", "check is no flag"},
		{"config.file: other.yml", "config.file is no flag"},
		{"scan.interval:", "scan.interval has no value"},
		{"scan.interval: 1m\nscan: {interval: 2m}", "scan.interval is there twice"},
		{"scan.interval: 1m\nscan.interval: 2m", `"scan.interval" already defined`},
		{"scan.interval: 1m\n---\nscan.interval: 2m", "more than one YAML document"},
		{"scan.interval: 60", `--scan.interval: "60" is no duration`},
		{"scan.interval: [1m, 2m]", `--scan.interval: "1m,2m" is no duration`},
		{"scan.concurrency: many", `--scan.concurrency: expected a valid 64 bit int but got "many"`},
		{"aws.path-style: maybe", "--aws.path-style: bool value must be"},
		{"series.limit: -1", "--series.limit must not be negative"},
		{"log.level: loud", "--log.level must be one of"},
		{"[scan.interval, 1m]", "config.yml: yaml: "},
		{"scan.interval 1m", "config.yml: yaml: "},
		{"scan: {interval: 1m", "config.yml: yaml: "},
		{"scan:\n\tinterval: 1m", "config.yml: yaml: "},
		{"\xff\xfe\xfd", "config.yml: yaml: "},
		{"a: &a {b: *a}", "config.yml: line 1: a.b is an alias of a map"},
		{"a: &a {<<: *a}", "config.yml: yaml: "},
		{"log.level: *a", "config.yml: yaml: "},
		{"scan: &a\n  interval: 1m\nlog:\n  level: *a", "config.yml: line 4: log.level is an alias of a map"},
		{"log:\n  level: !!binary aW5mbw==", "config.yml: line 2: log.level has the tag !!binary; write it as text"},
		{"log.level: !level info", "config.yml: line 1: log.level has the tag !level"},
		{"log: !part {level: info}", "config.yml: line 1: log has the tag !part"},
		{"log.level: ~", "config.yml: line 1: log.level has no value"},
		{"\nlog.level: null", "config.yml: line 2: log.level has no value"},
		{"log.level: ''", "--log.level must be one of"},
		{"web.listen-address: [':0', null]", "config.yml: line 1: web.listen-address[1] has no value"},
		{"web.listen-address: [[':0']]", "config.yml: line 1: web.listen-address[0] is no text"},
		{"web.listen-address:\n  - port: 0", "config.yml: line 2: web.listen-address[0] is no text"},
		{"series.limit: 1e4", `--series.limit: expected a valid 64 bit int but got "1e4"`},
	} {
		t.Run(test.text, func(t *testing.T) {
			path := writeFile(t, "config.yml", test.text)
			wantFailure(t, runToEnd(t, "serve", "--config.file="+path, dir), exitUsage, test.want)
		})
	}
	missing := filepath.Join(dir, "missing.yml")
	wantFailure(t, runToEnd(t, "serve", "--config.file="+missing, dir), exitUsage, "--config.file: open "+missing)
	wantFailure(t, runToEnd(t, "serve", "--config.file="+dir, dir), exitUsage, "--config.file: read "+dir)
	t.Setenv("S3_ACCESS_EXPORTER_CONFIG_FILE", missing)
	wantFailure(t, runToEnd(t, "serve", dir), exitUsage, "--config.file: open "+missing)
}

func TestRun_NamesWhatIsWrongInTheEnvironment(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"SCAN_INTERVAL", "1x", `--scan.interval: "1x" is no duration`},
		{"SERIES_LIMIT", "-1", "--series.limit must not be negative"},
		{"LOG_LEVEL", "loud", "--log.level must be one of"},
		{"LABELS_SOURCE_IP", "24", "--labels.source-ip: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("S3_ACCESS_EXPORTER_"+test.name, test.value)
			wantFailure(t, runToEnd(t, "serve", t.TempDir()), exitUsage, test.want)
		})
	}
}

func TestServe_NamesWhatItFindsWrong(t *testing.T) {
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	locked := filepath.Join(dir, "locked.db")
	held, err := checkpoint.Open(locked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	file := writeFile(t, "file", "neither a directory nor a checkpoint")
	missing := filepath.Join(t.TempDir(), "missing", "x")
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"locked checkpoint", []string{dir, "--checkpoint.path=" + locked}, "checkpoint " + locked + ": in use by another process: stop that one, or choose another path"},
		{"no checkpoint that must exist", []string{dir, "--checkpoint.must-exist"}, "there is none, and it must exist; leave --checkpoint.must-exist out to begin a new one"},
		{"foreign checkpoint", []string{dir, "--checkpoint.path=" + file}, "checkpoint " + file + ": not a checkpoint"},
		{"newer checkpoint", []string{dir, "--checkpoint.path=" + newerCheckpoint(t)}, "newer version"},
		{"directory as checkpoint", []string{dir, "--checkpoint.path=" + dir}, "checkpoint " + dir},
		{"checkpoint in no directory", []string{dir, "--checkpoint.path=" + missing}, "checkpoint " + missing + ": no such file or directory; make the directory, or name another file with --checkpoint.path"},
		{"port in use", []string{dir, "--web.listen-address=" + listener.Addr().String()}, "address already in use"},
		{"no web configuration", []string{dir, "--web.config.file=" + missing}, "--web.config.file: open " + missing},
		{"broken web configuration", []string{dir, "--web.config.file=" + writeFile(t, "web.yml", "tls:\n  a: 1\nauth: 2\n")}, "--web.config.file: yaml: "},
		{"no certificate", []string{dir, "--web.config.file=" + writeFile(t, "web.yml", "tls_server_config: {cert_file: no.pem, key_file: no.key}")}, "no.pem"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"serve", "--web.listen-address=127.0.0.1:0", "--checkpoint.path=" + filepath.Join(t.TempDir(), "x.db")}
			wantFailure(t, runToEnd(t, append(args, test.args...)...), exitFailed, test.want)
		})
	}
	for _, command := range []string{"report", "events", "backfill"} {
		for path, want := range map[string]string{missing: "no such file or directory", file: "not a directory"} {
			got := runToEnd(t, command, path)
			var looked bool
			if got.stderr, looked = strings.CutSuffix(got.stderr, program+": looked at 0 log objects (0 B)\n"); !looked {
				t.Errorf("the last line is not what was looked at: %q", got.stderr)
			}
			wantFailure(t, got, exitFailed, "directory "+path+": "+want)
		}
	}
}

// newerCheckpoint returns a checkpoint that a later version has written.
func newerCheckpoint(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "newer.db")
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		version := meta.Get([]byte("version"))
		later := make([]byte, len(version))
		for i := range later {
			later[i] = '9'
		}
		return meta.Put([]byte("version"), later)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeFile returns the path of a new file.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fullWriter is a standard output that takes nothing any more.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// What could not be printed did not succeed.
func TestRun_FailsWhereItCannotPrint(t *testing.T) {
	bucket, path := fixtureBucket(t), filepath.Join(t.TempDir(), "state.db")
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"report", bucket},
		{"report", "--by=log", "-o", "json", bucket},
		{"report", "--by=log", "-o", "csv", bucket},
		{"report", "-o", "prometheus", bucket},
		{"report", "--dry-run", bucket},
		{"events", bucket},
		{"events", "-o", "json", bucket},
		{"events", "-o", "csv", "--sort=time", bucket},
		{"events", "-o", "raw", bucket},
		{"backfill", "--step=1h", bucket},
		{"engine", "ddl", "--engine=trino", filepath.Join(bucket, "partitioned")},
		{"checkpoint", "verify", path},
		{"serve", "--check", "--checkpoint.path=" + path, bucket},
		{"version"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, fullWriter{}, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
}

// Where a history cannot be written to, nothing is read for it.
func TestBackfill_LooksAtItsFileBeforeItReads(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"no directory": filepath.Join(dir, "missing", "history.om"), "a directory": dir} {
		t.Run(name, func(t *testing.T) {
			// The location is not there either, which would be found out later.
			wantFailure(t, runToEnd(t, "backfill", "-o", path, filepath.Join(dir, "nowhere")), exitFailed, "--output-file: ")
		})
	}
}
