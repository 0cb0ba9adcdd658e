// Package miniotest runs a MinIO server for integration tests: an S3 store of
// its own process, with its own disk, which can be stopped and started again.
package miniotest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// binaryVariable names the environment variable with the path of the server.
const binaryVariable = "S3_ACCESS_EXPORTER_TEST_MINIO"

// Region is the only Region of the server.
const Region = "us-east-1"

// startLimit is how long the server may take until it answers.
const startLimit = time.Minute

// MinIO is a running server.
type MinIO struct {
	Endpoint  string // URL
	AccessKey string
	SecretKey string

	env     []string
	address string
	dir     string
	process *exec.Cmd // nil while it is stopped
	log     *bytes.Buffer
}

// Start starts a server on a free port of the loopback interface. It ends with
// the test. The binary is the one that S3_ACCESS_EXPORTER_TEST_MINIO names, or
// else minio on the PATH; the test fails if there is none. env are further variables of
// its environment.
func Start(t testing.TB, env ...string) *MinIO {
	t.Helper()
	address := freeAddress(t)
	m := &MinIO{
		Endpoint:  "http://" + address,
		AccessKey: "integration",
		SecretKey: "integration-secret",
		env:       env,
		address:   address,
		dir:       t.TempDir(),
		log:       &bytes.Buffer{},
	}
	t.Cleanup(func() {
		m.Stop(t)
		if t.Failed() {
			t.Logf("MinIO's log:\n%s", m.log)
		}
	})
	m.Restart(t)
	return m
}

// Restart starts the server again after Stop, at the same address with the same
// objects, and returns when it answers.
func (m *MinIO) Restart(t testing.TB) {
	t.Helper()
	binary, err := exec.LookPath(cmp.Or(os.Getenv(binaryVariable), "minio"))
	if err != nil {
		t.Fatalf("no MinIO server on the PATH or in %s: %v", binaryVariable, err)
	}
	// The test's context ends before its cleanup, which stops the server.
	ctx := context.WithoutCancel(t.Context())
	m.process = exec.CommandContext(ctx, binary, "server", "--quiet", "--address", m.address, filepath.Join(m.dir, "data"))
	m.process.Env = append(os.Environ(),
		"HOME="+m.dir,
		"MINIO_ROOT_USER="+m.AccessKey,
		"MINIO_ROOT_PASSWORD="+m.SecretKey,
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off",
	)
	m.process.Env = append(m.process.Env, m.env...)
	m.process.Stdout, m.process.Stderr = m.log, m.log
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	m.wait(t)
}

// Stop kills the server as a power failure would. It does nothing if the server
// is stopped.
func (m *MinIO) Stop(t testing.TB) {
	t.Helper()
	if m.process == nil {
		return
	}
	if err := m.process.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = m.process.Wait() // it tells that the process was killed
	m.process = nil
}

// Setenv makes the server's credentials the environment's, for the SDK's
// default chain.
func (m *MinIO) Setenv(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", m.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", m.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// CreateBucket creates an empty bucket.
func (m *MinIO) CreateBucket(t testing.TB, bucket string) {
	t.Helper()
	if _, err := m.client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
}

// KMSKey is the key that a server has that was started with KMSVariable.
const KMSKey = "example-key"

// KMSVariable is for Start: a server that can encrypt with KMSKey.
const KMSVariable = "MINIO_KMS_SECRET_KEY=" + KMSKey + ":AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// EncryptBucket makes a bucket encrypt all that comes with KMSKey.
func (m *MinIO) EncryptBucket(t testing.TB, bucket string) {
	t.Helper()
	rule := types.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
		SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(KMSKey),
	}}
	_, err := m.client().PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket:                            aws.String(bucket),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Encryption returns how an object is encrypted, as S3 has it: aws:kms.
func (m *MinIO) Encryption(t testing.TB, bucket, key string) string {
	t.Helper()
	head, err := m.client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	return string(head.ServerSideEncryption)
}

// Open lets anybody read a bucket's objects whose keys match patterns, as public/*.
func (m *MinIO) Open(t testing.TB, bucket string, patterns ...string) {
	t.Helper()
	var resources []string
	for _, pattern := range patterns {
		resources = append(resources, "arn:aws:s3:::"+bucket+"/"+pattern)
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "s3:GetObject", "Resource": resources},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.client().PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: aws.String(string(policy))}); err != nil {
		t.Fatal(err)
	}
}

// Put stores an object. One whose key ends in ".gz" gets the header
// Content-Encoding: gzip.
func (m *MinIO) Put(t testing.TB, bucket, key string, body []byte) {
	t.Helper()
	if err := put(t.Context(), m.client(), bucket, key, body); err != nil {
		t.Fatal(err)
	}
}

// PutAll stores objects, several at a time.
func (m *MinIO) PutAll(t testing.TB, bucket string, objects map[string][]byte) {
	t.Helper()
	client := m.client()
	keys := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for key := range keys {
				if err := put(t.Context(), client, bucket, key, objects[key]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for key := range objects {
		keys <- key
	}
	close(keys)
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// Delete removes an object.
func (m *MinIO) Delete(t testing.TB, bucket, key string) {
	t.Helper()
	_, err := m.client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
}

// Sizes returns the sizes of the objects that begin with a prefix, by key.
func (m *MinIO) Sizes(t testing.TB, bucket, prefix string) map[string]int64 {
	t.Helper()
	sizes := make(map[string]int64)
	pages := s3.NewListObjectsV2Paginator(m.client(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Contents {
			sizes[aws.ToString(object.Key)] = aws.ToInt64(object.Size)
		}
	}
	return sizes
}

func put(ctx context.Context, client *s3.Client, bucket, key string, body []byte) error {
	in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body)}
	if strings.HasSuffix(key, ".gz") {
		in.ContentEncoding = aws.String("gzip")
	}
	_, err := client.PutObject(ctx, in)
	return err
}

func (m *MinIO) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(m.Endpoint),
		Region:       Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(m.AccessKey, m.SecretKey, ""),
		Retryer:      aws.NopRetryer{},
		// As S3 does by itself, the server keeps the objects' checksums.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	})
}

// wait returns when the server takes requests and has read its users. Its own health
// check says so a little too early.
func (m *MinIO) wait(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	client := m.client()
	users := sts.New(sts.Options{
		BaseEndpoint: aws.String(m.Endpoint),
		Region:       Region,
		Credentials:  client.Options().Credentials,
		Retryer:      aws.NopRetryer{},
	})
	role := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/example"), RoleSessionName: aws.String("wait")}
	for {
		_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
		if err == nil {
			_, err = users.AssumeRole(ctx, role)
		}
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("MinIO does not answer: %v", err)
		}
	}
}

// freeAddress returns an address at which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}
