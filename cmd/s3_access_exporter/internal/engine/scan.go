package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Scan is the built-in Engine: it reads the log objects of some locations. A Batch has
// the entries of one log object, in their order.
type Scan struct {
	Locations    []source.Location
	Logger       *slog.Logger
	DedupeWindow int
	Progress     *scanner.Progress // may be nil
}

var _ Engine = (*Scan)(nil)

// Summary says what an Engine has looked at.
type Summary struct {
	Unread []*scanner.ObjectError
}

// Run implements Engine.
func (s *Scan) Run(ctx context.Context, q *Question, sink Sink) (Summary, error) {
	c := &consumer{sink: sink, intakes: sync.Pool{New: func() any { return NewIntake(q) }}}
	wanted := q.Filter.Query()
	wanted.Progress = s.Progress
	unread, err := scanner.New(scanner.Config{
		Locations:    s.Locations,
		Consumer:     c,
		Metrics:      scanner.NewMetrics(prometheus.NewRegistry()),
		Logger:       s.Logger,
		DedupeWindow: s.DedupeWindow,
	}).ScanOnce(ctx, wanted)
	if errors.Is(err, ErrEnough) {
		err = nil
	}
	return Summary{Unread: unread}, err
}

// consumer hands on to a Sink what is read.
type consumer struct {
	sink    Sink
	intakes sync.Pool // of *Intake
}

// tally is what is read of one log object.
type tally struct {
	consumer *consumer
	intake   *Intake // from the first record to Done
	object   string
	batch    Batch
}

func (c *consumer) NewTally(location, key string) scanner.Tally {
	return &tally{consumer: c, object: query.LogObject(location, key), batch: c.sink.NewBatch()}
}

func (t *tally) Add(r *record.Record) {
	if t.intake == nil {
		t.intake = t.consumer.intakes.Get().(*Intake) //nolint:errcheck // New makes nothing else
	}
	t.intake.Add(t.batch, r, r.Weight(), t.object)
}

func (t *tally) Done() int {
	if t.intake != nil {
		t.consumer.intakes.Put(t.intake)
		t.intake = nil
	}
	return t.batch.Done()
}

func (c *consumer) Stage(tallies []scanner.Tally, _ scanner.Store) (func(), error) {
	for _, own := range tallies {
		if err := c.sink.Take(own.(*tally).batch); err != nil { //nolint:errcheck // every tally is from NewTally
			return nil, err
		}
	}
	return func() {}, nil
}

func (c *consumer) Due() bool { return false }
