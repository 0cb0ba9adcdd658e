package collector

import (
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// maxRows bounds the label sets that a Tally remembers beside its series.
const maxRows = 8192

// Tally holds the increments of one log object until Stage merges them. A Tally
// is for one goroutine at a time. Its memory grows with the series it holds,
// which the limit of series bounds, never with the number of records.
type Tally struct {
	families   []*family
	limit      int
	classifier *Classifier

	deltas []*delta // in the order in which they were first seen
	index  map[string]*delta
	sizes  [familyCount]int

	rows map[string]*row // what was seen, by all label values
	buf  []byte
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

// NewTally returns an empty Tally. It is worth keeping for further objects
// (Reset): it remembers the label values that it has seen.
func (c *Collector) NewTally() *Tally {
	return &Tally{
		families:   c.families,
		limit:      c.config.SeriesLimit,
		classifier: NewClassifier(c.config.Labels),
		index:      make(map[string]*delta),
		rows:       make(map[string]*row),
	}
}

// Reset empties the Tally for another object.
func (t *Tally) Reset() {
	clear(t.deltas)
	t.deltas = t.deltas[:0]
	clear(t.index)
	clear(t.rows)
	t.sizes = [familyCount]int{}
}

// Add counts one record. It keeps nothing of r, and allocates only for label
// sets that it does not remember.
func (t *Tally) Add(r *record.Record) {
	class := t.classifier.Classify(r)
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

// row returns the row of the class's label values.
func (t *Tally) row(class *Class) *row {
	t.buf = t.buf[:0]
	for _, value := range class.Labels {
		t.buf = appendText(t.buf, value)
	}
	if known, ok := t.rows[string(t.buf)]; ok {
		return known
	}
	if len(t.rows) >= maxRows {
		clear(t.rows)
	}
	added := &row{labels: class.Labels, verdict: class.verdict}
	t.rows[string(t.buf)] = added
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
		row.deltas[id] = t.find(t.families[id], row)
	}
	return row.deltas[id]
}

// find returns the increments that a row counts in, if need be new ones.
func (t *Tally) find(f *family, row *row) *delta {
	labels, key, level := f.place(&row.labels, t.limit, t.sizes[f.id], func(key []byte) bool {
		return t.index[string(key)] != nil
	})
	d := t.index[string(key)]
	if d == nil {
		d = &delta{family: f, labels: labels, key: string(key), folded: level != foldNothing}
		t.index[d.key] = d
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
