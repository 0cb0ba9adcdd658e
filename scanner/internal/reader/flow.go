package reader

import (
	"math/bits"
	"runtime"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// How many objects may be under way at once where Config.Concurrency is 0.
const (
	// startObjects is how many they are at first, and always with a source that answers
	// at once, as a directory does: more would only push each other out of the caches.
	startObjects = 8
	// objectsPerCore is what a core can use at most: it has 0.2 ms or more of work for
	// each, so that is enough for a store that takes 25 ms to answer.
	objectsPerCore = 128
	// soon is how long a source takes at most from which more at once are not faster.
	soon = 2 * time.Millisecond
)

// What the objects under way take of memory.
const (
	bytesPerCore = 16 << 20 // at most
	// perRequest is what a request takes besides the object's bytes.
	perRequest = 16 << 10
	// perStream is that of an object that is decoded while it comes: mostly the buffers
	// of decompression and decoder.
	perStream = 2 << 20
)

// footprint is how much memory the reading of an object of so many stored bytes takes.
func footprint(size int64) int64 {
	if size > maxWhole {
		return perStream
	}
	return perRequest + 1<<sizeClass(size)
}

// throttled is a Source that knows when its store asks for fewer requests, also where it
// has tried them again by itself.
type throttled interface {
	// Throttled returns how often the store has asked for fewer requests so far.
	Throttled() int64
}

// flow decides how many objects are under way at once, from their request to the end of
// their decoding: as many as it takes for a core never to wait for the next one, as long
// as there is memory for them, and half of them each time that a store asks for fewer
// requests. From there on they become more by one a round trip instead of twice as many.
//
// Each queue may always have one object under way, so that a store whose bodies stall does
// not keep the objects of others waiting. Nor do they keep those of their own queue waiting
// for long: see slow.go.
type flow struct {
	fixed   bool  // limit does not change
	most    int   // that limit may be, and that objects may be with those that are lent
	budget  int64 // of bytes
	cores   int
	giveWay bool // see Config

	mu        sync.Mutex // guards all below, and each place
	room      sync.Cond
	limit     int   // of objects
	objects   int   // under way
	bytes     int64 // their footprints
	short     int   // objects that wait, and limit is why
	threshold int   // from which on limit grows slowly
	idle      int   // arrivals at a core that waited, since limit grew last
	deaf      int   // objects that were asked for before limit was halved
	throttles map[throttled]int64
	large     int // large objects under way that are not slow
	slow      lane
	lent      int      // objects under way whose places are lent
	overdue   []*place // in the order in which they became so
}

// queue is what flow knows of a queue of objects.
type queue struct {
	objects int // under way; guarded by flow.mu
}

// newFlow returns a flow of as many objects at once as the Config has.
func newFlow(cfg *Config) *flow {
	cores := runtime.GOMAXPROCS(0)
	f := &flow{
		fixed: cfg.Concurrency > 0, most: objectsPerCore * cores, budget: int64(bytesPerCore * cores), cores: cores,
		giveWay: cfg.GiveWay, limit: startObjects, throttles: make(map[throttled]int64),
	}
	if f.fixed {
		f.limit, f.most = cfg.Concurrency, cfg.Concurrency
	}
	f.threshold = f.most
	f.room.L = &f.mu
	return f
}

// begin waits until one more object of a queue may be under way, and returns its place.
// That of a slow one waits for those that are slow as well.
func (f *flow) begin(q *queue, footprint int64, slow bool) *place {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &place{queue: q, footprint: footprint}
	if slow {
		f.slow.waiting++
		defer func() { f.slow.waiting-- }()
	}
	for q.objects > 0 && (slow && !f.slow.has(f, p) || f.full(p)) {
		if f.full(p) && f.makeRoom() {
			continue
		}
		waits := 0
		if f.many() {
			waits = 1
		}
		f.short += waits
		f.room.Wait()
		f.short -= waits
	}
	if slow {
		f.slow.take(p)
	}
	q.objects++
	f.objects++
	f.bytes += footprint
	return p
}

// full reports whether there is no room for one more object. mu is held.
func (f *flow) full(p *place) bool {
	return f.many() || f.objects >= f.most || f.bytes+p.footprint > f.budget
}

// many reports whether as many objects are under way as limit has. mu is held.
func (f *flow) many() bool { return f.objects-lends*f.lent >= f.limit }

// end takes note that an object is under way no more.
func (f *flow) end(p *place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.queue.objects--
	f.objects--
	f.bytes -= p.footprint
	f.leave(p)
	f.room.Broadcast()
}

// fetched takes note that a source has answered.
func (f *flow) fetched(from source.Source) {
	store, ok := from.(throttled)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = max(0, f.deaf-1)
	if !ok {
		return
	}
	if n := store.Throttled(); n > f.throttles[store] {
		f.throttles[store] = n
		f.halve()
	}
}

// refused takes note that a store asks for fewer requests.
func (f *flow) refused() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halve()
}

// halve is called with mu held. All that was asked for before counts as one refusal.
func (f *flow) halve() {
	if f.fixed || f.deaf > 0 {
		return
	}
	f.limit = max(1, min(f.limit, f.objects)/2)
	f.threshold, f.deaf, f.idle = f.limit, f.objects, 0
}

// arrived takes note that the decoding of an object begins that took so long to come, on
// a core that was waiting for it or had other work until now.
func (f *flow) arrived(took time.Duration, waiting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed || !waiting || f.short == 0 || took < soon || f.limit >= f.most {
		return
	}
	if f.idle++; f.limit < f.threshold || f.idle >= f.limit {
		f.limit++
		f.idle = 0
		f.room.Broadcast()
	}
}

// sizeClass returns the exponent of the power of two that has room for an object of so
// many bytes and for what bytes.Buffer wants besides.
func sizeClass(size int64) int {
	const least, spare = 4 << 10, 512 // bytes.MinRead
	return bits.Len64(uint64(max(size+spare, least) - 1))
}
