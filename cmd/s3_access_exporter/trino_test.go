//go:build integration

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/warehouse"
)

// trinoServer is a Trino of one node, with a Hive catalog whose tables lie in directories.
type trinoServer struct {
	url    string
	client *warehouse.TrinoClient
}

const trinoSchema = "logs"

func startTrino(t *testing.T) *trinoServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{
		"config.properties": "coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port=" + port + "\ndiscovery.uri=http://127.0.0.1:" + port +
			"\nnode.internal-address=127.0.0.1\nquery.max-memory=1GB\ncatalog.config-dir=" + dir + "/catalog\n",
		"catalog/hive.properties": "connector.name=hive\nhive.metastore=file\nhive.metastore.catalog.dir=local://" + dir + "/metastore\nfs.native-local.enabled=true\nlocal.location=/\n" +
			"hive.non-managed-table-writes-enabled=true\nhive.partition-projection-enabled=true\n",
	}
	for name, text := range files {
		if err := writeObject(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "metastore"), 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server := exec.CommandContext(context.WithoutCancel(t.Context()), "trino-server",
		"-Dnode.environment=test", "-Dnode.id=test", "-Dnode.data-dir="+dir+"/data", "-Dconfig="+dir+"/config.properties")
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatalf("%v: .ci/run installs it", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the end of Trino's log: %s", log.Bytes()[max(0, log.Len()-4000):])
		}
	})
	s := &trinoServer{url: "http://test@127.0.0.1:" + port}
	eventually(t, 5*time.Minute, "Trino has started", func() bool {
		select {
		case <-ended:
			t.Fatal("Trino has ended")
		default:
		}
		answer, err := http.Get("http://127.0.0.1:" + port + "/v1/info")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		var info struct{ Starting bool }
		return json.NewDecoder(answer.Body).Decode(&info) == nil && !info.Starting
	})
	s.client, err = warehouse.NewTrinoClient(warehouse.TrinoConfig{URL: s.url, Catalog: "hive", Schema: trinoSchema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })
	s.exec(t, "CREATE SCHEMA hive."+trinoSchema)
	return s
}

// exec runs a statement, and returns its rows.
func (s *trinoServer) exec(t *testing.T, text string) (rows [][]string) {
	t.Helper()
	err := s.client.Query(t.Context(), text, func(warehouse.State) {}, func(row []sql.NullString) error {
		var values []string
		for _, v := range row {
			values = append(values, v.String)
		}
		rows = append(rows, values)
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rows
}

// createTables does as a user is told to.
func (s *trinoServer) createTables(t *testing.T, location string) {
	t.Helper()
	ddl := runToEnd(t, "engine", "ddl", "--engine=trino", location)
	if ddl.code != exitOK {
		t.Fatalf("exit code %d, %s", ddl.code, ddl.stderr)
	}
	for statement := range strings.SplitSeq(ddl.stdout, ";\n") {
		if strings.TrimSpace(statement) != "" {
			s.exec(t, statement)
		}
	}
}

// run runs a command that asks the server, however long that takes.
func (s *trinoServer) run(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append(args, "--engine=trino", "--trino.url="+s.url, "--trino.schema="+trinoSchema), &stdout, &stderr)
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

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
	t.Run("hostile lines", func(t *testing.T) { server.wantNoSlowLines(t) })
	t.Run("Athena fixtures", func(t *testing.T) { server.wantAthenaSQL(t, locations["fixtures, organization"]) })
	t.Run("Athena fleet", func(t *testing.T) { server.wantAthenaSQL(t, locations["fleet"]) })
}

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
