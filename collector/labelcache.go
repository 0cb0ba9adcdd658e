package collector

import "github.com/s3access/s3_access_exporter/collector/classify"

// maxRows is how many rows a labelCache remembers; some four times as many cells
// go with them.
const maxRows = 6 << 10

// labelCache is what a Tally needs while it counts. It goes from one Tally to the
// next, for it remembers the label values and label sets that it has seen.
type labelCache struct {
	schemas    []*schema
	legacy     classify.Features // that count
	maxRows    int
	classifier *classify.Classifier
	rows       rowTable
	counting   []*slot                       // of rows that have gained in the present Tally
	cells      [familyCount]map[string]*cell // by key
	buf        []byte                        // for two keys
}

// cell is a series as a labelCache knows it. Cells are shared with the Tallies
// that counted in them.
type cell struct {
	schema *schema
	key    string
	// delta is what the present Tally counts here apart from rows, or nil.
	delta *delta
	// series is the Collector's, if it was found before. Only the goroutine that
	// stages looks at it.
	series *series
}

func newLabelCache(schemas []*schema, config *Config, maxRows int) *labelCache {
	lc := &labelCache{
		schemas:    schemas,
		legacy:     config.Legacy.OrAll(),
		maxRows:    maxRows,
		classifier: classify.NewClassifier(config.Labels),
		rows:       newRowTable(maxRows),
		buf:        make([]byte, 0, 2*maxKey),
	}
	for family := range lc.cells {
		lc.cells[family] = make(map[string]*cell)
	}
	return lc
}

// full reports whether there is no room for a further row.
func (lc *labelCache) full() bool { return lc.rows.held >= lc.maxRows }

// add makes the row of a free slot.
func (lc *labelCache) add(free *slot, facts *classify.Facts) {
	added := &row{facts: *facts, cells: make([]*cell, 0, familyCount)}
	labels := facts.Labels()
	for _, sc := range lc.schemas {
		sc.each(&labels, facts.Traits(), lc.legacy, func() {
			c := lc.cell(sc, sc.appendKey(lc.buf[:0], &labels))
			if sc.kind == KindHistogram {
				added.timed = c
			} else {
				added.cells = append(added.cells, c)
			}
		})
	}
	free.row = added
	lc.rows.held++
}

// cell returns the cell of a family's key.
func (lc *labelCache) cell(sc *schema, key []byte) *cell {
	cells := lc.cells[sc.family]
	known := cells[string(key)]
	if known == nil {
		known = &cell{schema: sc, key: string(key)}
		cells[known.key] = known
	}
	return known
}

// fold returns the cell that counts for own in a Tally without room for it.
func (lc *labelCache) fold(own *cell, limit, held int) (*cell, foldLevel) {
	sc := own.schema
	key, level := sc.fold(lc.buf[:0], own.key, limit, held, func(key []byte) bool {
		known := lc.cells[sc.family][string(key)]
		return known != nil && known.delta != nil
	})
	return lc.cell(sc, key), level
}

// leave ends the counting of the present Tally in rows.
func (lc *labelCache) leave() {
	for _, slot := range lc.counting {
		slot.gain = 0
	}
	lc.counting = lc.counting[:0]
}

// forget makes room. It keeps the cells that have deltas of the present Tally.
func (lc *labelCache) forget() {
	lc.rows.clear()
	for family, cells := range lc.cells {
		kept := make(map[string]*cell) // as a map does not shrink
		for key, cell := range cells {
			if cell.delta != nil {
				kept[key] = cell
			}
		}
		lc.cells[family] = kept
	}
}

// crowded reports whether there are more cells than the rows need: those of a
// large Tally.
func (lc *labelCache) crowded() bool {
	cells := 0
	for _, known := range lc.cells {
		cells += len(known)
	}
	return cells > 4*lc.maxRows
}
