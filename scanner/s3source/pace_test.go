package s3source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// trickle is a body that gives some bytes now and then until its request ends.
type trickle struct {
	wait  func() error // for more bytes
	bytes int          // at once
	left  int
	ready int // came and was not read yet
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.ready == 0 {
		if err := b.wait(); err != nil {
			return 0, err
		}
		b.ready = min(b.bytes, b.left)
	}
	n := copy(p, bytes.Repeat([]byte{' '}, min(len(p), b.ready)))
	b.ready -= n
	b.left -= n
	return n, nil
}

func (b *trickle) Close() error { return nil }

// trickling returns a Source whose answers are of that many bytes.
func trickling(t *testing.T, every time.Duration, atOnce, size int) *Source {
	src := newSource(t, "http://store.example")
	src.sdk.HTTPClient = roundTrips(func(r *http.Request) (*http.Response, error) {
		wait := func() error {
			select {
			case <-r.Context().Done():
				return r.Context().Err()
			case <-time.After(every):
				return nil
			}
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(size), Request: r,
			Body: &trickle{wait: wait, bytes: atOnce, left: size},
		}, nil
	})
	return src
}

func TestOpen_EndsABodyThatHoldsItsReader(t *testing.T) {
	isolate(t)
	tests := []struct {
		name         string
		every        time.Duration
		atOnce, size int
		wantAfter    time.Duration // of the end
		fails        bool
	}{
		{"1 byte a second", time.Second, 1, 1 << 20, leastWindow, true},
		{"a byte that never comes", 1000 * time.Hour, 1, 1 << 20, leastWindow, true},
		{"now and then", 14 * time.Second, leastBytes / 4, leastBytes, 56 * time.Second, false},
		{"too slow by a byte", 15 * time.Second, leastBytes/4 - 1, 1 << 20, leastWindow, true},
		{"a small object", time.Second, 1, 59, 59 * time.Second, false},
		{"a slow link", time.Second, 300, 300 * 3600, time.Hour, false},
		{"bursts", 59 * time.Second, leastBytes, 60 * leastBytes, time.Hour - time.Minute, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := trickling(t, tt.every, tt.atOnce, tt.size)
				began := time.Now()
				var readers sync.WaitGroup
				for range 8 {
					readers.Go(func() {
						data, err := sourcetest.Read(t.Context(), src, of("k", tt.size))
						if tt.fails {
							wantReason(t, err, "read", source.ReasonTimeout)
						} else if err != nil || len(data) != tt.size {
							t.Errorf("got %d bytes, %v", len(data), err)
						}
					})
				}
				readers.Wait()
				if after := time.Since(began); after != tt.wantAfter {
					t.Errorf("ended after %v, want %v", after, tt.wantAfter)
				}
			})
		})
	}
}

func TestList_EndsAPageThatHoldsItsReader(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := keysOf(t, trickling(t, time.Second, 1, 1<<20), "", "")
		wantReason(t, err, "list", source.ReasonTimeout)
		if after := time.Since(began); after != leastWindow {
			t.Errorf("ended after %v, want %v", after, leastWindow)
		}
	})
}

func TestOpen_LetsTheReaderTakeItsTime(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		body, err := trickling(t, 0, 100, 10_000).Open(t.Context(), of("k", 10_000))
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		for err == nil {
			time.Sleep(10 * time.Minute)
			_, err = io.CopyN(&data, body, 1000)
		}
		if !errors.Is(err, io.EOF) || data.Len() != 10_000 {
			t.Errorf("got %d bytes, %v", data.Len(), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestOpen_TellsTheEndOfItsContextFromASlowBody(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := sourcetest.Read(ctx, trickling(t, time.Second, 1, 1<<20), of("k", 1<<20))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}
