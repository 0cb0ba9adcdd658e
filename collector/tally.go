package collector

import (
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// maxRows bounds the label sets that a workbench remembers beside a Tally's series.
const maxRows = 8192

// Tally holds the increments of one log object until Stage merges them. A Tally
// is for one goroutine at a time. Its memory grows with the series it holds,
// which the limit of series bounds, never with the number of records.
type Tally struct {
	collector *Collector
	deltas    []*delta // in the order in which they were first seen
	sizes     [familyCount]int
	bench     *workbench // from the first record to Done
}

// workbench is what a Tally needs while it counts. It goes from one Tally to the
// next, for it remembers the label values that it has seen.
type workbench struct {
	classifier *Classifier
	index      map[string]*delta // the Tally's, by key
	rows       map[string]*row   // what was seen, by all label values
	buf        []byte
}

func newWorkbench(labels LabelConfig) *workbench {
	return &workbench{
		classifier: NewClassifier(labels),
		index:      make(map[string]*delta),
		rows:       make(map[string]*row),
	}
}

// clear forgets one Tally for the sake of the next.
func (b *workbench) clear() {
	if len(b.index) > maxRows { // a map does not shrink
		b.index = make(map[string]*delta)
	}
	clear(b.index)
	clear(b.rows)
}

// delta is what one series gained.
type delta struct {
	family   *family
	labels   Labels
	key      string
	folded   bool   // over the tally's own limit
	records  uint64 // that counted here
	value    uint64
	verdict  verdict
	duration *histogram

	requestID   []byte // of the latest record; empty: none that could be an exemplar
	requestTime int64
	requestAdds uint64
}

// row is where records with one set of label values count.
type row struct {
	labels  Labels
	verdict verdict
	deltas  [familyCount]*delta // nil until the first record counts there
}

// NewTally returns an empty Tally.
func (c *Collector) NewTally() *Tally { return &Tally{collector: c} }

// Add counts one record. It keeps nothing of r, and allocates only for label
// sets that it does not remember.
func (t *Tally) Add(r *record.Record) {
	if t.bench == nil {
		t.bench = t.collector.benches.Get().(*workbench) //nolint:errcheck // New makes nothing else
	}
	class := t.bench.classifier.Classify(r)
	row := t.row(&class)
	t.count(row, requests, r, 1)
	t.count(row, clientInfo, r, 1)
	if r.Signature == record.SigV2 {
		t.count(row, sigv2Requests, r, 1)
	}
	if class.Anonymous {
		t.count(row, anonymousRequests, r, 1)
	}
	if class.Object {
		t.count(row, objectRequests, r, 1)
	}
	if r.SentBytes > 0 {
		t.count(row, sentBytes, r, uint64(r.SentBytes))
	}
	if r.ReceivedBytes > 0 {
		t.count(row, receivedBytes, r, uint64(r.ReceivedBytes))
	}
	if r.Duration >= 0 {
		t.delta(row, requestDuration).observe(r.Duration)
	}
}

// Done ends the counting: no Add may follow. It returns the number of series that
// the Tally holds, which is what its memory grows with.
func (t *Tally) Done() int {
	if t.bench != nil {
		t.bench.clear()
		t.collector.benches.Put(t.bench)
		t.bench = nil
	}
	return len(t.deltas)
}

// row returns the row of the class's label values.
func (t *Tally) row(class *Class) *row {
	b := t.bench
	b.buf = b.buf[:0]
	for _, value := range class.Labels {
		b.buf = appendText(b.buf, value)
	}
	if known, ok := b.rows[string(b.buf)]; ok {
		return known
	}
	if len(b.rows) >= maxRows {
		clear(b.rows)
	}
	added := &row{labels: class.Labels, verdict: class.verdict}
	b.rows[string(b.buf)] = added
	return added
}

// count adds a record's value to the row's series of a counter.
func (t *Tally) count(row *row, id familyID, r *record.Record, value uint64) {
	d := t.delta(row, id)
	d.records++
	d.value = addSaturating(d.value, value)
	if r.Time >= d.requestTime || len(d.requestID) == 0 {
		d.remember(r, value)
	}
}

// delta returns the row's increments in a family.
func (t *Tally) delta(row *row, id familyID) *delta {
	if row.deltas[id] == nil {
		row.deltas[id] = t.find(t.collector.families[id], row)
	}
	return row.deltas[id]
}

// find returns the increments that a row counts in, if need be new ones.
func (t *Tally) find(f *family, row *row) *delta {
	index := t.bench.index
	labels, key, level := f.place(&row.labels, t.collector.config.SeriesLimit, t.sizes[f.id], func(key []byte) bool {
		return index[string(key)] != nil
	})
	d := index[string(key)]
	if d == nil {
		d = &delta{family: f, labels: labels, key: string(key), folded: level != foldNothing}
		index[d.key] = d
		t.deltas = append(t.deltas, d)
		t.sizes[f.id]++
	}
	d.verdict = max(d.verdict, level.verdict(row.verdict))
	return d
}

// observe counts a duration in milliseconds.
func (d *delta) observe(ms int64) {
	d.records++
	if d.duration == nil {
		d.duration = &histogram{}
	}
	d.duration.observe(ms)
}

// remember keeps the record as the exemplar, if its request ID can be one.
func (d *delta) remember(r *record.Record, value uint64) {
	const maxRequestID = 64
	if len(r.RequestID) == 0 || len(r.RequestID) > maxRequestID || !utf8.Valid(r.RequestID) {
		return
	}
	d.requestID = append(d.requestID[:0], r.RequestID...)
	d.requestTime = r.Time
	d.requestAdds = value
}
