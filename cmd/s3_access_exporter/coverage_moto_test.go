//go:build integration

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// moto is a server that answers for AWS, and the AWS CLI that talks to it.
type moto struct {
	endpoint string
	env      []string
}

func startMoto(t *testing.T) *moto {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), "moto_server", "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		t.Fatalf("%v: .ci/run installs it", err)
	}
	t.Cleanup(func() { _ = server.Wait() }) // it was killed
	m := &moto{endpoint: "http://" + address, env: append(os.Environ(),
		"AWS_ENDPOINT_URL=http://"+address, "AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_SESSION_TOKEN=",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=",
	)}
	eventually(t, "moto answers", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return m
}

// sh runs a script of the AWS CLI, as an operator would.
func (m *moto) sh(t *testing.T, script string) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	shell.Env = m.env
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
}

// coverage runs the program.
func (m *moto) coverage(t *testing.T, args ...string) string {
	t.Helper()
	program := exec.CommandContext(t.Context(), built, append([]string{"coverage", "--aws.path-style"}, args...)...)
	program.Env = m.env
	out, err := program.Output()
	if err != nil {
		t.Fatalf("coverage %q: %v", args, err)
	}
	return string(out)
}

// verdicts returns the verdicts by bucket.
func (m *moto) rows(t *testing.T, args ...string) map[string]map[string]any {
	t.Helper()
	rows := make(map[string]map[string]any)
	for line := range strings.Lines(m.coverage(t, append(args, "-o", "json")...)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows[row["bucket"].(string)] = row
	}
	return rows
}

func (m *moto) want(t *testing.T, column string, want map[string]string, args ...string) {
	t.Helper()
	rows := m.rows(t, args...)
	for bucket, value := range want {
		if got := rows[bucket][column]; got != value {
			t.Errorf("%s of %s is %v, want %s", column, bucket, got, value)
		}
	}
}

// The commands that coverage prints are run word by word by the real AWS CLI against
// moto, and then what was blind is covered.
func TestCoverage_ItsCommandsCloseTheGaps(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	m.sh(t, `
		aws s3api create-bucket --bucket plain
		aws s3api create-bucket --bucket dotted.name.example --region eu-west-1 --create-bucket-configuration LocationConstraint=eu-west-1
		aws s3api create-bucket --bucket trail-logs
		aws s3api put-bucket-policy --bucket trail-logs --policy '{"Version":"2012-10-17","Statement":[{"Sid":"theirs","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:*","Resource":"*"}]}'
		aws cloudtrail create-trail --name of-all --s3-bucket-name trail-logs --is-multi-region-trail
		aws cloudtrail start-logging --name of-all
		aws cloudtrail put-event-selectors --trail-name of-all --event-selectors '[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":true,"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::plain/"]}]}]'
	`)
	m.want(t, "verdict", map[string]string{"plain": "part", "dotted.name.example": "blind", "trail-logs": "blind"})
	m.want(t, "cloudtrail", map[string]string{"plain": "reads", "dotted.name.example": "none"})

	m.sh(t, m.coverage(t, "-o", "commands"))
	m.want(t, "verdict", map[string]string{"plain": "covered", "dotted.name.example": "covered", "trail-logs": "covered"})
	m.want(t, "aws_region", map[string]string{"dotted.name.example": "eu-west-1"})
	if again := m.coverage(t, "-o", "commands"); strings.Contains(again, "put-bucket") {
		t.Errorf("there is still to do:\n%s", again)
	}

	m.sh(t, m.coverage(t, "-o", "commands", "--by-trail"))
	m.want(t, "cloudtrail", map[string]string{"plain": "all", "dotted.name.example": "all", "trail-logs": "none"})

	locations := m.coverage(t, "-o", "locations")
	for _, bucket := range []string{"s3://trail-logs", "-us-east-1", "-eu-west-1"} {
		if !strings.Contains(locations, bucket) {
			t.Errorf("the locations have no %s:\n%s", bucket, locations)
		}
	}
	m.want(t, "verdict", map[string]string{"plain": "covered", "dotted.name.example": "covered"}, "s3://trail-logs")
	m.want(t, "verdict", map[string]string{"plain": "not_tailed"}, "s3://elsewhere")
	if got := m.coverage(t, "-o", "prometheus", "--bucket", "plain"); strings.Count(got, "\ns3_access_bucket_logging{") != 2 ||
		!strings.Contains(got, `s3_access_bucket_logging{account_id="123456789012",aws_region="us-east-1",bucket="plain",log="cloudtrail",scope="all"} 1`) {
		t.Errorf("as metrics:\n%s", got)
	}
}

// twoAccounts makes an organization of two accounts with a bucket each.
const twoAccounts = `
		aws s3api create-bucket --bucket of-the-management-account
		aws organizations create-organization --feature-set ALL
		aws organizations create-account --email member@example.com --account-name member
		member=$(aws organizations list-accounts --query "Accounts[?Name=='member'].Id" --output text)
		credentials=$(aws sts assume-role --role-arn "arn:aws:iam::$member:role/reader" --role-session-name test --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
		export AWS_ACCESS_KEY_ID=$(echo "$credentials" | cut -f1) AWS_SECRET_ACCESS_KEY=$(echo "$credentials" | cut -f2) AWS_SESSION_TOKEN=$(echo "$credentials" | cut -f3)
		aws s3api create-bucket --bucket of-the-member
`

func TestCoverage_LooksAtEveryAccountOfTheOrganization(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	m.sh(t, twoAccounts)
	rows := m.rows(t, "--org", "--role-name", "reader")
	if a, b := rows["of-the-management-account"]["account_id"], rows["of-the-member"]["account_id"]; len(rows) != 2 || a == b || b == nil {
		t.Errorf("the rows are %v", rows)
	}
	if rows := m.rows(t); len(rows) != 1 {
		t.Errorf("without the organization, the rows are %v", rows)
	}
}

// serve looks by itself, again and again: the metrics and the status page follow what
// an operator changes.
func TestServe_FindsOutAgainAndAgainWhichBucketsAreLogged(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	m.sh(t, `
		aws s3api create-bucket --bucket access-logs
		aws s3api put-bucket-policy --bucket access-logs --policy '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::access-logs/*"}]}'
		aws s3api create-bucket --bucket lit
		aws s3api put-bucket-logging --bucket lit --bucket-logging-status '{"LoggingEnabled":{"TargetBucket":"access-logs","TargetPrefix":"lit/"}}'
		aws s3api create-bucket --bucket dark
	`)
	p := serve(t, m.env, "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), "--aws.path-style", "--coverage.interval=1s", "s3://access-logs")
	shown := func(series string) bool { _, ok := p.mustScrape(t)[series]; return ok }
	const logging = `s3_access_bucket_logging{account_id="123456789012",aws_region="us-east-1",bucket="dark",log="server_access",scope=`
	eventually(t, "the first look", func() bool { return shown(logging + `"none"}`) })
	found := p.mustScrape(t)
	if got := found["s3_access_bucket_tailed"+`{account_id="123456789012",aws_region="us-east-1",bucket="lit"}`]; got != 1 {
		t.Errorf("the bucket whose log is read is tailed: %v", got)
	}
	if got := found.sum("s3_access_bucket_tailed"); got != 1 {
		t.Errorf("%v buckets are tailed", got)
	}
	if at := found["s3_access_exporter_coverage_last_success_timestamp_seconds"]; time.Since(time.Unix(int64(at), 0)) > time.Hour {
		t.Errorf("the last look was at %v", at)
	}
	if code, body, err := p.get(t.Context(), web.StatusPath, ""); err != nil || code != http.StatusOK ||
		!strings.Contains(string(body), `id="coverage"`) || !strings.Contains(string(body), "dark") {
		t.Errorf("HTTP %d, %v: %s", code, err, body)
	}
	if !p.isReady(t) {
		t.Error("it does not tail meanwhile")
	}

	m.sh(t, `aws s3api put-bucket-logging --bucket dark --bucket-logging-status '{"LoggingEnabled":{"TargetBucket":"access-logs","TargetPrefix":"dark/"}}'`)
	eventually(t, "another look", func() bool { return shown(logging+`"all"}`) && !shown(logging+`"none"}`) })
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestServe_LooksAtEveryAccountOfTheOrganization(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	m.sh(t, twoAccounts)
	p := serve(t, m.env, "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), "--coverage.interval=1h", "--coverage.role-name=reader",
		"--aws.path-style", t.TempDir())
	eventually(t, "the buckets of both accounts", func() bool {
		found := p.mustScrape(t)
		return found.sum("s3_access_bucket_logging", "of-the-management-account") == 2 && found.sum("s3_access_bucket_logging", "of-the-member") == 2
	})
	if got := p.mustScrape(t).sum("s3_access_bucket_tailed"); got != 0 {
		t.Errorf("a directory tails %v buckets", got)
	}
}

func TestCoverage_NeedsCredentials(t *testing.T) {
	t.Parallel()
	program := exec.CommandContext(t.Context(), built, "coverage")
	program.Env = append(os.Environ(), "HOME="+t.TempDir(), "AWS_ENDPOINT_URL=http://127.0.0.1:9",
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_PROFILE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(t.TempDir(), "none"))
	out, err := program.CombinedOutput()
	if code := program.ProcessState.ExitCode(); code != exitFailed || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "credentials") {
		t.Errorf("%v, exit code %d: %s", err, code, out)
	}
}
