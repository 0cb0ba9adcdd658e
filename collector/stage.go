package collector

import (
	"fmt"
	"time"
)

// Store is where Stage writes series, within the transaction that also marks
// the tallies' objects as counted. Key and value may be kept: they are not
// changed later. Keys are shorter than 32 KiB.
type Store interface {
	Put(key, value []byte) error
	Delete(key []byte) error
}

// Stage merges tallies into the series, writes every series that changes to the
// store, releases the series whose hold is over and drops those that were not
// incremented for the ttl. It changes neither the tallies nor anything that a
// scrape sees: that is what expose does, once, after the commit. If the commit
// fails, drop expose; the same tallies may be staged again. Between a Stage and
// its expose there must be no other Stage.
//
// The error is the store's.
func (c *Collector) Stage(tallies []*Tally, store Store) (expose func(), err error) {
	s := &stage{
		collector: c,
		now:       c.config.Now(),
		changes:   make(map[string]*change),
		sizes:     c.sizes,
	}
	for _, tally := range tallies {
		for _, delta := range tally.deltas {
			s.merge(delta)
		}
	}
	s.release()
	s.expire()
	if err := s.write(store); err != nil {
		return nil, err
	}
	return s.expose, nil
}

// stage is what one Stage is about to change.
type stage struct {
	collector *Collector
	now       time.Time
	changes   map[string]*change // by key
	order     []*change
	expired   []*series
	sizes     [familyCount]int // with the series that are being born
	overflow  [familyCount]uint64
}

// change is a series and its next state.
type change struct {
	series *series
	next   *state
	born   bool
}

// merge adds the increments of one series of a tally.
func (s *stage) merge(d *delta) {
	labels, key, folded, verdict := &d.labels, d.key, d.folded, d.verdict
	if !s.exists(key) {
		placed, placedKey, level := d.family.place(labels, s.collector.config.SeriesLimit, s.sizes[d.family.id],
			func(key []byte) bool { return s.exists(string(key)) })
		labels, key = &placed, string(placedKey)
		folded = folded || level != foldNothing
		verdict = level.verdict(verdict)
	}
	if folded {
		s.overflow[d.family.id] += d.records
	}
	next := s.change(d.family, labels, key).next
	next.last = s.now.Unix()
	next.value = addSaturating(next.value, d.value)
	next.verdict = max(next.verdict, verdict)
	if d.duration != nil {
		next.duration.merge(d.duration)
	}
	if len(d.requestID) > 0 && (next.exemplar.requestID == "" || d.requestTime >= next.exemplar.time) {
		next.exemplar = exemplar{requestID: string(d.requestID), time: d.requestTime, value: d.requestAdds}
	}
}

// exists reports whether the key's series is there or is being born.
func (s *stage) exists(key string) bool {
	return s.changes[key] != nil || s.collector.series[key] != nil
}

// change returns the change of the key's series, if need be of a new one.
func (s *stage) change(f *family, labels *Labels, key string) *change {
	if known := s.changes[key]; known != nil {
		return known
	}
	if known := s.collector.series[key]; known != nil {
		return s.touch(known)
	}
	born := newSeries(f, labels, key)
	born.state = &state{created: s.now.UnixMilli(), released: f.kind == kindInfo || s.collector.config.SeriesHold == 0}
	if f.kind == kindHistogram {
		born.state.duration = &histogram{}
	}
	s.sizes[f.id]++
	added := s.touch(born)
	added.born = true
	return added
}

// touch begins the change of a series that has none yet, with a copy of its state.
func (s *stage) touch(known *series) *change {
	next := *known.state
	if next.duration != nil {
		next.duration = next.duration.clone()
	}
	added := &change{series: known, next: &next}
	s.changes[known.key] = added
	s.order = append(s.order, added)
	return added
}

// release lets the series show their values whose hold is over.
func (s *stage) release() {
	for held := range s.collector.held {
		if !s.collector.holdOver(held, s.now) {
			continue
		}
		known := s.changes[held.key]
		if known == nil {
			known = s.touch(held)
		}
		known.next.released = true
	}
}

// expire finds the series to drop.
func (s *stage) expire() {
	for _, old := range s.collector.expired(s.now) {
		if s.changes[old.key] == nil {
			s.expired = append(s.expired, old)
		}
	}
}

func (s *stage) write(store Store) error {
	for _, change := range s.order {
		if err := store.Put([]byte(change.series.key), change.next.encode(change.series.family.kind)); err != nil {
			return fmt.Errorf("store series of %s: %w", change.series.family.name, err)
		}
	}
	for _, old := range s.expired {
		if err := store.Delete([]byte(old.key)); err != nil {
			return fmt.Errorf("delete series of %s: %w", old.family.name, err)
		}
	}
	return nil
}

// expose makes the changes visible.
func (s *stage) expose() {
	c := s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	for _, change := range s.order {
		change.series.state = change.next
		if change.born {
			c.insert(change.series, now)
		}
		if change.next.released {
			delete(c.held, change.series)
		}
	}
	for _, old := range s.expired {
		delete(c.series, old.key)
		c.sizes[old.family.id]--
	}
	for id, records := range s.overflow {
		c.overflow[id] += records
	}
}
