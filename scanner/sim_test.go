package scanner_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// deliveries is a simulated log bucket: streams with a long history, in which objects
// arrive that hold one request each. It is a location's Source and the Consumer at once,
// so it knows how long it takes from an object's arrival until its request is shown.
type deliveries struct {
	history []string // what stands behind the prefix in the oldest keys of every stream

	mu           sync.Mutex // guards all below
	streams      []stream
	arrived      []time.Time // by ID
	counted      []int       // how often, by ID
	delays       []time.Duration
	lists, opens int
}

// stream is one stream of a bucket.
type stream struct {
	prefix  string
	objects []source.Object // but for the history, by key
}

func newDeliveries(streams int) *deliveries {
	d := &deliveries{streams: make([]stream, streams)}
	for i := range d.streams {
		d.streams[i].prefix = fmt.Sprintf("logs/%012d/", i)
	}
	for i := range source.PageSize {
		d.history = append(d.history, began.AddDate(-3, 0, 0).Add(time.Duration(i)*time.Hour).Format(keyTime)+"0123456789ABCDEF")
	}
	return d
}

const keyTime = "2006-01-02-15-04-05-"

// arrival is when an object arrives in a stream, and the time in its key.
type arrival struct {
	stream  int
	at, key time.Time
}

// put makes an object arrive now.
func (d *deliveries) put(a arrival) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := len(d.arrived)
	d.arrived = append(d.arrived, time.Now())
	d.counted = append(d.counted, 0)
	st := &d.streams[a.stream]
	obj := source.Object{Key: fmt.Sprintf("%s%s%016X", st.prefix, a.key.Format(keyTime), id), LastModified: time.Now().Truncate(time.Second)}
	obj.Size, obj.ETag = int64(len(body(obj.Key))), obj.Key
	st.objects = slices.Insert(st.objects, firstFrom(st.objects, obj.Key), obj)
}

// firstFrom returns where the objects from a key on begin.
func firstFrom(objects []source.Object, key string) int {
	return sort.Search(len(objects), func(i int) bool { return objects[i].Key >= key })
}

// body returns the log of a key: a request whose ID is that of the object.
func body(key string) []byte { return logtest.AccessLog(began, key[len(key)-16:]) }

// List implements source.Source.
func (d *deliveries) List(_ context.Context, prefix, after string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		for {
			page := d.page(prefix, after)
			for _, obj := range page {
				if !yield(obj, nil) {
					return
				}
				after = obj.Key
			}
			if len(page) < source.PageSize {
				return
			}
		}
	}
}

func (d *deliveries) page(prefix, after string) (page []source.Object) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lists++
	begin := max(prefix, after)
	first := max(0, sort.Search(len(d.streams), func(i int) bool { return d.streams[i].prefix > begin })-1)
	for _, st := range d.streams[first:] {
		if st.prefix > prefix && !strings.HasPrefix(st.prefix, prefix) {
			return page
		}
		objects := st.objects[firstFrom(st.objects, begin):]
		if begin < st.prefix+d.history[len(d.history)-1] {
			objects = slices.Concat(st.past(d.history), objects)
		}
		for _, obj := range objects {
			switch {
			case len(page) == source.PageSize, obj.Key > prefix && !strings.HasPrefix(obj.Key, prefix):
				return page
			case obj.Key > after:
				page = append(page, obj)
			}
		}
	}
	return page
}

// past returns the stream's history.
func (s *stream) past(history []string) []source.Object {
	objects := make([]source.Object, len(history))
	for i, key := range history {
		objects[i] = source.Object{Key: s.prefix + key, Size: 1, LastModified: began, ETag: key}
	}
	return objects
}

// Open implements source.Source.
func (d *deliveries) Open(_ context.Context, obj source.Object) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
	return io.NopCloser(bytes.NewReader(body(obj.Key))), nil
}

// Stat implements source.Source.
func (d *deliveries) Stat(_ context.Context, key string) (source.Object, error) {
	return source.Object{Key: key, Size: int64(len(body(key))), ETag: key}, nil
}

// simTally is the IDs of one object.
type simTally []int

// Add implements scanner.Tally.
func (t *simTally) Add(r *record.Record) {
	id, err := strconv.ParseUint(string(r.RequestID), 16, 32)
	if err != nil {
		panic(err) // no log of deliveries has another
	}
	*t = append(*t, int(id))
}

// Done implements scanner.Tally.
func (t *simTally) Done() int { return len(*t) }

// NewTally implements scanner.Consumer.
func (d *deliveries) NewTally(_, _ string) scanner.Tally { return new(simTally) }

// Due implements scanner.Consumer.
func (d *deliveries) Due() bool { return false }

// Stage implements scanner.Consumer.
func (d *deliveries) Stage(tallies []scanner.Tally, _ scanner.Store) (func(), error) {
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, tally := range tallies {
			for _, id := range *tally.(*simTally) {
				d.counted[id]++
				d.delays = append(d.delays, time.Since(d.arrived[id]))
			}
		}
	}, nil
}

// pattern is how objects arrive in a stream.
type pattern struct {
	name string
	// gap draws the time to the next arrival, but for what jitter adds to each, of up to
	// this to either side.
	gap    func(random *rand.Rand) time.Duration
	jitter time.Duration
	// mixed streams fall silent for hours, and have bursts and objects that are hours late.
	mixed bool
}

const usualGap = 5 * time.Minute

var (
	steady = pattern{name: "every 5 minutes ± 30 s", gap: func(*rand.Rand) time.Duration { return usualGap }, jitter: 30 * time.Second}
	random = pattern{name: "at random, every 5 minutes on average", gap: func(random *rand.Rand) time.Duration {
		return time.Duration(random.ExpFloat64() * float64(usualGap))
	}}
)

// arrivals returns what arrives in so many streams within a time, in order. The times in
// the keys are up to 15 minutes earlier: what delivery takes.
func (p pattern) arrivals(streams int, within time.Duration) (all []arrival) {
	draw := rand.New(rand.NewPCG(uint64(streams), 1))
	upTo := func(d time.Duration) time.Duration { return time.Duration(draw.Int64N(int64(d))) }
	for i := range streams {
		for at := began.Add(upTo(usualGap)); at.Before(began.Add(within)); at = at.Add(max(p.gap(draw), 1)) {
			arrives := at.Add(p.jitter - upTo(2*p.jitter+1))
			a := arrival{stream: i, at: arrives, key: arrives.Add(-upTo(15 * time.Minute))}
			if all = append(all, a); !p.mixed {
				continue
			}
			switch draw.IntN(100) {
			case 0:
				at = at.Add(upTo(4 * time.Hour))
			case 1, 2:
				for range draw.IntN(50) {
					all = append(all, arrival{stream: i, at: a.at.Add(upTo(20 * time.Second)), key: a.key.Add(upTo(time.Minute))})
				}
			case 3, 4, 5:
				all[len(all)-1].key = a.key.Add(-upTo(12 * time.Hour))
			}
		}
	}
	slices.SortFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	return all
}

// deliver lets objects arrive, each at its time, until a time, and returns those that are
// left.
func (d *deliveries) deliver(arrivals []arrival, until time.Time) (left []arrival) {
	for len(arrivals) > 0 && arrivals[0].at.Before(until) {
		time.Sleep(time.Until(arrivals[0].at))
		d.put(arrivals[0])
		arrivals = arrivals[1:]
	}
	time.Sleep(time.Until(until))
	return arrivals
}

// progress is what has arrived, was requested and was counted.
type progress struct{ arrived, lists, opens, counted int }

func (d *deliveries) sofar() progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return progress{len(d.arrived), d.lists, d.opens, len(d.delays)}
}
