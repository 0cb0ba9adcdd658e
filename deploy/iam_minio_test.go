//go:build integration

package deploy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// session returns credentials that may do no more than some policies allow.
func session(t *testing.T, minio *miniotest.MinIO, policies ...policy) []string {
	t.Helper()
	all := policy{Version: "2012-10-17"}
	for _, p := range policies {
		all.Statement = append(all.Statement, p.Statement...)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	client := sts.New(sts.Options{
		BaseEndpoint: aws.String(minio.Endpoint),
		Region:       miniotest.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(minio.AccessKey, minio.SecretKey, ""),
	})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/example"), RoleSessionName: aws.String("example"), Policy: aws.String(string(text)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"AWS_ACCESS_KEY_ID=" + *out.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *out.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + *out.Credentials.SessionToken,
	}
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serveFromS3 starts an exporter with its checkpoint in S3, and returns once it is ready,
// has ended, or shows why it is not. It ends with the test.
func serveFromS3(t *testing.T, minio *miniotest.MinIO, credentials []string, flags ...string) (ready bool, metrics, why string) {
	t.Helper()
	var log output
	command := exec.CommandContext(t.Context(), binary, append([]string{
		"serve", "--web.listen-address=127.0.0.1:0", "--aws.endpoint-url=" + minio.Endpoint,
		"--aws.region=" + miniotest.Region, "--aws.path-style", "--scan.since=all", "--series.hold=0s",
		"--checkpoint.path=s3://example-state/s3_access_exporter", "s3://example-logs-eu-west-1/access/",
	}, flags...)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Stderr = &log
	command.Env = append(os.Environ(), append(credentials, "AWS_MAX_ATTEMPTS=1", "AWS_PROFILE=", "TMPDIR="+t.TempDir(),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // its text shows why
	}()
	t.Cleanup(func() { <-ended }) // the test's context has ended by then
	page := func(url string) (status int, text string) {
		response, err := http.Get(url)
		if err != nil {
			return 0, ""
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return 0, ""
		}
		return response.StatusCode, string(body)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		select {
		case <-ended:
			return false, "", log.String()
		case <-limit:
			t.Fatalf("it is neither ready nor does it fail: %s", log.String())
		case <-tick.C:
		}
		found := regexp.MustCompile(`msg=listening url=(\S+)/\n`).FindStringSubmatch(log.String())
		if found == nil {
			continue
		}
		status, text := page(found[1] + "/-/ready")
		switch {
		case status == http.StatusOK:
			_, metrics = page(found[1] + "/metrics")
			return true, metrics, ""
		case strings.Contains(strings.ToLower(text+log.String()), "denied"):
			return false, "", text + log.String()
		}
	}
}

// without returns a policy that lacks an action.
func (p policy) without(action string) policy {
	p.Statement = slices.Clone(p.Statement)
	for i := range p.Statement {
		p.Statement[i].Action = slices.DeleteFunc(slices.Clone(p.Statement[i].Action), func(a string) bool { return a == action })
	}
	p.Statement = slices.DeleteFunc(p.Statement, func(s statement) bool { return len(s.Action) == 0 })
	return p
}

// startBuckets starts a server with a log bucket, and an empty one for the state.
func startBuckets(t *testing.T, env ...string) *miniotest.MinIO {
	t.Helper()
	minio := miniotest.Start(t, env...)
	minio.CreateBucket(t, "example-logs-eu-west-1")
	minio.CreateBucket(t, "example-state")
	log := filepath.Join(root, "cmd", "s3_access_exporter", "testdata", "bucket", "access", "photos", "2026-01-15-08-30-00-0A1B2C3D4E5F6071")
	minio.Put(t, "example-logs-eu-west-1", "access/photos/"+filepath.Base(log), []byte(read(t, log)))
	return minio
}

func TestPolicies_AreEnoughForAJournalInS3(t *testing.T) {
	minio := startBuckets(t)
	logs, state := readPolicy(t, "iam/read-log-bucket.json"), readPolicy(t, "iam/state-bucket.json")

	for _, action := range []string{"s3:ListBucket", "s3:PutObject"} {
		t.Run("without "+action, func(t *testing.T) {
			ready, _, why := serveFromS3(t, minio, session(t, minio, logs, state.without(action)))
			if ready || !strings.Contains(why, "example-state") {
				t.Errorf("it is ready: %t, %s", ready, why)
			}
		})
	}
	for _, run := range []string{"first", "again"} { // this one reads what the first wrote
		t.Run(run, func(t *testing.T) {
			ready, metrics, why := serveFromS3(t, minio, session(t, minio, logs, state))
			if !ready || !strings.Contains(metrics, "\ns3_access_requests_total{") {
				t.Errorf("it is not ready: %s", why)
			}
		})
	}
}

// A bucket that encrypts by a key of KMS takes a journal as it is; one whose policy refuses
// requests that do not ask for that takes it with --checkpoint.kms-key-id.
func TestPolicies_AJournalInS3IsEncryptedByKMS(t *testing.T) {
	logs, state := readPolicy(t, "iam/read-log-bucket.json"), readPolicy(t, "iam/state-bucket-kms.json")
	// MinIO has no kms:ViaService, and names of its own for its keys.
	state.Statement = slices.DeleteFunc(state.Statement, func(s statement) bool { return s.Sid == "EncryptState" })
	refuse := policy{Statement: []statement{{
		Effect: "Deny", Action: texts{"s3:PutObject"}, Resource: texts{"arn:aws:s3:::example-state/*"},
		Condition: map[string]map[string]texts{"StringNotEquals": {"s3:x-amz-server-side-encryption": {"aws:kms"}}},
	}}}
	const named = "--checkpoint.kms-key-id=" + miniotest.KMSKey
	for _, test := range []struct {
		what      string
		encrypted bool // by the bucket
		refuse    bool
		flags     []string
		ready     bool
	}{
		{what: "the bucket encrypts", encrypted: true, ready: true},
		{what: "the exporter asks for it", flags: []string{named}, ready: true},
		{what: "the policy wants to be asked, and is not", encrypted: true, refuse: true},
		{what: "the policy wants to be asked, and is", encrypted: true, refuse: true, flags: []string{named}, ready: true},
	} {
		t.Run(test.what, func(t *testing.T) {
			minio := startBuckets(t, miniotest.KMSVariable)
			if test.encrypted {
				minio.EncryptBucket(t, "example-state")
			}
			policies := []policy{logs, state}
			if test.refuse {
				policies = append(policies, refuse)
			}
			ready, metrics, why := serveFromS3(t, minio, session(t, minio, policies...), test.flags...)
			if ready != test.ready || ready != strings.Contains(metrics, "\ns3_access_requests_total{") || !ready && !strings.Contains(why, "example-state") {
				t.Errorf("it is ready: %t, %s", ready, why)
			}
			keys := minio.Sizes(t, "example-state", "s3_access_exporter/")
			if ready != (len(keys) > 2) {
				t.Errorf("there are %d objects", len(keys))
			}
			for key := range keys {
				if how := minio.Encryption(t, "example-state", key); how != "aws:kms" {
					t.Errorf("%s is encrypted by %q", key, how)
				}
			}
		})
	}
}
