package collector

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"unsafe"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// row stands for the records of the same facts: they count in the same series.
type row struct {
	facts classify.Facts // a cache line: nothing else of a row is looked at for a record
	cells []*cell        // of all kinds but KindHistogram: where the row counts
	timed *cell          // of KindHistogram, or nil

	// For the goroutine that stages only: where the present stage gathers what the
	// row gains, if it does.
	gathered int

	_ [3]uint64 // so that every row begins at a cache line
}

// A row is two cache lines.
const (
	_ = 2*cacheLine - unsafe.Sizeof(row{})
	_ = unsafe.Sizeof(row{}) - 2*cacheLine

	cacheLine = 64
)

// rowGain is what a row gained in one Tally.
type rowGain struct {
	row      *row
	duration *histogram // of the delta that counts durations, if one does
	gain
}

// gain is what records of one row count together.
type gain struct {
	counts counts
	sample sample
}

// counts are what records count, where that does not follow from the family alone.
type counts struct {
	records, sent, received uint64
}

// sample is the latest record of a row that can be an exemplar.
type sample struct {
	time           int64
	sent, received uint64 // of the one record
	requestID      [maxRequestID]byte
	size           uint8 // of the request ID; 0: there is no sample
}

// maxRequestID is the length of the request IDs that an exemplar can have: S3's
// have 16 bytes, UUIDs have 36.
const maxRequestID = 36

// add counts a record.
func (g *rowGain) add(r *record.Record) {
	counts := counts{records: 1, sent: positive(r.SentBytes), received: positive(r.ReceivedBytes)}
	g.counts.add(&counts)
	if size := len(r.RequestID); 0 < size && size <= maxRequestID && g.sample.precedes(r.Time) && isVisible(r.RequestID) {
		g.sample.time, g.sample.sent, g.sample.received = r.Time, counts.sent, counts.received
		g.sample.size = uint8(copy(g.sample.requestID[:], r.RequestID))
	}
	if g.duration != nil {
		g.duration.observe(r.Duration)
	}
}

// isVisible reports whether s is ASCII without blanks and control characters, as every
// store's request IDs are.
func isVisible(s []byte) bool {
	for _, c := range s {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// deltas returns what each of the row's series gains, save for durations.
func (w *row) deltas(g *gain) iter.Seq[*delta] {
	return func(yield func(*delta) bool) {
		latest := exemplar{requestID: string(g.sample.requestID[:g.sample.size]), time: g.sample.time}
		one := counts{records: 1, sent: g.sample.sent, received: g.sample.received}
		for _, c := range w.cells {
			latest.value = one.of(c.schema.family)
			if !yield(&delta{
				cell: c, records: g.counts.records, value: g.counts.of(c.schema.family),
				exemplar: latest, client: verdicts{w.facts.Verdict(), w.facts.Support()},
			}) {
				return
			}
		}
	}
}

// merge adds what more records count.
func (g *gain) merge(more *gain) {
	g.counts.add(&more.counts)
	if more.sample.size > 0 && g.sample.precedes(more.sample.time) {
		g.sample = more.sample
	}
}

// precedes reports whether a record of that time would be a later sample; see
// exemplar.replace.
func (s *sample) precedes(time int64) bool { return s.size == 0 || time > s.time }

func (s *counts) add(more *counts) {
	s.records += more.records
	s.sent = record.AddSaturating(s.sent, more.sent)
	s.received = record.AddSaturating(s.received, more.received)
}

// of returns the sum that counts in a family, which is no histogram.
func (s *counts) of(family Family) uint64 {
	switch family {
	case FamilySentBytes:
		return s.sent
	case FamilyReceivedBytes:
		return s.received
	}
	return s.records
}

func positive(amount int64) uint64 { return uint64(max(amount, 0)) }

// rowTable holds rows by their facts: in the first slot that is free from the
// one that their hash gives. What it takes to find a row that is known are its
// slot and its facts, as rows are many and memory is slow.
type rowTable struct {
	seed  maphash.Seed
	slots []slot
	held  int
}

// slot is where a row is, if one is.
type slot struct {
	row  *row
	tag  uint32 // part of the hash, so that hardly any other row is looked at
	gain uint32 // where the present Tally has what the row gained, counted from 1; 0: nothing
}

// newRowTable returns a table for at most so many rows, which leaves at least a
// quarter of the slots free.
func newRowTable(most int) rowTable {
	return rowTable{seed: maphash.MakeSeed(), slots: make([]slot, 1<<bits.Len(uint(most+most/3)))}
}

// find returns the slot of the row of these facts, or the one that is free for it.
func (t *rowTable) find(facts *classify.Facts) *slot {
	at, last := maphash.Comparable(t.seed, *facts), uint64(len(t.slots)-1)
	for tag := uint32(at >> 32); ; at++ {
		slot := &t.slots[at&last]
		if slot.row == nil {
			slot.tag = tag
			return slot
		}
		if slot.tag == tag && slot.row.facts == *facts {
			return slot
		}
	}
}

func (t *rowTable) clear() {
	clear(t.slots)
	t.held = 0
}
