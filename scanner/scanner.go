package scanner

import (
	"context"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
)

// Consumer makes something of records. NewTally may be called from many
// goroutines at once, Due and Stage are called from one.
type Consumer interface {
	// NewTally returns an empty Tally for the object with that key in the Location
	// of that name.
	NewTally(location, key string) Tally
	// Stage turns the tallies of whole objects into durable changes, which it
	// writes to store, and keeps them to itself: they are to be seen from the
	// call of expose on, which comes once the changes are committed, or never.
	// After a failed commit the same tallies come again.
	Stage(tallies []Tally, store Store) (expose func(), err error)
	// Due reports whether Stage without tallies has something to do.
	Due() bool
}

// Tally takes the records of one object; see reader.Tally.
type Tally = reader.Tally

// Store takes durable changes in a transaction. A key is valid during the call only;
// a value must not be changed later.
type Store interface {
	Put(key, value []byte) error
	Delete(key []byte) error
}

// Checkpoint keeps the state of a Scanner: a *checkpoint.File.
type Checkpoint interface {
	// View runs fn with a consistent view of the last commit.
	View(fn func(*checkpoint.Tx) error) error
	// Update runs fn in a transaction that is durable, or void, when Update returns.
	Update(fn func(*checkpoint.Tx) error) error
	// Size returns how many bytes the checkpoint takes.
	Size() int64
}

// Scanner tails the locations of its Config.
type Scanner struct {
	cfg    Config
	ready  readiness
	owners owners
	usage  usage
	twice  *twice.Finder

	mu        sync.Mutex  // guards all below
	started   time.Time   // of Run
	locations []*location // while Run works
}

// New returns a Scanner. It does no I/O and starts nothing.
func New(cfg Config) *Scanner {
	s := &Scanner{cfg: cfg.withDefaults(), twice: twice.NewFinder()}
	s.ready.waiting = len(cfg.Locations)
	s.usage.metrics = s.cfg.Metrics
	cfg.Metrics.showShard(cfg.Shard)
	return s
}

// Run tails the locations until ctx ends, and then returns nil after a last
// commit; objects that are being read at that time are discarded and read again
// by the next Run. It returns an error early only if the checkpoint cannot be
// read. It may be called once.
func (s *Scanner) Run(ctx context.Context) error {
	now := s.cfg.Now()
	locations, err := s.load(now)
	if err != nil {
		return err
	}
	s.usage.note(now)
	s.show(locations, now)
	defer s.show(nil, time.Time{})
	window := dedupe.NewWindow(s.cfg.DedupeWindow)
	if err := s.cfg.Checkpoint.View(func(tx *checkpoint.Tx) error { return tx.EachEvents(window.Restore) }); err != nil {
		return err
	}
	notes := make(chan note)
	var queues []<-chan *job
	for _, l := range locations {
		jobs, ordered := make(chan *job), make(chan *job)
		l.jobs, l.slow = jobs, make(chan *job, mostSlow)
		queues = append(queues, ordered, l.slow)
		go inOrder(jobs, ordered)
	}
	results := reader.Read(ctx, reader.Config{
		NewTally:      s.cfg.Consumer.NewTally,
		Window:        window,
		MaxObjectSize: s.cfg.MaxObjectSize,
		Now:           s.cfg.Now,
		Concurrency:   s.cfg.Concurrency,
		GiveWay:       true,
	}, queues...)
	for _, l := range locations {
		l.notes, l.usage = notes, &s.usage
		go func() {
			l.tail(ctx)
			close(l.jobs)
			close(l.slow)
		}()
	}
	c := &committer{
		cfg: &s.cfg, ready: &s.ready, window: window, results: results, notes: notes, locations: locations,
		clock: newClock(s.cfg.Now), doubles: doubles{finder: s.twice, metrics: s.cfg.Metrics},
	}
	return c.run(ctx)
}

// job is an object to read, result what came of it.
type (
	job    = reader.Job[tailed]
	result = reader.Result[tailed]
)

// tailed is what a location and the committer keep with an object.
type tailed struct {
	home    *location
	stream  *stream
	late    bool // it sorts below an object that was listed earlier
	again   bool // it is tried again
	backlog bool // it was there when its location was listed first
}
