//go:build integration

package s3source_test

import (
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

func TestMinIO_KeepsJournals(t *testing.T) {
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, "example-state")
	for _, prefix := range []string{"", "exporter"} {
		src, err := s3source.New(t.Context(), s3source.Config{Bucket: "example-state", EndpointURL: minio.Endpoint, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		journaltest.TestObjects(t, src.Objects(prefix))
	}
}

// The same as of a store in memory, on a real server.
func BenchmarkMinIO_JournalStart(b *testing.B) {
	minio := miniotest.Start(b)
	b.Setenv("AWS_ACCESS_KEY_ID", minio.AccessKey)
	b.Setenv("AWS_SECRET_ACCESS_KEY", minio.SecretKey)
	minio.CreateBucket(b, "example-state")
	src, err := s3source.New(b.Context(), s3source.Config{Bucket: "example-state", EndpointURL: minio.Endpoint, PathStyle: true})
	if err != nil {
		b.Fatal(err)
	}
	journaltest.BenchmarkStart(b, src.Objects("exporter"))
}
