//go:build integration

package main

import (
	"bytes"
	"cmp"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// credentials returns the environment in which the SDK finds a server's
// credentials, and no others.
func credentials(m *miniotest.MinIO) []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + m.AccessKey, "AWS_SECRET_ACCESS_KEY=" + m.SecretKey, "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
}

func TestServe_TellsTheTruthOfABucketInS3(t *testing.T) {
	t.Parallel()
	const bucket = "example-logs"
	minio := miniotest.Start(t)
	minio.CreateBucket(t, bucket)
	objects, uploaded := make(map[string][]byte), 0
	logs := newFeed(3, func(_ *testing.T, key string, body []byte) { objects[key] = body })
	upload := func(span time.Duration) {
		t.Helper()
		logs.deliver(t, span)
		minio.PutAll(t, bucket, objects)
		uploaded += len(objects)
		clear(objects)
	}
	args := []string{
		"s3://" + bucket, "--aws.endpoint-url=" + minio.Endpoint, "--aws.path-style",
		"--checkpoint.path=" + filepath.Join(t.TempDir(), "checkpoint.db"), "--series.hold=0s",
		"--scan.interval=500ms", "--scan.sweep-interval=2s",
	}

	// Nothing is there yet: all streams are found while it runs.
	p := serve(t, credentials(minio), args...)
	eventually(t, "it is ready", func() bool { return p.isReady(t) })
	upload(10 * time.Minute)
	eventually(t, "something is counted", func() bool { return p.mustScrape(t).sum("s3_access_requests_total") > 0 })
	if code := p.stop(t); code != exitOK { // in the midst of it
		t.Fatalf("exit code %d", code)
	}
	p = serve(t, credentials(minio), args...)
	upload(7 * time.Minute)
	wantExactly(t, p, logs.requests)

	// The server goes away and comes back.
	minio.Stop(t)
	const success = "s3_access_exporter_last_poll_success"
	eventually(t, "the poll fails", func() bool { return p.mustScrape(t).sum(success) == 0 })
	minio.Restart(t)
	upload(time.Minute)
	wantExactly(t, p, logs.requests)
	eventually(t, "the poll succeeds", func() bool { return p.mustScrape(t).sum(success) == 1 })
	p.polled(t)
	wantExactly(t, p, logs.requests)
	for _, line := range []string{`msg="listing failed" location=s3://` + bucket, `msg="listing works again" location=s3://` + bucket} {
		if n := p.stderr.count(line); n != 1 {
			t.Errorf("%d lines of the log have %s", n, line)
		}
	}

	s := p.mustScrape(t)
	for _, operation := range []string{"ListObjectsV2", "GetObject"} {
		if s[labelled("s3_access_exporter_s3_api_requests_total", "operation", operation)] == 0 {
			t.Errorf("no %s is counted", operation)
		}
	}
	if uploaded < 3000 {
		t.Errorf("only %d objects", uploaded)
	}
	wantValid(t, p.page(t, "/metrics", acceptText))
	t.Logf("%d objects, %d requests", uploaded, len(logs.requests))
}

// wantValid lets Prometheus' own tool check an exposition.
func wantValid(t *testing.T, exposition []byte) {
	t.Helper()
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = bytes.NewReader(exposition)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// A bucket that cannot be listed ends what is to read it once, and is waited for by
// what tails.
func TestRun_NamesWhatIsWrongAboutABucket(t *testing.T) {
	t.Parallel()
	minio := miniotest.Start(t)
	minio.CreateBucket(t, "example-logs")
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := unused.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, location, endpoint string
		env                      []string
		want                     string
	}{
		{name: "no such bucket", location: "s3://example-missing", want: "check the bucket's name and the endpoint"},
		{name: "wrong key", env: []string{"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"}, want: "check the credentials"},
		{name: "wrong secret", env: []string{"AWS_SECRET_ACCESS_KEY=guess"}, want: "check the credentials"},
		{name: "nobody there", endpoint: "http://" + unused.Addr().String(), want: "check the network and the endpoint"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			location, endpoint := cmp.Or(test.location, "s3://example-logs"), cmp.Or(test.endpoint, minio.Endpoint)
			env := append(credentials(minio), test.env...)
			at := []string{"--aws.endpoint-url=" + endpoint, "--aws.path-style", location}
			p := launch(t, env, append([]string{"report", "-o", "prometheus"}, at...)...)
			code, text := p.exitCode(), p.stderr.String()
			problem, last, _ := strings.Cut(text, "\n")
			if code != exitFailed || last != program+": looked at 0 log objects (0 B)\n" ||
				!strings.HasPrefix(problem, program+": error: location "+location+": ") || !strings.Contains(problem, test.want) {
				t.Errorf("report: exit code %d, %s", code, text)
			}
			p = launch(t, env, append(serveArgs("--checkpoint.path="+filepath.Join(t.TempDir(), "checkpoint.db")), at...)...)
			eventually(t, "it says why it is not ready", func() bool {
				if p.url() == "" {
					return false
				}
				code, text := p.ready(t)
				return code == http.StatusServiceUnavailable && strings.Contains(text, location+" cannot be listed")
			})
			if code := p.stop(t); code != exitOK || !strings.Contains(p.stderr.String(), "listing failed") {
				t.Errorf("serve: exit code %d, %s", code, p.stderr.String())
			}
		})
	}
}
