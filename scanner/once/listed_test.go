package once_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// What is listed is what a pass reads, and not a byte of it is read.
func TestList_IsARunThatReadsNothing(t *testing.T) {
	var bucket, other sourcetest.Fake
	locations, bytes := mixed(&bucket, &other)
	cfg := once.Config{Locations: locations, DedupeWindow: 10}
	for _, q := range []once.Query{{}, {Since: began.Add(6 * time.Hour)}} {
		opens := bucket.Opens()
		var keys []string
		listed, err := once.List(t.Context(), cfg, q, func(l once.Listed) { keys = append(keys, l.Location.Name+" "+l.Object.Key) })
		if err != nil || bucket.Opens() != opens {
			t.Errorf("error %v, %d objects opened", err, bucket.Opens()-opens)
		}
		read, err := once.Run(t.Context(), cfg, q, new(seen))
		if err != nil {
			t.Fatal(err)
		}
		if listed.Objects != read.Objects || listed.Bytes != read.Bytes || int64(len(keys)) != read.Objects ||
			!slices.Equal(listed.Locations, read.Locations) || !maps.Equal(listed.SkippedObjects, read.SkippedObjects) {
			t.Errorf("listed %+v, read %+v", listed, read)
		}
		if q.Since.IsZero() && listed.Bytes != bytes {
			t.Errorf("%d bytes, want %d", listed.Bytes, bytes)
		}
	}
}

func TestList_EndsWithTheFirstError(t *testing.T) {
	bucket := new(sourcetest.Fake)
	put(bucket, 10)
	failure := errors.New("no")
	bucket.SetFault(func(string, string) error { return failure })
	var other sourcetest.Fake
	locations, _ := mixed(bucket, &other)
	if _, err := once.List(t.Context(), once.Config{Locations: locations}, once.Query{}, func(once.Listed) {}); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := once.List(ctx, once.Config{Locations: locations}, once.Query{}, func(once.Listed) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
