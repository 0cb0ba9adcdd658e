package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// feed fills a log bucket with what a fleet does, and knows the truth about it.
// It is for one goroutine at a time.
type feed struct {
	clients  *fleet.Fleet
	at       time.Time
	requests []fleet.Request
	put      func(t *testing.T, key string, body []byte)
}

// newFeed returns a feed that begins an hour ago, so that it can go faster than
// time.
func newFeed(seed uint64, put func(t *testing.T, key string, body []byte)) *feed {
	return &feed{clients: fleet.New(fleet.Config{Seed: seed}), at: time.Now().Add(-time.Hour), put: put}
}

// deliver delivers what happens in the next span of the fleet's time.
func (f *feed) deliver(t *testing.T, span time.Duration) {
	t.Helper()
	objects, requests := f.clients.Deliver(f.at, f.at.Add(span))
	f.at = f.at.Add(span)
	f.requests = append(f.requests, requests...)
	for _, obj := range objects {
		f.put(t, obj.Key, obj.Body)
	}
}

// intoDirectory puts objects into a directory that stands for a bucket.
func intoDirectory(dir string) func(t *testing.T, key string, body []byte) {
	return func(t *testing.T, key string, body []byte) {
		t.Helper()
		if err := writeObject(filepath.Join(dir, filepath.FromSlash(key)), body); err != nil {
			t.Error(err)
		}
	}
}

// background runs a function until stop is called, or the test ends, and waits
// for it to return.
func background(t *testing.T, run func(ctx context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}
