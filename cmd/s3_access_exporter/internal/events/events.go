// Package events prints single requests.
//
// Events is an engine.Sink: the rows of a batch are held back until it is complete, in
// memory or, if there are many, in a temporary file.
package events

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Config describes what to print.
type Config struct {
	Fields []query.Field
	Limit  int  // of requests; 0: none
	ByTime bool // the earliest first; else they are printed as they come
	// Patience is how long requests may wait for more, for the sake of a table that
	// takes its layout from the first of them.
	Patience time.Duration
}

// The memory that rows take: those of one batch, and of all where they are sorted. What
// is more goes to temporary files.
const (
	batchMemory = 1 << 20
	totalMemory = 16 << 20
)

// Events prints requests.
type Events struct {
	cfg     Config
	out     rows.Writer
	pool    extsort.Pool
	sorted  *extsort.Sorter // nil unless ByTime
	printed int
	began   time.Time // when the first was printed
	cells   []rows.Cell
}

var _ engine.Sink = (*Events)(nil)

// New returns Events that prints to a Writer of the columns of its Fields.
func New(cfg Config, out rows.Writer) *Events {
	e := &Events{cfg: cfg, out: out}
	if cfg.ByTime {
		e.sorted = e.pool.Get(totalMemory)
	}
	return e
}

// Needs returns what Events looks at in an entry. Requesters are whole.
func (e *Events) Needs() engine.Needs {
	needs := engine.Needs{Labels: &classify.Config{Requester: classify.RequesterARN}, Fields: e.cfg.Fields, Single: true, Ordered: e.cfg.ByTime, Limit: e.cfg.Limit}
	if e.cfg.ByTime {
		needs.Fields = append([]query.Field{query.Time, query.ObjectName}, needs.Fields...)
	}
	return needs
}

// batch is the rows of one batch.
type batch struct {
	events          *Events
	rows            *extsort.Sorter
	number          uint64 // of rows
	key, row, value []byte
	err             error // of the temporary file
}

// NewBatch implements engine.Sink.
func (e *Events) NewBatch() engine.Batch { return &batch{events: e, rows: e.pool.Get(batchMemory)} }

// Add implements engine.Batch.
func (b *batch) Add(entry *query.Entry) {
	b.row = b.row[:0]
	for _, field := range b.events.cfg.Fields {
		b.value, _ = field.Append(b.value[:0], entry)
		b.row = append(binary.AppendUvarint(b.row, uint64(len(b.value))), b.value...)
	}
	for range entry.Weight.Requests {
		if b.err != nil || b.enough() {
			return
		}
		b.number++
		b.key = b.key[:0]
		if b.events.cfg.ByTime {
			b.key = appendKey(b.key, entry, b.number)
		}
		b.err = b.rows.Add(b.key, b.row)
	}
}

// enough reports whether the batch alone has as many rows as are to be printed.
func (b *batch) enough() bool {
	cfg := &b.events.cfg
	return !cfg.ByTime && cfg.Limit > 0 && b.number >= uint64(cfg.Limit)
}

// appendKey appends a key that sorts by time and then, so that the order is always
// the same, by the log object and the place in it.
func appendKey(dst []byte, entry *query.Entry, number uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(entry.Record.Time)^(1<<63)) // what is below 0 sorts first
	dst = append(append(dst, entry.LogObject...), 0)
	return binary.BigEndian.AppendUint64(dst, number)
}

// Done implements engine.Batch.
func (b *batch) Done() int { return int(b.number) }

// Take implements engine.Sink. It prints at once, unless requests are sorted.
func (e *Events) Take(taken engine.Batch) error {
	b := taken.(*batch) //nolint:errcheck // every batch is from NewBatch
	if b.err != nil {
		return b.err
	}
	take := e.print
	if e.cfg.ByTime {
		take = e.sorted.Add
	}
	if err := b.rows.Each(take); err != nil {
		return err
	}
	e.pool.Put(b.rows)
	if e.printed > 0 && time.Since(e.began) >= e.cfg.Patience {
		return e.out.Flush()
	}
	return nil
}

// print prints a row. It returns engine.ErrEnough if there may be no more.
func (e *Events) print(_, row []byte) error {
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
	if e.printed++; e.printed == e.cfg.Limit {
		return engine.ErrEnough
	}
	return nil
}

// Finish prints what is left, and ends the output.
func (e *Events) Finish() error {
	if e.cfg.ByTime {
		if err := e.sorted.Each(e.print); err != nil && !errors.Is(err, engine.ErrEnough) {
			return err
		}
	}
	return e.out.Close()
}

// Close removes the temporary files.
func (e *Events) Close() { e.pool.Close() }

var errCells = errors.New("a row of the temporary file has no cells")

// appendCells appends the cells of a row, each of which stands behind its length.
// What is not known has the length 0, which nothing else has.
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
