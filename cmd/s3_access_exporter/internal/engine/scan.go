package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Scan is the built-in Engine: it reads the log objects of some locations. A Batch has
// the entries of one log object, in their order.
type Scan struct {
	once.Config
	Progress *once.Progress // may be nil; it serves one Run
}

var _ Engine = (*Scan)(nil)

// Run implements Engine.
func (s *Scan) Run(ctx context.Context, q *Question, sink Sink) (*once.Summary, error) {
	c := &consumer{sink: sink, intakes: sync.Pool{New: func() any { return NewIntake(q) }}}
	wanted := q.Filter.Query()
	wanted.Progress = s.Progress
	summary, err := once.Run(ctx, s.Config, wanted, c)
	if errors.Is(err, ErrEnough) {
		err = nil
	}
	return summary, err
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

func (c *consumer) NewTally(location, key string) once.Tally {
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

func (c *consumer) Take(taken once.Tally) error {
	return c.sink.Take(taken.(*tally).batch) //nolint:errcheck // every tally is from NewTally
}
