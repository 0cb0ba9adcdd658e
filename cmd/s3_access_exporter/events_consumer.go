package main

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// eventsConfig says which requests to print, and what of them.
type eventsConfig struct {
	fields []query.Field
	match  func(*record.Record, *classify.Class) bool // by the default labels
	limit  int                                        // of requests; 0: none
	byTime bool                                       // else they are printed as they are read
	// patience is how long requests may wait for more, for the sake of a table that
	// takes its layout from the first of them.
	patience time.Duration
}

// events prints requests. The rows of an object are held back until it was read to
// its end: in memory or, if there are many, in a temporary file. It is a
// once.Consumer.
type events struct {
	eventsConfig
	out     rows.Writer
	benches sync.Pool       // of *eventBench
	sorters extsort.Pool    // of the tallies
	sorted  *extsort.Sorter // nil unless byTime
	printed int
	began   time.Time // when the first was printed
	cells   []rows.Cell
}

var _ once.Consumer = (*events)(nil)

func newEvents(cfg eventsConfig, out rows.Writer) *events {
	e := &events{eventsConfig: cfg, out: out, benches: sync.Pool{New: func() any { return newEventBench() }}}
	if cfg.byTime {
		const memory = 16 << 20
		e.sorted = extsort.New(extsort.Config{Memory: memory})
	}
	return e
}

// eventBench is what a tally needs while it takes records.
type eventBench struct {
	matching *classify.Classifier // by the labels of the metrics, so that their values find what is behind them
	printing *classify.Classifier // requesters are whole
	key, row []byte
	value    []byte
}

func newEventBench() *eventBench {
	return &eventBench{
		matching: classify.NewClassifier(classify.Config{}),
		printing: classify.NewClassifier(classify.Config{Requester: classify.RequesterARN}),
	}
}

// eventTally is the rows of one object.
type eventTally struct {
	events *events
	bench  *eventBench // from the first record to Done
	object string
	rows   *extsort.Sorter
	number uint64 // of rows
	err    error  // of the temporary file
}

// NewTally implements once.Consumer.
func (e *events) NewTally(location, key string) once.Tally {
	return &eventTally{events: e, object: query.LogObject(location, key), rows: e.sorters.Get()}
}

// Add implements once.Tally.
func (t *eventTally) Add(r *record.Record) {
	e := t.events
	if t.err != nil || !e.byTime && e.limit > 0 && t.number >= uint64(e.limit) {
		return
	}
	if t.bench == nil {
		t.bench = e.benches.Get().(*eventBench) //nolint:errcheck // New makes nothing else
	}
	b := t.bench
	class := b.matching.Classify(r)
	if !e.match(r, &class) {
		return
	}
	class = b.printing.Classify(r)
	entry := query.Entry{Record: r, Class: &class, LogObject: t.object}
	b.row = b.row[:0]
	for _, field := range e.fields {
		b.value, _ = field.Append(b.value[:0], &entry)
		b.row = append(binary.AppendUvarint(b.row, uint64(len(b.value))), b.value...)
	}
	b.key = b.key[:0]
	if e.byTime {
		b.key = t.appendKey(b.key, r.Time)
	}
	t.number++
	t.err = t.rows.Add(b.key, b.row)
}

// appendKey appends a key that sorts by time and then, so that the order is always
// the same, by the place in the logs.
func (t *eventTally) appendKey(dst []byte, seconds int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(seconds)^(1<<63)) // what is below 0 sorts first
	dst = append(append(dst, t.object...), 0)
	return binary.BigEndian.AppendUint64(dst, t.number)
}

// Done implements once.Tally.
func (t *eventTally) Done() int {
	if t.bench != nil {
		t.events.benches.Put(t.bench)
		t.bench = nil
	}
	return int(t.number)
}

// Take implements once.Consumer.
func (e *events) Take(tally once.Tally) error {
	t := tally.(*eventTally) //nolint:errcheck // every tally is from NewTally
	if t.err != nil {
		return t.err
	}
	take := e.printRow
	if e.byTime {
		take = e.sorted.Add
	}
	if err := t.rows.Each(take); err != nil {
		return err
	}
	e.sorters.Put(t.rows)
	if e.printed > 0 && time.Since(e.began) >= e.patience {
		return e.out.Flush()
	}
	return nil
}

// printRow prints a row. It returns errEnough if there may be no more.
func (e *events) printRow(_, row []byte) error {
	var err error
	if e.cells, err = appendCells(e.cells[:0], row); err != nil {
		return err
	}
	if err := e.out.Write(e.cells); err != nil {
		return err
	}
	if e.printed == 0 {
		e.began = time.Now()
	}
	if e.printed++; e.printed == e.limit {
		return errEnough
	}
	return nil
}

// finish prints what is left.
func (e *events) finish() error {
	if e.byTime {
		if err := e.sorted.Each(e.printRow); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return e.out.Close()
}

// close gives back what is held.
func (e *events) close() {
	e.sorters.Close()
	if e.byTime {
		e.sorted.Close()
	}
}

var errCells = errors.New("a row of the temporary file has no cells")

// appendCells appends the cells of a row, each of which stands behind its length.
// What the log does not say has the length 0, which nothing else has.
func appendCells(cells []rows.Cell, row []byte) ([]rows.Cell, error) {
	for len(row) > 0 {
		length, n := binary.Uvarint(row)
		if n <= 0 || length > uint64(len(row)-n) {
			return nil, errCells
		}
		end := n + int(length)
		cells = append(cells, rows.Cell{Text: string(row[n:end]), Known: length > 0})
		row = row[end:]
	}
	return cells, nil
}
