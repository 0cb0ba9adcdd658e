package collector

import "github.com/s3access/s3_access_exporter/scanner/record"

// Tally holds the increments of one log object until Stage merges them. A Tally
// is for one goroutine at a time. Its memory grows with the series it holds,
// which the limit of series bounds, never with the number of records.
type Tally struct {
	collector *Collector
	deltas    []*delta // in the order in which they were first seen
	spare     []delta  // memory for the next ones
	sizes     [familyCount]int
	bench     *workbench // from the first record to Done
}

// delta is what one series gained.
type delta struct {
	cell     *cell
	records  uint64 // that counted here
	value    uint64
	duration *histogram // of KindHistogram
	exemplar exemplar
	verdict  verdict
	folded   bool // over the tally's own limit
}

// NewTally returns an empty Tally.
func (c *Collector) NewTally() *Tally { return &Tally{collector: c} }

// Add counts one record. It keeps nothing of r, and allocates only for label
// sets that it does not remember.
func (t *Tally) Add(r *record.Record) {
	if t.bench == nil {
		t.bench = t.collector.benches.Get().(*workbench) //nolint:errcheck // New makes nothing else
	}
	var facts facts
	t.bench.classifier.read(r, &facts)
	amounts := amountsOf(r, facts.object(), facts.anonymous)
	facts.families = amounts.families()
	row := t.bench.row(&facts)
	if row.records == 0 {
		t.begin(row)
	}
	row.add(r, &amounts)
}

// Done ends the counting: no Add may follow. It returns the number of series that
// the Tally holds, which is what its memory grows with.
func (t *Tally) Done() int {
	if t.bench != nil {
		t.bench.clear(t)
		t.collector.benches.Put(t.bench)
		t.bench = nil
	}
	return len(t.deltas)
}

// begin finds the deltas in which a row without records is going to count.
func (t *Tally) begin(row *row) {
	t.bench.counting = append(t.bench.counting, row)
	for i := range row.columns {
		c := &row.columns[i]
		c.delta = t.delta(c.cell, row.verdict)
		if c.delta.duration != nil {
			row.duration = c.delta.duration
		}
	}
}

// delta returns the increments that the label set of own counts in, if need be
// new ones.
func (t *Tally) delta(own *cell, verdict verdict) *delta {
	l, limit := own.layout, t.collector.config.SeriesLimit
	cell, level := own, foldNothing
	if own.delta == nil && l.full(foldNothing, limit, t.sizes[l.family]) {
		cell, level = t.bench.fold(own, limit, t.sizes[l.family])
	}
	if cell.delta == nil {
		cell.delta = t.add(cell)
		cell.delta.folded = level != foldNothing
	}
	cell.delta.verdict = max(cell.delta.verdict, level.verdict(verdict))
	return cell.delta
}

// add begins to count in a cell.
func (t *Tally) add(c *cell) *delta {
	const atOnce = 32
	if len(t.spare) == 0 {
		t.spare = make([]delta, atOnce)
	}
	added := &t.spare[0]
	t.spare = t.spare[1:]
	added.cell = c
	if c.layout.kind == KindHistogram {
		added.duration = &histogram{}
	}
	t.deltas = append(t.deltas, added)
	t.sizes[c.layout.family]++
	return added
}
