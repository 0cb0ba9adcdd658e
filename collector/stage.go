package collector

import (
	"fmt"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Store is where Stage writes series, within the transaction that also marks
// the tallies' objects as counted. A key is valid during the call only, and is
// shorter than 32 KiB; a value may be kept, for it is not changed later.
type Store interface {
	Put(key, value []byte) error
	Delete(key []byte) error
}

// Stage merges tallies into the series, writes every series that changes to the
// store, releases the series whose hold is over and drops those that were not
// incremented for the ttl. It changes neither what the tallies hold, though they
// are done, nor anything that a scrape sees: that is what expose does, once, after
// the commit; it leaves the tallies empty. If the commit fails, drop expose; the
// same tallies may be staged again. Between a Stage and its expose there must be
// no other Stage.
//
// A nil store keeps nothing, as for a single look. The error is the store's.
func (c *Collector) Stage(tallies []*Tally, store Store) (expose func(), err error) {
	s := &stage{collector: c, now: c.config.Now(), tallies: tallies, rows: c.rows[:0], changes: c.changes[:0]}
	for family, known := range c.series {
		s.sizes[family] = len(known)
	}
	for _, tally := range tallies {
		if tally.Done() > 0 {
			s.gather(tally.held)
		}
	}
	for i := range s.rows {
		for delta := range s.rows[i].row.deltas(&s.rows[i].gain) {
			s.merge(delta)
		}
	}
	s.release()
	s.expire()
	if store != nil {
		if err := s.write(store); err != nil {
			return nil, err
		}
	}
	return s.expose, nil
}

// stage is what one Stage is about to change.
type stage struct {
	collector *Collector
	now       time.Time
	tallies   []*Tally
	rows      []rowGain // of all tallies together
	changes   []change
	born      [familyCount]map[string]*series // by key
	expired   []*series
	sizes     [familyCount]int // with the series that are being born
	overflow  [familyCount]uint64
}

// change is a series and its next state.
type change struct {
	series *series
	next   state
	born   bool
}

// gather merges what a tally holds by series, and adds up the rest by row: tallies
// that are staged together have many rows in common.
func (s *stage) gather(held *increments) {
	for i := range held.rows {
		more := &held.rows[i]
		row := more.row
		if row.gathered < len(s.rows) && s.rows[row.gathered].row == row {
			s.rows[row.gathered].merge(&more.gain)
		} else {
			row.gathered = len(s.rows)
			s.rows = append(s.rows, *more)
		}
	}
	for _, delta := range held.deltas {
		s.merge(delta)
	}
}

// merge adds the increments of one series.
func (s *stage) merge(d *delta) {
	folded, verdict := d.folded, d.verdict
	target := s.find(d.cell)
	if target == nil {
		var level foldLevel
		target, level = s.place(d.cell)
		folded = folded || level != foldNothing
		verdict = level.verdict(verdict)
	}
	if folded {
		s.overflow[d.cell.layout.family] += d.records
	}
	next := &s.change(target).next
	next.last = s.now.Unix()
	next.value = record.AddSaturating(next.value, d.value)
	next.verdict = max(next.verdict, verdict)
	next.exemplar.replace(d.exemplar)
	if d.duration != nil {
		next.duration.merge(d.duration)
	}
}

// find returns the cell's series, or nil if there is none.
func (s *stage) find(c *cell) *series {
	if c.series == nil || c.series.dropped {
		c.series = s.collector.series[c.layout.family][c.key]
	}
	if c.series != nil {
		return c.series
	}
	return s.born[c.layout.family][c.key]
}

// place returns the series that counts what a cell without one gained: its own,
// to be born now, or a folded one.
func (s *stage) place(c *cell) (*series, foldLevel) {
	l, limit := c.layout, s.collector.config.SeriesLimit
	if !l.full(foldNothing, limit, s.sizes[l.family]) {
		return s.bear(l, c.key), foldNothing
	}
	key, level := l.fold(s.collector.buf[:0], c.key, limit, s.sizes[l.family], func(key []byte) bool {
		return s.lookUp(l.family, key) != nil
	})
	if known := s.lookUp(l.family, key); known != nil {
		return known, level
	}
	return s.bear(l, string(key)), level
}

// lookUp returns the series of a key, also one that is being born, or nil.
func (s *stage) lookUp(family Family, key []byte) *series {
	if known := s.collector.series[family][string(key)]; known != nil {
		return known
	}
	return s.born[family][string(key)]
}

// bear begins the life of a series.
func (s *stage) bear(l *layout, key string) *series {
	born := &series{layout: l, key: key, state: state{
		created:  s.now.UnixMilli(),
		released: l.kind == KindInfo || s.collector.config.SeriesHold == 0,
	}}
	if l.kind == KindHistogram {
		born.state.duration = &histogram{}
	}
	if s.born[l.family] == nil {
		s.born[l.family] = make(map[string]*series)
	}
	s.born[l.family][key] = born
	s.sizes[l.family]++
	s.change(born).born = true
	return born
}

// touched reports whether the series changes. A stage that was dropped may have
// left any place in it.
func (s *stage) touched(known *series) bool {
	return known.change < len(s.changes) && s.changes[known.change].series == known
}

// change returns the change of a series, which begins with a copy of its state.
// It is valid until the next one.
func (s *stage) change(known *series) *change {
	if !s.touched(known) {
		known.change = len(s.changes)
		s.changes = append(s.changes, change{series: known, next: known.state})
		if next := &s.changes[known.change].next; next.duration != nil {
			next.duration = next.duration.clone()
		}
	}
	return &s.changes[known.change]
}

// release lets the series show their values whose hold is over.
func (s *stage) release() {
	for held, since := range s.collector.held {
		if s.collector.holdOver(since, s.now) {
			s.change(held).next.released = true
		}
	}
}

// expire finds the series to drop.
func (s *stage) expire() {
	for _, old := range s.collector.expired(s.now) {
		if !s.touched(old) {
			s.expired = append(s.expired, old)
		}
	}
}

func (s *stage) write(store Store) error {
	const usual = 32 // bytes of a value
	var key []byte
	values := make([]byte, 0, usual*len(s.changes))
	for i := range s.changes {
		change := &s.changes[i]
		key = change.series.appendKey(key[:0])
		written := len(values)
		values = change.next.append(values, change.series.layout.kind)
		if err := store.Put(key, slices.Clip(values[written:])); err != nil {
			return fmt.Errorf("store series of %s: %w", change.series.layout.name, err)
		}
	}
	for _, old := range s.expired {
		key = old.appendKey(key[:0])
		if err := store.Delete(key); err != nil {
			return fmt.Errorf("delete series of %s: %w", old.layout.name, err)
		}
	}
	return nil
}

// expose makes the changes visible.
func (s *stage) expose() {
	s.show()
	for _, tally := range s.tallies {
		tally.release()
	}
	s.collector.rows, s.collector.changes = reusable(s.rows), reusable(s.changes)
}

// show does what scrapes must not see in part.
func (s *stage) show() {
	c := s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	for i := range s.changes {
		change := &s.changes[i]
		if change.next.released && !change.series.state.released {
			delete(c.held, change.series)
		}
		change.series.state = change.next
		if change.born {
			c.insert(change.series, now)
		}
	}
	for _, old := range s.expired {
		c.drop(old)
	}
	for family, records := range s.overflow {
		c.overflow[family] += records
	}
}

// reusable returns the memory of a stage's slice for the next stage, or nil if it
// is much.
func reusable[T any](used []T) []T {
	const usual = 1 << 14
	if cap(used) > usual {
		return nil
	}
	clear(used)
	return used
}
