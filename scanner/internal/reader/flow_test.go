package reader_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// remote is a Source of objects that are all alike and take their time.
type remote struct {
	source.Source
	latency time.Duration
	body    []byte
	refuses func(inFlight int) bool // nil: none

	throttled atomic.Int64
	mu        sync.Mutex // guards all below
	now, most int        // objects that are asked for at once
}

func (r *remote) Throttled() int64 { return r.throttled.Load() }

func (r *remote) add(objects int) (now int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now += objects
	r.most = max(r.most, r.now)
	return r.now
}

func (r *remote) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	now := r.add(1)
	if r.refuses != nil && r.refuses(now) {
		r.throttled.Add(1) // and the client tries it again by itself
		time.Sleep(r.latency)
	}
	time.Sleep(r.latency)
	return source.Whole(&remoteBody{bytes.NewReader(r.body), r}, obj), ctx.Err()
}

type remoteBody struct {
	io.Reader
	remote *remote
}

func (b *remoteBody) Close() error {
	b.remote.add(-1)
	return nil
}

// readMany reads so many objects of it, and returns how long that takes.
func (r *remote) readMany(t *testing.T, objects int, cfg reader.Config) time.Duration {
	t.Helper()
	cfg.NewTally = func(_, _ string) reader.Tally { return new(ids) }
	jobs := make(chan *reader.Job[int])
	go func() {
		defer close(jobs)
		for range objects {
			key := logtest.SimpleKey(at, "A")
			jobs <- &reader.Job[int]{
				Location: source.Location{Source: r}, Key: logkey.Parse(key), Object: source.Object{Key: key, Size: int64(len(r.body))},
			}
		}
	}()
	began := time.Now()
	for result := range reader.Read(t.Context(), cfg, jobs).All() {
		objects--
		if result.Err != nil {
			t.Error(result.Err)
		}
	}
	if objects != 0 {
		t.Errorf("%d objects are missing", objects)
	}
	return time.Since(began)
}

func onCores(t *testing.T, n int) {
	t.Helper()
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// Cores that have nothing to do get more objects, twice as many every round trip, up to
// 128 each.
func TestRead_HasAsManyUnderWayAsTheCoresCanUse(t *testing.T) {
	onCores(t, 2)
	synctest.Test(t, func(t *testing.T) {
		const objects, latency, most = 20_000, 30 * time.Millisecond, 256
		r := &remote{latency: latency, body: logtest.AccessLog(at, "r")}
		took := r.readMany(t, objects, reader.Config{})
		if r.most > most || r.most < most/2 { // it depends on how fast the cores are
			t.Errorf("%d objects are under way at once, want up to %d", r.most, most)
		}
		if least := latency * objects / most; took > 2*least {
			t.Errorf("it takes %v, and the best is %v", took, least)
		}
	})
}

func TestRead_HasAsManyUnderWayAsConfigured(t *testing.T) {
	onCores(t, 2)
	synctest.Test(t, func(t *testing.T) {
		r := &remote{latency: time.Second, body: logtest.AccessLog(at, "r")}
		if took := r.readMany(t, 100, reader.Config{Concurrency: 5}); r.most != 5 || took != 20*time.Second {
			t.Errorf("%d objects are under way at once, and it takes %v", r.most, took)
		}
	})
}

// Of a source that answers at once, more objects would not come faster.
func TestRead_HasFewUnderWayOfASourceThatIsNear(t *testing.T) {
	onCores(t, 2)
	synctest.Test(t, func(t *testing.T) {
		r := &remote{latency: time.Millisecond, body: logtest.AccessLog(at, "r")}
		if r.readMany(t, 1000, reader.Config{}); r.most != 8 {
			t.Errorf("%d objects are under way at once, want 8", r.most)
		}
	})
}

func TestRead_HoldsNoMoreBytesThanItHasMemoryFor(t *testing.T) {
	onCores(t, 2)
	synctest.Test(t, func(t *testing.T) {
		const memory, each = 32 << 20, 256<<10 + 16<<10 // a power of two, and what a request takes
		r := &remote{latency: time.Second, body: bytes.Repeat(logtest.AccessLog(at, "r"), 1000)}
		if r.readMany(t, 250, reader.Config{Concurrency: 200}); r.most != memory/each {
			t.Errorf("%d objects of %d bytes are held at once, want %d", r.most, len(r.body), memory/each)
		}
	})
}

// A store that asks for fewer requests gets fewer, although its client hides that it did.
func TestRead_GoesDownWhenTheStoreThrottles(t *testing.T) {
	onCores(t, 2)
	synctest.Test(t, func(t *testing.T) {
		const limit, objects = 50, 20_000
		refused := 0
		r := &remote{latency: 30 * time.Millisecond, body: logtest.AccessLog(at, "r")}
		r.refuses = func(inFlight int) bool { // mu is free
			r.mu.Lock()
			defer r.mu.Unlock()
			if inFlight > limit {
				refused++
			}
			return inFlight > limit
		}
		took := r.readMany(t, objects, reader.Config{})
		if refused == 0 || refused > objects/50 {
			t.Errorf("the store refuses %d requests of %d", refused, objects)
		}
		if best := objects / limit * r.latency; took > 2*best {
			t.Errorf("it takes %v, and the best is %v", took, best)
		}
	})
}

func TestRead_LeavesAThrottledObjectToWhoeverHasNoPatience(t *testing.T) {
	for _, patience := range []time.Duration{0, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			src, asked := new(refusing), 0
			src.asked = &asked
			cfg := reader.Config{Patience: patience, NewTally: func(_, _ string) reader.Tally { return new(ids) }}
			jobs := make(chan *reader.Job[int], 1)
			jobs <- &reader.Job[int]{Location: source.Location{Source: src}, Key: logkey.Parse(logtest.SimpleKey(at, "A"))}
			close(jobs)
			for r := range reader.Read(t.Context(), cfg, jobs).All() {
				if r.Err == nil || r.Err.Reason != source.ReasonThrottled {
					t.Errorf("%+v", r.Outcome)
				}
			}
			if want := map[time.Duration]int{0: 1, 4 * time.Second: 4}[patience]; asked != want {
				t.Errorf("with patience for %v, it was asked for %d times, want %d", patience, asked, want)
			}
		})
	}
}

// refusing is a Source that refuses everything.
type refusing struct {
	source.Source
	asked *int
}

func (r *refusing) Open(context.Context, source.Object) (io.ReadCloser, error) {
	*r.asked++
	return nil, &source.Error{Op: "open", Reason: source.ReasonThrottled, Err: errors.New("slow down")}
}
