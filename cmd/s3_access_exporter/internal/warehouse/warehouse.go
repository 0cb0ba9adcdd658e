// Package warehouse answers questions over history on a query engine, Amazon Athena or
// Trino, with the output of the built-in scanner.
//
// SQL only shortens, Go decides. A query takes records apart (line.go, event.go), leaves
// out of each what nobody looks at, and returns groups of what is left with their numbers
// (statement.go). Each group is put together again as a line or an event (restore.go), and
// the production decoder and classifier read that. What the patterns are not sure of comes
// as it is, as a group of its own. So SQL that knows too little is slower, and not wrong.
//
// What lies there is listed as for a scan, without being read (partition.go): that gives
// the partitions to ask for, and the bytes that a query will scan (cost.go). ddl.go has the
// tables, which their user creates; athena.go and trino.go run queries.
package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Client runs queries on an engine.
type Client interface {
	// Query runs a query, and hands its rows to take, whose first error ends the query, as
	// ctx does: then the engine does not go on with it. The row is valid during the call.
	// An error is one line. ErrNoTable: a table that is asked for is not there, or is
	// another one than DDL makes.
	Query(ctx context.Context, text string, progress func(State), take func(row []sql.NullString) error) error
}

// State is how far a query is.
type State struct {
	Text  string // as the engine has it: QUEUED, RUNNING
	Bytes int64  // scanned so far, as stored
}

// ErrNoTable means that a query asks for a table that is not there.
var ErrNoTable = errors.New("there is no such table")

// Warehouse is an engine.Engine.
type Warehouse struct {
	Dialect Dialect
	Client  Client
	Scan    once.Config // how to list what lies there
	// MaxScan is how many bytes queries may scan, all together; 0: any number.
	MaxScan  int64
	Logger   *slog.Logger
	Notes    func(line string)          // what it will cost, before each query
	Listing  *once.Progress             // may be nil; it serves one Run
	Progress func(s State, bytes int64) // of a query that is to scan so many bytes; may be nil
}

var _ engine.Engine = (*Warehouse)(nil)

// run is one Run.
type run struct {
	*Warehouse
	question *engine.Question
	sink     engine.Sink
	intake   *engine.Intake
	summary  *once.Summary
	scanned  int64 // by the queries before
}

// Run implements engine.Engine.
func (w *Warehouse) Run(ctx context.Context, q *engine.Question, sink engine.Sink) (*once.Summary, error) {
	f, err := w.find(ctx, q.Filter)
	if err != nil {
		return f.summary, err
	}
	r := &run{Warehouse: w, question: q, sink: sink, intake: engine.NewIntake(q), summary: f.summary}
	if err := w.checkCost(f); err != nil {
		return r.summary, err
	}
	queries := 0
	for _, t := range f.sorted() {
		chunks := f.chunks(t)
		if t.Log == record.CloudTrail {
			queries += len(chunks)
		}
		for i := range chunks {
			if err := r.query(ctx, &chunks[i], i, len(chunks)); err != nil {
				return r.summary, err
			}
		}
	}
	if queries > 0 {
		w.Logger.Warn("CloudTrail's duplicates are left out by their first ID, in each query by itself; the built-in scanner knows an event by any of its IDs, among the latest", "queries", queries)
		if w.Dialect.event == "" {
			w.Logger.Warn("Athena passes over log files of CloudTrail that it cannot read, and does not name them")
		}
	}
	return r.summary, f.partial()
}

// partial returns an error if log objects lie in no table.
func (f *found) partial() error {
	if f.others.Objects == 0 {
		return nil
	}
	return &engine.PartialError{Missing: fmt.Sprintf("%s log objects such as %s lie in no table: their keys have no folders of account, Region and day, or they are JSON; --engine=scan reads them",
		humanize.Comma(f.others.Objects), f.example)}
}

// find lists what is asked for. The days at both ends are listed whole, as queries scan
// them, but the summary is that of what the question reads.
func (w *Warehouse) find(ctx context.Context, filter *query.Filter) (*found, error) {
	exact := filter.Query()
	wanted := exact
	wanted.Prefilter, wanted.Progress = nil, w.Listing
	if !wanted.Since.IsZero() {
		wanted.Since = wanted.Since.UTC().Add(-keySkew).Truncate(oneDay)
	}
	if !wanted.Until.IsZero() {
		wanted.Until = wanted.Until.UTC().Add(wanted.Slack + oneDay - 1).Truncate(oneDay)
		wanted.Slack = 0
	}
	f := &found{tables: make(map[Table]map[folder]map[string]extent)}
	asked := once.Extent{}
	summary, err := once.List(ctx, w.Scan, wanted, func(l once.Listed) {
		reads := exact.Reads(l.Key)
		if f.add(query.LogObject(l.Location.Name, l.Object.Key), l, reads) && reads {
			asked.Objects++
			asked.Bytes += l.Object.Size
		}
	})
	f.summary = summary
	summary.Objects, summary.Bytes = asked.Objects, asked.Bytes
	summary.Requests = make(map[record.Log]int64)
	summary.SkippedRecords = make(map[record.SkipReason]int64)
	return f, err
}

// query runs the query of a chunk.
func (r *run) query(ctx context.Context, c *chunk, number, of int) error {
	s := r.statement(c)
	r.Notes(r.costLine(c, number, of))
	batch := batch{run: r, table: &c.table, restorer: newRestorer(&s), doubts: newDoubts()}
	if err := r.ask(ctx, c, s.sql, batch.take); err != nil {
		return err
	}
	if err := batch.end(); err != nil {
		return err
	}
	return batch.settle(ctx, c)
}

// ask puts a query to the engine.
func (r *run) ask(ctx context.Context, c *chunk, text string, take func(row []sql.NullString) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	see, done := r.watch(c, stop)
	defer done()
	err := r.Client.Query(ctx, text, see, take)
	if errors.Is(err, ErrNoTable) {
		return fmt.Errorf("table %s of %s is not there: create it with what this prints: s3_access_exporter engine ddl --engine=%s %s",
			c.table.Name(), c.table.folderName(), r.Dialect.Name, c.table.Location)
	}
	return err
}

// rows returns the SQL of the rows that a chunk's query reads.
func (r *run) rows(c *chunk) string {
	asked := r.question.Filter.Query()
	return c.rows(r.Dialect, c.table.Name(), &asked)
}

// statement returns the query of a chunk.
func (r *run) statement(c *chunk) statement {
	rows := r.rows(c)
	if c.table.Log == record.CloudTrail {
		return eventStatement(r.Dialect, r.question, rows)
	}
	return lineStatement(r.question, rows)
}

// count takes note of requests.
func (r *run) count(rec *record.Record, w record.Weight) {
	s := r.summary
	s.Requests[rec.Log] += w.Requests
	if rec.NewSchema {
		s.NewSchema += w.Requests
	}
	first, last := time.Unix(w.First, 0).UTC(), time.Unix(w.Last, 0).UTC()
	if s.First.IsZero() || first.Before(s.First) {
		s.First = first
	}
	if last.After(s.Last) {
		s.Last = last
	}
}

// objectKey returns the key of the log object at a path, which the engine may write with
// another scheme than a location has.
func (t *Table) objectKey(path string) string {
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	if dir, ok := strings.CutPrefix(t.Location, "file:///"); ok {
		path = strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
	}
	return path
}

func (t *Table) logObject(path string) string {
	if path == "" {
		return ""
	}
	return query.LogObject(t.Location, t.objectKey(path))
}
