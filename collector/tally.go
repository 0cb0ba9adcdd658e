package collector

import (
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Tally holds the increments of one log object until they are exposed. A Tally
// is for one goroutine at a time. Its memory grows with the label sets it holds,
// which the limit of series and maxRows bound, never with the number of records.
type Tally struct {
	collector *Collector
	cache     *labelCache // from the first record to Done
	held      *increments // from the first record until they are exposed
	newest    int64       // time of the newest request
}

// increments are what a Tally holds. Their memory goes from one Tally to the next.
type increments struct {
	// rows are what the labelCache's rows gained, each once. To add them up by series
	// is left to Stage, which has many Tallies of the same rows.
	rows []rowGain
	// deltas are what has been added up by series, in the order in which they were
	// first seen: all durations, and the rows that the labelCache had to forget.
	deltas []*delta
	spare  []*delta // memory for durations
	sizes  [familyCount]int
	cells  int // of the rows, that were first seen in this Tally
}

// delta is what one series gained.
type delta struct {
	cell     *cell
	records  uint64 // that counted here
	value    uint64
	duration *histogram // of KindHistogram
	exemplar exemplar
	client   verdicts
	folded   bool // over the tally's own limit
}

// NewTally returns an empty Tally.
func (c *Collector) NewTally() *Tally { return &Tally{collector: c} }

// Add counts one record. It keeps nothing of r, and allocates only for label
// sets that it does not remember.
func (t *Tally) Add(r *record.Record) { t.gained(r).add(r) }

// gained returns what the row of a record gained so far.
func (t *Tally) gained(r *record.Record) *rowGain {
	t.newest = max(t.newest, r.Time)
	if t.cache == nil {
		t.cache = t.collector.caches.get()
		t.held = t.collector.increments.Get().(*increments) //nolint:errcheck // New makes nothing else
	}
	var facts classify.Facts
	t.cache.classifier.Read(r, &facts)
	slot := t.cache.rows.find(&facts)
	if slot.gain == 0 {
		slot = t.begin(slot, &facts)
	}
	return &t.held.rows[slot.gain-1]
}

// Done ends the counting: no Add may follow. It returns the number of label sets
// that the Tally holds, which is what its memory grows with.
func (t *Tally) Done() int {
	if t.held == nil {
		return 0
	}
	if t.cache != nil {
		t.end()
		t.collector.caches.put(t.cache)
		t.cache = nil
	}
	return len(t.held.rows) + t.held.cells + len(t.held.deltas)
}

// release empties the Tally. Its memory goes to the next one, unless it is much.
func (t *Tally) release() {
	const usual = 1024
	if t.held != nil && len(t.held.deltas) <= usual {
		t.held.reset()
		t.collector.increments.Put(t.held)
	}
	t.held = nil
}

// begin begins to count in the row of these facts, which is at the slot or may be
// made there, and returns where it is.
func (t *Tally) begin(slot *slot, facts *classify.Facts) *slot {
	held := t.held
	if slot.row == nil {
		if t.cache.full() {
			t.settle()
			t.cache.forget()
			slot = t.cache.rows.find(facts)
		}
		t.cache.add(slot, facts)
		held.cells += len(slot.row.cells)
	}
	t.cache.counting = append(t.cache.counting, slot)
	held.rows = append(held.rows, rowGain{row: slot.row})
	slot.gain = uint32(len(held.rows))
	if facts.Has(classify.TraitTimed) {
		held.rows[slot.gain-1].duration = t.delta(slot.row.timed, verdicts{}).duration
	}
	return slot
}

// settle adds up by series what the rows have gained.
func (t *Tally) settle() {
	for i := range t.held.rows {
		gained := &t.held.rows[i]
		for d := range gained.row.deltas(&gained.gain) {
			t.delta(d.cell, d.client).add(d)
		}
	}
	clear(t.held.rows) // so that rows can be forgotten
	t.held.rows, t.held.cells = t.held.rows[:0], 0
	t.cache.leave()
}

// end leaves the labelCache to the next Tally.
func (t *Tally) end() {
	t.cache.leave()
	for _, d := range t.held.deltas {
		d.cell.delta = nil
		if d.duration != nil {
			d.records = d.duration.count
		}
	}
	if t.cache.crowded() {
		t.cache.forget()
	}
}

// delta returns the increments that the label set of own counts in, if need be
// new ones.
func (t *Tally) delta(own *cell, client verdicts) *delta {
	sc, limit := own.schema, t.collector.config.SeriesLimit
	cell, level := own, foldNothing
	if own.delta == nil && sc.full(foldNothing, limit, t.held.sizes[sc.family]) {
		cell, level = t.cache.fold(own, limit, t.held.sizes[sc.family])
	}
	if cell.delta == nil {
		cell.delta = t.held.add(cell)
		cell.delta.folded = level != foldNothing
	}
	cell.delta.client = cell.delta.client.worse(level.client(client))
	return cell.delta
}

// add adds what else the series gained.
func (d *delta) add(more *delta) {
	d.records += more.records
	d.value = record.AddSaturating(d.value, more.value)
	d.exemplar.replace(more.exemplar)
}

// add begins to count in a cell.
func (i *increments) add(c *cell) *delta {
	added := &delta{}
	if c.schema.kind == KindHistogram {
		if last := len(i.spare) - 1; last >= 0 {
			added, i.spare = i.spare[last], i.spare[:last]
		} else {
			added.duration = &histogram{}
		}
	}
	added.cell = c
	i.deltas = append(i.deltas, added)
	i.sizes[c.schema.family]++
	return added
}

// reset makes i empty, with memory for the next Tally.
func (i *increments) reset() {
	for _, d := range i.deltas {
		if d.duration != nil {
			d.duration.reset()
			*d = delta{duration: d.duration}
			i.spare = append(i.spare, d)
		}
	}
	clear(i.rows)
	clear(i.deltas)
	*i = increments{rows: i.rows[:0], deltas: i.deltas[:0], spare: i.spare}
}
