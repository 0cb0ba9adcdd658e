// Package history counts the requests of history in the metric families that serve
// exposes. A History does it by the time of the requests (history.go), and is written as
// OpenMetrics (openmetrics.go). Metrics does it without time, and is written as
// exposition text (metrics.go). Both take every amount from the collector, so that
// history and live metrics agree.
package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort/sums"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Config describes a History.
type Config struct {
	// Step is the time between two samples of a series, in seconds, more than 0.
	Step int64
	// Until is the end of the History, a whole second before which all requests were; zero:
	// the end of the last step with requests.
	Until  time.Time
	Labels classify.Config
	Legacy classify.Features // that count, of those that AWS turns off
}

// The memory that sums take: those of one batch, and of all that was read. What is more
// goes to temporary files.
const (
	batchMemory = 1 << 20
	totalMemory = 16 << 20
)

// History counts requests by the time at which they came: what each series of the
// request families gained in each step. It is an engine.Sink.
type History struct {
	cfg    Config
	labels [][]classify.Label // by collector.Family
	pool   extsort.Pool
	total  *sums.Sums // by seriesKey
	steps  span
}

var _ engine.Sink = (*History)(nil)

// span are steps with requests. There are none if last < first.
type span struct{ first, last int64 }

func newSpan() span { return span{first: math.MaxInt64, last: math.MinInt64} }

// New returns a History in which nothing was counted.
func New(cfg Config) *History {
	h := &History{cfg: cfg, steps: newSpan()}
	h.total = h.newSums(totalMemory)
	for _, family := range collector.Families() {
		h.labels = append(h.labels, family.Labels())
	}
	return h
}

func (h *History) newSums(memory int) *sums.Sums {
	return sums.New(sums.Config{Memory: memory, Pool: &h.pool})
}

// Needs returns what the History looks at in an entry.
func (h *History) Needs() engine.Needs {
	needs := familyNeeds()
	needs.Labels, needs.Step = &h.cfg.Labels, h.cfg.Step
	return needs
}

// batch is what one batch adds to the History.
type batch struct {
	history *History
	gained  *sums.Sums
	steps   span
	key     []byte
	amounts []int64
	err     error // of the temporary file
}

// NewBatch implements engine.Sink.
func (h *History) NewBatch() engine.Batch {
	return &batch{history: h, gained: h.newSums(batchMemory), steps: newSpan()}
}

// Add implements engine.Batch.
func (b *batch) Add(e *query.Entry) {
	step := floorDiv(e.Weight.First, b.history.cfg.Step)
	b.steps.first, b.steps.last = min(b.steps.first, step), max(b.steps.last, step)
	for more := range collector.Increments(e.Record, e.Class, e.Weight, b.history.cfg.Legacy) {
		b.key = append(b.key[:0], byte(more.Family))
		for _, label := range b.history.labels[more.Family] {
			b.key = append(append(b.key, more.Labels[label]...), labelEnd)
		}
		b.key = appendStep(b.key, step)
		b.amounts = appendAmounts(b.amounts[:0], more.Family, more.Amount, e.Weight.Requests)
		if b.err = b.gained.Add(b.key, b.amounts); b.err != nil {
			return
		}
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Done implements engine.Batch.
func (b *batch) Done() int { return b.gained.Keys() }

// Take implements engine.Sink.
func (h *History) Take(taken engine.Batch) error {
	b := taken.(*batch) //nolint:errcheck // every batch is from NewBatch
	if b.err != nil {
		return b.err
	}
	if err := b.gained.AddTo(h.total); err != nil {
		return err
	}
	h.steps = span{first: min(h.steps.first, b.steps.first), last: max(h.steps.last, b.steps.last)}
	return h.check()
}

// end returns when the history ends, which may be within a step: live data may go on from
// there, as those of the counter that was set back, and would be before a sample at the
// step's end.
func (h *History) end() (second int64) {
	if h.cfg.Until.IsZero() {
		return (h.steps.last + 1) * h.cfg.Step
	}
	return h.cfg.Until.Unix()
}

// mostSteps is how many steps a history may have: two years of minutes. One old
// record, or a time in the log that cannot be true, makes text without measure.
const mostSteps = 1_000_000

func (h *History) check() error {
	if first := h.steps.first; first <= h.steps.last && h.end()/h.cfg.Step-first > mostSteps {
		return fmt.Errorf("a history from %s on has more than %d steps of %v: narrow it with --since and --until, or make --step longer",
			time.Unix(first*h.cfg.Step, 0).UTC().Format(time.RFC3339), mostSteps, time.Duration(h.cfg.Step)*time.Second)
	}
	return nil
}

// Close removes the temporary files.
func (h *History) Close() { h.pool.Close() }

// A seriesKey is a series and a step: the family, the values of its labels, each
// with labelEnd behind it, and the step, so that keys sort by these.
const (
	labelEnd = 0xff // stands in no UTF-8 text
	stepSize = 8
)

func appendStep(dst []byte, step int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(step)^(1<<63)) // what is below 0 sorts first
}

// splitKey returns a seriesKey's series and step.
func splitKey(key []byte) (series []byte, step int64) {
	end := len(key) - stepSize
	return key[:end], int64(binary.BigEndian.Uint64(key[end:]) ^ (1 << 63))
}

// appendAmounts appends what an entry adds to its series: a counter's number; nothing
// to an info gauge, which is there or not; to a histogram its requests in one of the
// buckets, of which the last is that without a bound, and their sum in milliseconds.
func appendAmounts(dst []int64, family collector.Family, amount, requests int64) []int64 {
	switch family.Kind() {
	case collector.KindCounter:
		return append(dst, amount)
	case collector.KindHistogram:
		bounds := family.Buckets()
		bucket, _ := slices.BinarySearch(bounds, amount)
		start := len(dst)
		dst = append(dst, make([]int64, len(bounds)+2)...)
		dst[start+bucket] = requests
		dst[len(dst)-1] = int64(min(record.MultiplySaturating(uint64(amount), uint64(requests)), math.MaxInt64))
	}
	return dst
}
