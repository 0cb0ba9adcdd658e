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
	m := &merge{collector: c, now: c.config.Now(), tallies: tallies, rows: c.rows[:0], changes: c.changes[:0]}
	m.newest = c.progress.counting(tallies, m.now)
	m.progress = c.progress.at(m.now, m.newest)
	for family, known := range c.series {
		m.sizes[family] = len(known)
	}
	for _, tally := range tallies {
		if tally.Done() > 0 {
			m.gather(tally.held)
		}
	}
	for i := range m.rows {
		for delta := range m.rows[i].row.deltas(&m.rows[i].gain) {
			m.add(delta)
		}
	}
	m.release()
	m.expire()
	if store != nil {
		if err := m.write(store); err != nil {
			return nil, err
		}
	}
	return m.expose, nil
}

// merge is what one Stage is about to change.
type merge struct {
	collector *Collector
	now       time.Time
	newest    int64 // progress.newest when this is exposed
	progress  int64 // in Unix seconds
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
func (m *merge) gather(held *increments) {
	for i := range held.rows {
		more := &held.rows[i]
		row := more.row
		if row.gathered < len(m.rows) && m.rows[row.gathered].row == row {
			m.rows[row.gathered].merge(&more.gain)
		} else {
			row.gathered = len(m.rows)
			m.rows = append(m.rows, *more)
		}
	}
	for _, delta := range held.deltas {
		m.add(delta)
	}
}

// add adds the increments of one series.
func (m *merge) add(d *delta) {
	folded, client := d.folded, d.client
	target := m.find(d.cell)
	if target == nil {
		var level foldLevel
		target, level = m.assign(d.cell)
		folded = folded || level != foldNothing
		client = level.client(client)
	}
	if folded {
		m.overflow[d.cell.schema.family] += d.records
	}
	next := &m.change(target).next
	next.last = max(next.last, m.progress)
	next.value = record.AddSaturating(next.value, d.value)
	next.client = next.client.worse(client)
	if d.exemplar.time <= m.now.Add(ahead).Unix() { // else no later one would ever come
		next.exemplar.replace(d.exemplar)
	}
	if d.duration != nil {
		next.duration.merge(d.duration)
	}
}

// find returns the cell's series, or nil if there is none.
func (m *merge) find(c *cell) *series {
	if c.series == nil || c.series.dropped {
		c.series = m.collector.series[c.schema.family][c.key]
	}
	if c.series != nil {
		return c.series
	}
	return m.born[c.schema.family][c.key]
}

// assign returns the series that counts what a cell without one gained: its own,
// to be born now, or a folded one.
func (m *merge) assign(c *cell) (*series, foldLevel) {
	sc, limit := c.schema, m.collector.config.SeriesLimit
	if !sc.full(foldNothing, limit, m.sizes[sc.family]) {
		return m.bear(sc, c.key), foldNothing
	}
	key, level := sc.fold(m.collector.buf[:0], c.key, limit, m.sizes[sc.family], func(key []byte) bool {
		return m.lookUp(sc.family, key) != nil
	})
	if known := m.lookUp(sc.family, key); known != nil {
		return known, level
	}
	return m.bear(sc, string(key)), level
}

// lookUp returns the series of a key, also one that is being born, or nil.
func (m *merge) lookUp(family Family, key []byte) *series {
	if known := m.collector.series[family][string(key)]; known != nil {
		return known
	}
	return m.born[family][string(key)]
}

// bear begins the life of a series.
func (m *merge) bear(sc *schema, key string) *series {
	born := &series{schema: sc, key: key, state: state{
		created:  m.now.UnixMilli(),
		released: sc.kind == KindInfo || m.collector.config.SeriesHold == 0,
	}}
	if sc.kind == KindHistogram {
		born.state.duration = &histogram{}
	}
	if m.born[sc.family] == nil {
		m.born[sc.family] = make(map[string]*series)
	}
	m.born[sc.family][key] = born
	m.sizes[sc.family]++
	m.change(born).born = true
	return born
}

// touched reports whether the series changes. A stage that was dropped may have
// left any place in it.
func (m *merge) touched(known *series) bool {
	return known.change < len(m.changes) && m.changes[known.change].series == known
}

// change returns the change of a series, which begins with a copy of its state.
// It is valid until the next one.
func (m *merge) change(known *series) *change {
	if !m.touched(known) {
		known.change = len(m.changes)
		m.changes = append(m.changes, change{series: known, next: known.state})
		if next := &m.changes[known.change].next; next.duration != nil {
			next.duration = next.duration.clone()
		}
	}
	return &m.changes[known.change]
}

// release lets the series show their values whose hold is over.
func (m *merge) release() {
	for held, since := range m.collector.held {
		if m.collector.holdOver(since, m.now) {
			m.change(held).next.released = true
		}
	}
}

// expire finds the series to drop.
func (m *merge) expire() {
	for _, old := range m.collector.expired(m.progress) {
		if !m.touched(old) {
			m.expired = append(m.expired, old)
		}
	}
}

func (m *merge) write(store Store) error {
	const usual = 32 // bytes of a value
	var key []byte
	values := make([]byte, 0, usual*len(m.changes))
	for i := range m.changes {
		change := &m.changes[i]
		key = change.series.appendKey(key[:0])
		written := len(values)
		values = change.next.append(values, change.series.schema.kind)
		if err := store.Put(key, slices.Clip(values[written:])); err != nil {
			return fmt.Errorf("store series of %s: %w", change.series.schema.name, err)
		}
	}
	for _, old := range m.expired {
		key = old.appendKey(key[:0])
		if err := store.Delete(key); err != nil {
			return fmt.Errorf("delete series of %s: %w", old.schema.name, err)
		}
	}
	return nil
}

// expose makes the changes visible.
func (m *merge) expose() {
	m.show()
	m.collector.progress.newest = m.newest
	for _, tally := range m.tallies {
		tally.release()
	}
	m.collector.rows, m.collector.changes = reusable(m.rows), reusable(m.changes)
}

// show does what scrapes must not see in part.
func (m *merge) show() {
	c := m.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	for i := range m.changes {
		change := &m.changes[i]
		if change.next.released && !change.series.state.released {
			delete(c.held, change.series)
		}
		change.series.state = change.next
		if change.born {
			c.insert(change.series, now)
		}
	}
	for _, old := range m.expired {
		c.drop(old)
	}
	for family, records := range m.overflow {
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
