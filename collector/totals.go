package collector

import (
	"slices"
	"strings"
	"sync"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Totals count what is read once, whenever it came, and are written as exposition text
// (text.go). They have what a Collector would have of the same records that holds nothing
// back, has no limit and lets no series go: but they count by label values and traits, and
// make series only of what is written, by sorting. So a record that is new in all of its
// series costs one entry here, and no series is looked for.
//
// NewCount may be called by any goroutine. All other methods are for one at a time.
type Totals struct {
	schemas []*schema         // by name
	legacy  classify.Features // that count
	caches  sync.Pool         // of *factsCache
	values  [classify.LabelCount]values
	rows    totalRows
	places  map[totalKey]int // in rows
}

// totalKey is what sets rows of Totals apart: the values of their labels, by number, and
// their traits.
type totalKey struct {
	labels [classify.LabelCount]uint32
	traits classify.Traits
}

// total is a row of Totals.
type total struct {
	totalKey
	client    verdicts
	counts    counts
	durations *durations // nil: none is known
}

// durations are the durations of requests in milliseconds, without native buckets.
type durations struct {
	classic [len(classicBounds)]uint64
	all     uint64 // requests, also those above the last bound
	sum     uint64
}

// NewTotals returns Totals in which nothing was counted, with labels of the given detail,
// which count some features that AWS turns off; the zero value is all of them. The error is
// about a negative value in the labels.
func NewTotals(labels classify.Config, legacy classify.Features) (*Totals, error) {
	if err := (&Config{Labels: labels}).validate(); err != nil {
		return nil, err
	}
	t := &Totals{schemas: newSchemas(), legacy: legacy.OrAll(), places: make(map[totalKey]int)}
	for feature := range t.legacy.All() {
		t.values[classify.LabelFeature].number(feature.String())
	}
	slices.SortFunc(t.schemas, func(a, b *schema) int { return strings.Compare(a.name, b.name) })
	t.caches.New = func() any {
		return &factsCache{classifier: classify.NewClassifier(labels), rows: newRowTable(maxRows)}
	}
	return t, nil
}

// Count is what some records count, until Totals take it. It is for one goroutine at a
// time.
type Count struct {
	totals *Totals
	cache  *factsCache
	gains  []totalGain
}

// factsCache is what a Count needs while it counts. It goes from one Count to the next.
type factsCache struct {
	classifier *classify.Classifier
	rows       rowTable
	counting   []*slot // of rows that have gained in the present Count
}

// totalGain is what a row gained in one Count. There may be several of the same facts.
type totalGain struct {
	row       *row
	counts    counts
	durations *durations
}

// NewCount returns an empty Count.
func (t *Totals) NewCount() *Count { return &Count{totals: t} }

// Add counts the requests that a record stands for. It keeps nothing of r.
func (c *Count) Add(r *record.Record, w record.Weight) {
	if c.cache == nil {
		c.cache = c.totals.caches.Get().(*factsCache) //nolint:errcheck // NewTotals makes nothing else
	}
	var facts classify.Facts
	c.cache.classifier.Read(r, &facts)
	slot := c.cache.rows.find(&facts)
	if slot.gain == 0 {
		slot = c.begin(slot, &facts)
	}
	gained := &c.gains[slot.gain-1]
	gained.counts.add(&counts{records: positive(w.Requests), sent: positive(w.SentBytes), received: positive(w.ReceivedBytes)})
	if gained.durations != nil {
		gained.durations.observe(r.Duration, positive(w.Requests))
	}
}

// begin begins to count in the row of these facts, which is at the slot or is made there,
// and returns where it is.
func (c *Count) begin(slot *slot, facts *classify.Facts) *slot {
	cache := c.cache
	if slot.row == nil {
		if cache.rows.held >= maxRows {
			cache.leave()
			cache.rows.clear()
			slot = cache.rows.find(facts)
		}
		slot.row = &row{facts: *facts}
		cache.rows.held++
	}
	cache.counting = append(cache.counting, slot)
	gained := totalGain{row: slot.row}
	if facts.Has(classify.TraitTimed) {
		gained.durations = &durations{}
	}
	c.gains = append(c.gains, gained)
	slot.gain = uint32(len(c.gains))
	return slot
}

func (f *factsCache) leave() {
	for _, slot := range f.counting {
		slot.gain = 0
	}
	f.counting = f.counting[:0]
}

// Done ends the counting: no Add may follow. It returns the number of label sets that the
// Count holds, which is what its memory grows with.
func (c *Count) Done() int {
	if c.cache != nil {
		c.cache.leave()
		c.totals.caches.Put(c.cache)
		c.cache = nil
	}
	return len(c.gains)
}

// Take adds a Count that is done.
func (t *Totals) Take(c *Count) {
	for i := range c.gains {
		gained := &c.gains[i]
		if gained.row.gathered == 0 {
			gained.row.gathered = t.place(&gained.row.facts) + 1
		}
		row := t.rows.at(gained.row.gathered - 1)
		row.counts.add(&gained.counts)
		switch {
		case row.durations == nil:
			row.durations = gained.durations
		case gained.durations != nil:
			row.durations.merge(gained.durations)
		}
	}
	c.gains = nil
}

// place returns where the row of these facts is, which is new if it is not known.
func (t *Totals) place(facts *classify.Facts) int {
	labels := facts.Labels()
	key := totalKey{traits: facts.Traits()}
	for label := range labels {
		key.labels[label] = t.values[label].number(labels[label])
	}
	place, known := t.places[key]
	if !known {
		place = t.rows.add(total{totalKey: key, client: verdicts{facts.Verdict(), facts.Support()}})
		t.places[key] = place
	}
	return place
}

// totalRows are rows in pieces, so that they stay where they are while they become more.
type totalRows struct {
	pieces []*[totalPiece]total
	held   int
}

const totalPiece = 512

func (r *totalRows) at(i int) *total { return &r.pieces[i/totalPiece][i%totalPiece] }

// add adds a row and returns where it is.
func (r *totalRows) add(row total) int {
	if r.held == len(r.pieces)*totalPiece {
		r.pieces = append(r.pieces, new([totalPiece]total))
	}
	place := r.held
	r.held++
	*r.at(place) = row
	return place
}

// observe counts a duration in milliseconds, not negative, n times.
func (d *durations) observe(ms int64, n uint64) {
	d.all += n
	d.sum = record.AddSaturating(d.sum, record.MultiplySaturating(uint64(ms), n))
	for i, bound := range classicBounds {
		if ms <= bound {
			d.classic[i] += n
			break
		}
	}
}

// merge adds what more durations count.
func (d *durations) merge(more *durations) {
	d.all += more.all
	d.sum = record.AddSaturating(d.sum, more.sum)
	for i, n := range more.classic {
		d.classic[i] += n
	}
}

// values are the values of one label, by number.
type values struct {
	numbers map[string]uint32
	texts   []string
	last    uint32 // the number that was asked for last
}

// number returns a value's number.
func (v *values) number(text string) uint32 {
	if len(v.texts) > 0 && v.texts[v.last] == text {
		return v.last
	}
	number, known := v.numbers[text]
	if !known {
		if v.numbers == nil {
			v.numbers = make(map[string]uint32)
		}
		number = uint32(len(v.texts))
		v.numbers[text] = number
		v.texts = append(v.texts, text)
	}
	v.last = number
	return number
}

// ranks returns the place of each value, by number, among all by size.
func (v *values) ranks() []uint32 {
	byText := make([]uint32, len(v.texts))
	for i := range byText {
		byText[i] = uint32(i)
	}
	slices.SortFunc(byText, func(a, b uint32) int { return strings.Compare(v.texts[a], v.texts[b]) })
	ranks := make([]uint32, len(byText))
	for rank, number := range byText {
		ranks[number] = uint32(rank)
	}
	return ranks
}
