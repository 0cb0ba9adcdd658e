package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// history counts requests by the time at which they came: what each series of the
// request families gained in each step. It takes all amounts from the collector,
// so that history and live metrics agree. It is a once.Consumer.
type history struct {
	step        int64     // in seconds
	until       time.Time // the end of the history; zero: that of the last step with requests
	match       func(*record.Record, *classify.Class) bool
	classifiers sync.Pool          // of *collector.Classifier
	labels      [][]classify.Label // by collector.Family

	sorters     extsort.Pool // of the tallies
	total       *increments  // by historyKey
	first, last int64        // steps with requests; last < first: there are none
}

var _ once.Consumer = (*history)(nil)

func newHistory(
	step int64, until time.Time, config classify.Config, match func(*record.Record, *classify.Class) bool,
) *history {
	const memory = 16 << 20
	sorter := extsort.New(extsort.Config{Memory: memory})
	h := &history{
		step:        step,
		until:       until,
		match:       match,
		classifiers: sync.Pool{New: func() any { return classify.NewClassifier(config) }},
		total:       newIncrements(memory, sorter),
		first:       math.MaxInt64,
		last:        math.MinInt64,
	}
	for _, family := range collector.Families() {
		h.labels = append(h.labels, family.Labels())
	}
	return h
}

// historyTally is what one object adds to the history.
type historyTally struct {
	history     *history
	classifier  *classify.Classifier // from the first record to Done
	gained      *increments
	first, last int64
	key         []byte
	amounts     []uint64
	err         error // of the temporary file
}

// NewTally implements once.Consumer.
func (h *history) NewTally(_, _ string) once.Tally {
	const memory = 1 << 20
	return &historyTally{
		history: h,
		gained:  newIncrements(memory, h.sorters.Get()),
		first:   math.MaxInt64,
		last:    math.MinInt64,
	}
}

// Add implements once.Tally.
func (t *historyTally) Add(r *record.Record) {
	if t.err != nil {
		return
	}
	if t.classifier == nil {
		t.classifier = t.history.classifiers.Get().(*classify.Classifier) //nolint:errcheck // New makes nothing else
	}
	class := t.classifier.Classify(r)
	if !t.history.match(r, &class) {
		return
	}
	step := floorDiv(r.Time, t.history.step)
	t.first, t.last = min(t.first, step), max(t.last, step)
	for family, amount := range collector.AmountsOf(r, &class) {
		if amount == collector.NotCounted {
			continue
		}
		t.key = append(t.key[:0], byte(family))
		for _, label := range t.history.labels[family] {
			t.key = append(append(t.key, class.Labels[label]...), labelEnd)
		}
		t.key = appendStep(t.key, step)
		t.amounts = appendAmounts(t.amounts[:0], collector.Family(family), amount)
		if t.err = t.gained.add(t.key, t.amounts); t.err != nil {
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

// Done implements once.Tally.
func (t *historyTally) Done() int {
	if t.classifier != nil {
		t.history.classifiers.Put(t.classifier)
		t.classifier = nil
	}
	return len(t.gained.sums)
}

// Take implements once.Consumer.
func (h *history) Take(tally once.Tally) error {
	t := tally.(*historyTally) //nolint:errcheck // every tally is from NewTally
	err := t.err
	if err == nil {
		err = t.gained.each(h.total.add)
	}
	if err != nil {
		return err
	}
	h.first, h.last = min(h.first, t.first), max(h.last, t.last)
	h.sorters.Put(t.gained.sorter)
	return h.check()
}

// end returns the step at whose start the history ends.
func (h *history) end() int64 {
	if h.until.IsZero() {
		return h.last + 1
	}
	return floorDiv(h.until.Add(time.Second-1).Unix()-1, h.step) + 1 // both rounded up
}

// mostSteps is how many steps a history may have: two years of minutes. One old
// record, or a time in the log that cannot be true, makes text without measure.
const mostSteps = 1_000_000

func (h *history) check() error {
	if h.first <= h.last && h.end()-h.first > mostSteps {
		return fmt.Errorf("a history from %s on has more than %d steps of %v: narrow it with --since and --until, or make --step longer",
			time.Unix(h.first*h.step, 0).UTC().Format(time.RFC3339), mostSteps, time.Duration(h.step)*time.Second)
	}
	return nil
}

// close gives back what the history holds.
func (h *history) close() {
	h.sorters.Close()
	h.total.sorter.Close()
}

// A historyKey is a series and a step: the family, the values of its labels, each
// with labelEnd behind it, and the step, so that keys sort by these.
const (
	labelEnd = 0xff // stands in no UTF-8 text
	stepSize = 8
)

func appendStep(dst []byte, step int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(step)^(1<<63)) // what is below 0 sorts first
}

// splitHistoryKey returns a key's series and step.
func splitHistoryKey(key []byte) (series []byte, step int64) {
	end := len(key) - stepSize
	return key[:end], int64(binary.BigEndian.Uint64(key[end:]) ^ (1 << 63))
}

// appendAmounts appends what one record adds to its series: a counter's number;
// nothing to an info gauge, which is there or not; to a histogram 1 in one of the
// buckets, of which the last is that without a bound, and the sum in milliseconds.
func appendAmounts(dst []uint64, family collector.Family, amount int64) []uint64 {
	switch family.Kind() {
	case collector.KindCounter:
		return append(dst, uint64(amount))
	case collector.KindHistogram:
		bounds := family.Buckets()
		bucket, _ := slices.BinarySearch(bounds, amount)
		start := len(dst)
		dst = append(dst, make([]uint64, len(bounds)+2)...)
		dst[start+bucket] = 1
		dst[len(dst)-1] = uint64(amount)
	}
	return dst
}
