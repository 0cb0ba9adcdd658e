package s3source

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

const testBucket = "example-logs"

// isolate keeps the machine's own AWS configuration out of a test and lets
// requests fail at the first attempt.
func isolate(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":           "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":       "secret",
		"AWS_SESSION_TOKEN":           "",
		"AWS_PROFILE":                 "",
		"AWS_REGION":                  "",
		"AWS_DEFAULT_REGION":          "",
		"AWS_ENDPOINT_URL":            "",
		"AWS_ENDPOINT_URL_S3":         "",
		"AWS_ENDPOINT_URL_STS":        "",
		"AWS_CA_BUNDLE":               "",
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_MAX_ATTEMPTS":            "1",
	} {
		t.Setenv(name, value)
	}
}

// serve returns the URL of a server that ends with the test.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// newSource returns a Source for testBucket at endpoint.
func newSource(t *testing.T, endpoint string, change ...func(*Config)) *Source {
	t.Helper()
	c := Config{Bucket: testBucket, EndpointURL: endpoint, PathStyle: true}
	for _, f := range change {
		f(&c)
	}
	src, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// serveObjects returns the URL of a store that holds testBucket with objects.
func serveObjects(t *testing.T, objects map[string][]byte) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(testBucket); err != nil {
		t.Fatal(err)
	}
	endpoint := serve(t, gofakes3.New(backend).Server())
	for key, body := range objects {
		putObject(t, endpoint, key, body)
	}
	return endpoint
}

// putObject stores an object in testBucket at endpoint.
func putObject(t *testing.T, endpoint, key string, body []byte) {
	t.Helper()
	client, err := newSource(t, endpoint).client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := &s3.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String(key), Body: bytes.NewReader(body)}
	if strings.HasSuffix(key, ".gz") {
		in.ContentEncoding = aws.String("gzip")
	}
	if _, err := client.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// keysOf returns what a listing yields, and its error.
func keysOf(t *testing.T, src source.Source, prefix, startAfter string) ([]string, error) {
	t.Helper()
	var keys []string
	for o, err := range src.List(t.Context(), prefix, startAfter) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// of is an object as an old checkpoint may remember it.
func of(key string, size int) source.Object {
	return source.Object{Key: key, Size: int64(size)}
}

// wantReason fails the test unless err is a source.Error of one line with that
// operation and reason.
func wantReason(t *testing.T, err error, op string, reason source.Reason) {
	t.Helper()
	var sourceErr *source.Error
	if !errors.As(err, &sourceErr) {
		t.Fatalf("got %v, want a *source.Error", err)
	}
	if sourceErr.Op != op || sourceErr.Reason != reason {
		t.Errorf("op %q, reason %q, want %q, %q: %v", sourceErr.Op, sourceErr.Reason, op, reason, err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line: %q", err)
	}
}
