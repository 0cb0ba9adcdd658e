//go:build integration

package s3source

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestMinIO_IsASource(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	buckets := 0
	sourcetest.TestSource(t, func(t *testing.T, objects map[string][]byte) sourcetest.Store {
		buckets++
		bucket := fmt.Sprintf("conformance-%d", buckets)
		minio.CreateBucket(t, bucket)
		minio.PutAll(t, bucket, objects)
		return sourcetest.Store{
			Source: newSource(t, minio.Endpoint, func(c *Config) { c.Bucket = bucket }),
			Put:    func(t *testing.T, key string, body []byte) { minio.Put(t, bucket, key, body) },
		}
	}, sourcetest.NotPaths) // it takes some others, but does not list them
}

func TestMinIO_Faults(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, testBucket)
	minio.Put(t, testBucket, "k", []byte("body"))

	t.Run("no such bucket", func(t *testing.T) {
		src := newSource(t, minio.Endpoint, func(c *Config) { c.Bucket = "example-missing" })
		wantReason(t, src.Check(t.Context(), ""), "list", source.ReasonNoSuchBucket)
		_, err := src.Open(t.Context(), of("k", 4))
		wantReason(t, err, "open", source.ReasonNoSuchBucket)
	})
	t.Run("unknown key ID", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
		wantReason(t, newSource(t, minio.Endpoint).Check(t.Context(), ""), "list", source.ReasonCredentials)
	})
	t.Run("wrong secret", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
		wantReason(t, newSource(t, minio.Endpoint).Check(t.Context(), ""), "list", source.ReasonCredentials)
	})
	t.Run("stopped and started again", func(t *testing.T) {
		src := newSource(t, minio.Endpoint)
		minio.Stop(t)
		wantReason(t, src.Check(t.Context(), ""), "list", source.ReasonNetwork)
		minio.Restart(t)
		if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
			t.Errorf("got %q, %v", data, err)
		}
	})
}

func TestMinIO_ForbidsWhatThePolicyDoesNotAllow(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, testBucket)
	minio.PutAll(t, testBucket, map[string][]byte{"open/k": []byte("body"), "secret/k": []byte("hidden")})
	restricted := restrict(t, minio, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::`+testBucket+`/open/*"},
		{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::`+testBucket+`",
		 "Condition": {"StringLike": {"s3:prefix": "open/*"}}}]}`)
	t.Setenv("AWS_ACCESS_KEY_ID", restricted.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", restricted.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", restricted.SessionToken)

	src := newSource(t, minio.Endpoint)
	if err := src.Check(t.Context(), "open/"); err != nil {
		t.Error(err)
	}
	if data, err := sourcetest.Read(t.Context(), src, of("open/k", 4)); err != nil || string(data) != "body" {
		t.Errorf("got %q, %v", data, err)
	}
	wantReason(t, src.Check(t.Context(), "secret/"), "list", source.ReasonAccessDenied)
	_, err := src.Open(t.Context(), of("secret/k", 6))
	wantReason(t, err, "open", source.ReasonAccessDenied)
}

func TestMinIO_AssumesTheRole(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, testBucket)
	minio.Put(t, testBucket, "k", []byte("body"))
	withRole := func(c *Config) { c.RoleARN = "arn:aws:iam::111122223333:role/example" }

	t.Setenv("AWS_ENDPOINT_URL_STS", minio.Endpoint)
	if data, err := sourcetest.Read(t.Context(), newSource(t, minio.Endpoint, withRole), of("k", 4)); err != nil || string(data) != "body" {
		t.Errorf("got %q, %v", data, err)
	}
	// The endpoint of S3 is not the endpoint of STS.
	t.Setenv("AWS_ENDPOINT_URL_STS", closedEndpoint())
	err := newSource(t, minio.Endpoint, withRole).Check(t.Context(), "")
	wantReason(t, err, "list", source.ReasonCredentials)
}

func TestMinIO_ListsThousandsOfObjectsInOneRequestAThousand(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, testBucket)
	objects := map[string][]byte{}
	for i := range 3500 {
		objects[fmt.Sprintf("logs/2026-11-21-%02d-%02d-%02d-%016X", i/3600, i/60%60, i%60, i*7919)] = []byte("record")
	}
	minio.PutAll(t, testBucket, objects)
	var requests atomic.Int64
	src := newSource(t, minio.Endpoint, func(c *Config) {
		c.Requests = func(string) { requests.Add(1) }
	})
	keys, err := keysOf(t, src, "logs", "")
	if err != nil || len(keys) != len(objects) || !slices.IsSorted(keys) {
		t.Errorf("got %d keys and %v, want %d in order", len(keys), err, len(objects))
	}
	if got := requests.Load(); got != 4 {
		t.Errorf("%d requests, want 4", got)
	}
}

// restrict returns temporary credentials that allow no more than policy.
func restrict(t *testing.T, minio *miniotest.MinIO, policy string) aws.Credentials {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint: aws.String(minio.Endpoint),
		Region:       miniotest.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(minio.AccessKey, minio.SecretKey, ""),
	})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn:         aws.String("arn:aws:iam::111122223333:role/example"),
		RoleSessionName: aws.String("restricted"),
		Policy:          aws.String(policy),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(out.Credentials.SessionToken),
	}
}

func TestMinIO_NeverGivesAnotherVersionThanListed(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, testBucket)
	minio.Put(t, testBucket, "k", []byte("listed"))
	src := newSource(t, minio.Endpoint)
	listed, err := src.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if listed.ETag == "" || listed.Size != 6 {
		t.Fatalf("listed as %+v", listed)
	}
	minio.Put(t, testBucket, "k", []byte("listed")) // the same bytes, a later time
	if data, err := sourcetest.Read(t.Context(), src, listed); err != nil || string(data) != "listed" {
		t.Errorf("got %q, %v", data, err)
	}
	minio.Put(t, testBucket, "k", []byte("LISTED"))
	_, err = src.Open(t.Context(), listed)
	wantReason(t, err, "open", source.ReasonChanged)
	if !strings.Contains(err.Error(), "HTTP 412") {
		t.Errorf("the server did not look at If-Match: %v", err)
	}
	if data, err := sourcetest.Read(t.Context(), src, of("k", 6)); err != nil || string(data) != "LISTED" {
		t.Errorf("as an old checkpoint remembers it: %q, %v", data, err)
	}
	_, err = src.Open(t.Context(), of("k", 5))
	wantReason(t, err, "open", source.ReasonChanged)
}

func TestMinIO_TakesNewCredentialsOnceTheOldAreRevoked(t *testing.T) {
	isolate(t)
	minio := miniotest.Start(t)
	minio.CreateBucket(t, testBucket)
	minio.Put(t, testBucket, "k", []byte("body"))
	t.Setenv("AWS_ENDPOINT_URL_STS", minio.Endpoint)
	file := useCredentialsFile(t)
	for _, user := range []string{"another-user", "another-user"} { // with another secret each time
		file.write(t, minio.AccessKey, minio.SecretKey)
		plain := newSource(t, minio.Endpoint)
		role := newSource(t, minio.Endpoint, func(c *Config) { c.RoleARN = "arn:aws:iam::111122223333:role/example" })
		readBoth := func(what string) {
			for _, src := range []*Source{plain, role} {
				if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
					t.Errorf("%s: got %q, %v", what, data, err)
				}
			}
		}
		readBoth("at first")

		minio.Stop(t)
		minio.AccessKey, minio.SecretKey = user, "another-"+minio.SecretKey
		minio.Restart(t)
		file.write(t, minio.AccessKey, minio.SecretKey)
		readBoth("with new credentials in the file")
	}
}
