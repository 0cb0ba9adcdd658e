package collector

import "github.com/s3access/s3_access_exporter/collector/classify"

// maxRows is how many rows a workbench remembers; some four times as many cells
// go with them.
const maxRows = 6 << 10

// workbench is what a Tally needs while it counts. It goes from one Tally to the
// next, for it remembers the label values and label sets that it has seen.
type workbench struct {
	layouts    []*layout
	maxRows    int
	classifier *classify.Classifier
	rows       rowTable
	counting   []*place                      // of rows that have gained in the present Tally
	cells      [familyCount]map[string]*cell // by key
	buf        []byte                        // for two keys
}

// cell is a series as a workbench knows it. Cells are shared with the Tallies
// that counted in them.
type cell struct {
	layout *layout
	key    string
	// delta is what the present Tally counts here apart from rows, or nil.
	delta *delta
	// series is the Collector's, if it was found before. Only the goroutine that
	// stages looks at it.
	series *series
}

func newWorkbench(layouts []*layout, labels classify.Config, maxRows int) *workbench {
	b := &workbench{
		layouts:    layouts,
		maxRows:    maxRows,
		classifier: classify.NewClassifier(labels),
		rows:       newRowTable(maxRows),
		buf:        make([]byte, 0, 2*maxKey),
	}
	for family := range b.cells {
		b.cells[family] = make(map[string]*cell)
	}
	return b
}

// full reports whether there is no room for a further row.
func (b *workbench) full() bool { return b.rows.held >= b.maxRows }

// add makes the row of a free place.
func (b *workbench) add(free *place, facts *classify.Facts) {
	added := &row{facts: *facts, cells: make([]*cell, 0, familyCount)}
	labels := facts.Labels()
	for _, l := range b.layouts {
		if !l.counts(facts.Traits()) {
			continue
		}
		c := b.cell(l, l.appendKey(b.buf[:0], &labels))
		if l.kind == KindHistogram {
			added.timed = c
		} else {
			added.cells = append(added.cells, c)
		}
	}
	free.row = added
	b.rows.held++
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

// leave ends the counting of the present Tally in rows.
func (b *workbench) leave() {
	for _, place := range b.counting {
		place.gain = 0
	}
	b.counting = b.counting[:0]
}

// forget makes room. It keeps the cells that have deltas of the present Tally.
func (b *workbench) forget() {
	b.rows.clear()
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

// crowded reports whether there are more cells than the rows need: those of a
// large Tally.
func (b *workbench) crowded() bool {
	cells := 0
	for _, known := range b.cells {
		cells += len(known)
	}
	return cells > 4*b.maxRows
}
