package once

import (
	"cmp"
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// CloudTrail delivers an event to the folders of each account that it concerns, and of each
// trail that records it, at about the same time. To know the copies of an event again while
// its IDs are remembered, the streams of one Region are read side by side, in the order of
// the times in their keys, whatever location they lie in. So a walk leaves each such stream
// that it meets to the merger, which lists them when all walks have ended, one Region after
// the other.

// maxAhead is how many objects of one Region are listed before it is their turn, in some 100
// bytes each: a page of each stream. Of more streams than that are pages, a part of a page is
// kept of each, and the rest is listed once more.
const maxAhead = 128 * source.PageSize

// leastAhead is how many objects of a stream are listed at once, however many streams there
// are.
const leastAhead = 50

// merger merges what lies in the streams of each Region. A nil one takes none.
type merger struct {
	ahead   int            // objects of one Region that are listed before it is their turn
	busy    chan struct{}  // has one element for each goroutine that lists
	listers sync.WaitGroup // these

	mu      sync.Mutex // guards all below
	regions map[string][]*run
}

func newMerger() *merger {
	return &merger{ahead: maxAhead, busy: make(chan struct{}, maxHelpers), regions: make(map[string][]*run)}
}

// run is what one part of a location has of a stream, and of what else lies in its folders.
type run struct {
	listing *listing
	stream  logkey.Stream
	to      string // the run's keys lie up to it
	place   int    // among those of the Region

	page    page   // objects that were listed
	listed  string // the last key up to which the run is, or was passed over
	ended   bool   // nothing comes behind that
	room    int    // objects of a page
	pending chan listedPage

	// The object whose turn it is next. at is zero if it is none of the stream.
	object source.Object
	key    logkey.Key
	at     time.Time
}

// listedPage is what came of listing a page.
type listedPage struct {
	page   page
	listed string
	ended  bool
	err    error
}

// takes reports whether objects with such a key are left to the merger.
func (m *merger) takes(key logkey.Key) bool { return m != nil && key.Stream.Region() != "" }

// leave leaves to the merger what lies in the stream from an object on, which is one of it,
// up to the key to, or to its end if that is empty. If that object is not to be read, neither is what lies up to goOn.
func (m *merger) leave(l *listing, obj source.Object, key logkey.Key, read bool, goOn, to string) {
	r := &run{listing: l, stream: key.Stream, to: key.Stream.End(), listed: max(obj.Key, goOn)}
	if to != "" {
		r.to = min(r.to, to)
	}
	r.ended = r.listed >= r.to
	if read {
		r.page.add(obj)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	region := key.Stream.Region()
	m.regions[region] = append(m.regions[region], r)
}

// merge queues what was left to the merger. A location that cannot be listed any more has
// failed then, and keeps no other one from being listed. It is called when all walks have
// ended.
func (m *merger) merge(ctx context.Context) {
	if m == nil {
		return
	}
	for _, region := range slices.Sorted(maps.Keys(m.regions)) {
		m.mergeRegion(ctx, m.regions[region])
		delete(m.regions, region)
	}
	m.listers.Wait()
}

func (m *merger) mergeRegion(ctx context.Context, runs []*run) {
	slices.SortFunc(runs, func(a, b *run) int {
		return cmp.Or(cmp.Compare(a.listing.location.Name, b.listing.location.Name), cmp.Compare(a.listed, b.listed))
	})
	for i, r := range runs {
		r.place, r.room = i, min(max(m.ahead/len(runs), leastAhead), r.listing.pageSize)
		m.listAhead(ctx, r)
	}
	next := byTime(slices.DeleteFunc(runs, func(r *run) bool { return !m.advance(ctx, r) }))
	heap.Init(&next)
	for len(next) > 0 {
		r := next[0]
		if !r.listing.queue(ctx, r.object, r.key) {
			for _, r := range next {
				m.fail(r.listing, ctx.Err())
			}
			return
		}
		if m.advance(ctx, r) {
			heap.Fix(&next, 0)
		} else {
			heap.Pop(&next)
		}
	}
}

// byTime is a heap of runs: the first one has the object whose turn it is.
type byTime []*run

// Len implements heap.Interface.
func (h *byTime) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *byTime) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.place, b.place)) < 0
}

// Swap implements heap.Interface.
func (h *byTime) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push implements heap.Interface.
func (h *byTime) Push(added any) {
	if r, ok := added.(*run); ok {
		*h = append(*h, r)
	}
}

// Pop implements heap.Interface.
func (h *byTime) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}

// advance goes on to the run's next object, or returns false if there is none.
func (m *merger) advance(ctx context.Context, r *run) bool {
	for r.page.empty() {
		if r.ended {
			return false
		}
		m.listAhead(ctx, r)
		got := <-r.pending
		if r.pending = nil; got.err != nil {
			m.fail(r.listing, got.err)
		}
		r.page, r.listed, r.ended = got.page, got.listed, got.ended || got.err != nil
	}
	r.object = r.page.next()
	r.key, r.at = readable(r.object), time.Time{}
	if r.key.Stream == r.stream {
		r.at = r.key.Time
	}
	if r.page.n <= r.room/4 {
		m.listAhead(ctx, r)
	}
	return true
}

// fail takes note that a location cannot be listed to its end.
func (m *merger) fail(l *listing, err error) {
	if l.failed == nil {
		l.failed = &ListError{Location: l.location.Name, Err: err}
	}
}

// listAhead begins to list the run's next page, unless that has begun.
func (m *merger) listAhead(ctx context.Context, r *run) {
	if r.ended || r.pending != nil {
		return
	}
	pending, from := make(chan listedPage, 1), r.listed
	r.pending = pending
	m.listers.Go(func() {
		m.busy <- struct{}{}
		defer func() { <-m.busy }()
		pending <- r.list(ctx, from)
	})
}

// list lists what comes behind a key: up to a page, or as many objects as there is room for.
func (r *run) list(ctx context.Context, from string) listedPage {
	l, n := r.listing, 0
	got := listedPage{listed: from}
	if l.broken.Load() {
		got.ended = true
		return got
	}
	prefix := r.stream.Prefix
	if len(l.location.Prefix) > len(prefix) { // which may reach into the date
		prefix = l.location.Prefix
	}
	for obj, err := range l.location.Source.List(ctx, prefix, from) {
		if err != nil {
			l.broken.Store(true)
			got.err = err
			return got
		}
		if n++; obj.Key > got.listed && !r.take(ctx, obj, &got) || n == l.pageSize || got.page.n == r.room {
			return got
		}
	}
	got.ended = true
	return got
}

// take takes an object that is listed, or returns false if the page ends there.
func (r *run) take(ctx context.Context, obj source.Object, got *listedPage) bool {
	if got.ended = obj.Key > r.to; got.ended {
		return false
	}
	read, goOn, ok := r.listing.look(ctx, obj, readable(obj))
	if !ok {
		got.err = ctx.Err()
		return false
	}
	if read {
		got.page.add(obj)
	}
	got.listed = max(obj.Key, goOn)
	got.ended = got.listed >= r.to
	return !got.ended
}
