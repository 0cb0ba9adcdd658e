package collector

import (
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// maxRows is how many rows a workbench remembers; some four times as many cells
// go with them.
const maxRows = 4096

// workbench is what a Tally needs while it counts. It goes from one Tally to the
// next, for it remembers the label values and label sets that it has seen.
type workbench struct {
	layouts    []*layout
	maxRows    int
	classifier *Classifier
	rows       map[facts]*row
	counting   []*row                        // have records that no delta has yet
	cells      [familyCount]map[string]*cell // by key
	buf        []byte                        // for two keys
}

// cell is a series as a workbench knows it. Cells are shared with the Tallies
// that count in them.
type cell struct {
	layout *layout
	key    string
	// delta is what the present Tally counts here, or nil.
	delta *delta
	// series is the Collector's, if it was found before. Only the goroutine that
	// stages looks at it.
	series *series
}

// row gathers the records of the same facts: they count in the same series.
type row struct {
	verdict verdict
	columns []column // of the families where it counts

	// Of the present Tally, until they are in its deltas.
	records  uint64
	sums     [familyCount]uint64
	latest   Amounts // of the sample
	sample   sample
	duration *histogram // of the delta that counts durations, if one does
}

// column is where a row counts in a family.
type column struct {
	family Family
	cell   *cell  // of the row's own label set
	delta  *delta // nil if the row has no records
}

// sample is the latest record of a row that can be an exemplar.
type sample struct {
	requestID []byte // empty: there is none
	time      int64
}

func newWorkbench(layouts []*layout, labels LabelConfig) *workbench {
	b := &workbench{
		layouts:    layouts,
		maxRows:    maxRows,
		classifier: NewClassifier(labels),
		rows:       make(map[facts]*row),
		buf:        make([]byte, 0, 2*maxKey),
	}
	for family := range b.cells {
		b.cells[family] = make(map[string]*cell)
	}
	return b
}

// row returns the row of the records with these facts.
func (b *workbench) row(facts *facts) *row {
	if known := b.rows[*facts]; known != nil {
		return known
	}
	if len(b.rows) >= b.maxRows {
		b.forget()
	}
	labels := facts.labels()
	added := &row{verdict: facts.client.verdict, columns: make([]column, 0, facts.families.len())}
	for _, l := range b.layouts {
		if facts.families.has(l.family) {
			key := l.appendKey(b.buf[:0], &labels)
			added.columns = append(added.columns, column{family: l.family, cell: b.cell(l, key)})
		}
	}
	b.rows[*facts] = added
	return added
}

// cell returns the cell of a family's key.
func (b *workbench) cell(l *layout, key []byte) *cell {
	cells := b.cells[l.family]
	known := cells[string(key)]
	if known == nil {
		known = &cell{layout: l, key: string(key)}
		cells[known.key] = known
	}
	return known
}

// fold returns the cell that counts for own in a Tally without room for it.
func (b *workbench) fold(own *cell, limit, held int) (*cell, foldLevel) {
	l := own.layout
	key, level := l.fold(b.buf[:0], own.key, limit, held, func(key []byte) bool {
		known := b.cells[l.family][string(key)]
		return known != nil && known.delta != nil
	})
	return b.cell(l, key), level
}

// forget makes room. It keeps the cells that the present Tally counts in.
func (b *workbench) forget() {
	b.settle()
	clear(b.rows)
	for family, cells := range b.cells {
		kept := make(map[string]*cell) // as a map does not shrink
		for key, cell := range cells {
			if cell.delta != nil {
				kept[key] = cell
			}
		}
		b.cells[family] = kept
	}
}

// settle moves what the rows have gathered into the deltas.
func (b *workbench) settle() {
	for _, row := range b.counting {
		row.settle()
	}
	b.counting = b.counting[:0]
}

// clear ends one Tally for the sake of the next.
func (b *workbench) clear(t *Tally) {
	b.settle()
	for _, d := range t.deltas {
		d.cell.delta = nil
	}
	cells := 0
	for _, known := range b.cells {
		cells += len(known)
	}
	if cells > 4*b.maxRows {
		b.forget()
	}
}

// add gathers a record. It touches the row alone, and nothing that it refers to
// but a histogram: rows are many, and memory is slow.
func (w *row) add(r *record.Record, amounts *Amounts) {
	w.records++
	for family, amount := range amounts {
		if amount > 0 {
			w.sums[family] = addSaturating(w.sums[family], uint64(amount))
		}
	}
	if w.sample.take(r) {
		w.latest = *amounts
	}
	if w.duration != nil {
		w.duration.observe(amounts[FamilyRequestDuration])
	}
}

// take keeps the record if it is a later one, and reports whether it did.
func (s *sample) take(r *record.Record) bool {
	const maxRequestID = 64
	if len(s.requestID) > 0 && r.Time < s.time ||
		len(r.RequestID) == 0 || len(r.RequestID) > maxRequestID || !utf8.Valid(r.RequestID) {
		return false
	}
	s.requestID = append(s.requestID[:0], r.RequestID...)
	s.time = r.Time
	return true
}

// settle moves what the row has gathered into the deltas.
func (w *row) settle() {
	latest := exemplar{requestID: string(w.sample.requestID), time: w.sample.time}
	for i := range w.columns {
		c := &w.columns[i]
		c.delta.records += w.records
		if c.delta.duration == nil {
			c.delta.value = addSaturating(c.delta.value, w.sums[c.family])
			latest.value = uint64(w.latest[c.family])
			c.delta.exemplar.replace(latest)
		}
		c.delta = nil
	}
	w.records, w.sums, w.duration = 0, [familyCount]uint64{}, nil
	w.sample.requestID = w.sample.requestID[:0]
}
