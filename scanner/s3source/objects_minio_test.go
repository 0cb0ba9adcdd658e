//go:build integration

package s3source_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
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

// On a real server, snapshots stand in for segments, which are deleted but for the first
// one of each writer; whoever has followed, lost its local copy, or never had one, holds all
// that was committed.
func TestMinIO_KeepsSnapshotsOfAJournal(t *testing.T) {
	minio := miniotest.Start(t)
	minio.Setenv(t)
	minio.CreateBucket(t, "example-state")
	src, err := s3source.New(t.Context(), s3source.Config{Bucket: "example-state", EndpointURL: minio.Endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const commits, segments = 60, 10
	total := 0
	for life, cache := range []string{"a.db", "b.db", "a.db", "lost.db", ""} {
		if cache != "" {
			cache = filepath.Join(dir, cache)
		}
		cfg := checkpoint.JournalConfig{
			Name: "s3://example-state/exporter", Objects: src.Objects("exporter"), Writer: fmt.Sprint("life ", life),
			Cache: cache, Takeover: 2 * time.Second, SnapshotSegments: segments,
		}
		j := checkpoint.NewJournal(cfg)
		err := j.Run(t.Context(), func(ctx context.Context) error {
			if n, err := seriesOf(j); err != nil || n != total {
				t.Errorf("life %d begins with %d series of %d: %v", life, n, total, err)
			}
			for range commits {
				total++
				key := fmt.Appendf(nil, "series %d", total)
				if err := j.Update(func(tx *checkpoint.Tx) error { return tx.Series().Put(key, key) }); err != nil {
					return err
				}
			}
			return awaitCompaction(ctx, minio, t, segments)
		})
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(cache) == "b.db" {
			if err := os.Remove(cache); err != nil {
				t.Fatal(err)
			}
		}
	}
	keys := minio.Sizes(t, "example-state", "exporter/journal/")
	if _, kept := keys["exporter/journal/00000000000000000001"]; !kept {
		t.Error("the first segment of the first writer is gone: it is a fence")
	}
	report, err := checkpoint.VerifyJournal(t.Context(), "s3://example-state/exporter", src.Objects("exporter"))
	if err != nil || report.Series != total {
		t.Errorf("%v, %v", report, err)
	}
}

func seriesOf(j *checkpoint.Journal) (n int, err error) {
	err = j.View(func(tx *checkpoint.Tx) error {
		return tx.Series().Each(func(_, _ []byte) error { n++; return nil })
	})
	return n, err
}

// awaitCompaction waits until there is one snapshot, and few segments behind it.
func awaitCompaction(ctx context.Context, minio *miniotest.MinIO, t *testing.T, segments int) error {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		snapshots, left := minio.Sizes(t, "example-state", "exporter/snapshot/"), minio.Sizes(t, "example-state", "exporter/journal/")
		if len(snapshots) == 1 && len(left) < 3*segments {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
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
