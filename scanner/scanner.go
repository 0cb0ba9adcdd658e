// Package scanner tails log buckets: it lists every stream of log objects again and
// again, reads the objects that it has not seen, each exactly once, and commits them
// to a checkpoint together with what a Consumer makes of their records. Package once
// reads what lies there now, without a checkpoint.
//
// Goroutines hand on what they have: a location lists and queues objects
// (location.go), readers open and decode them and are ahead a little (package reader),
// one committer makes them durable (commit.go).
package scanner

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/source"
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

// Config says what to scan and how. The zero value of a field means the default
// that its comment names.
type Config struct {
	Locations []source.Location
	Consumer  Consumer // required
	Metrics   *Metrics // required
	Logger    *slog.Logger
	// Checkpoint is required. It is the caller's to close, after Run has returned.
	Checkpoint *checkpoint.File

	// Since is how far back a location starts that the checkpoint does not
	// know; 0: with the first object.
	Since time.Duration
	// Interval is the time between two listings of a stream that moves; 1 min.
	Interval time.Duration
	// Overlap is how far behind the watermark each listing begins; 1 h.
	Overlap time.Duration
	// SweepWindow is how far behind the watermark a sweep begins, a listing for
	// late objects; 48 h. Seen objects are remembered for that long, to the day.
	// It is at least Overlap.
	SweepWindow time.Duration
	// SweepInterval is the time between two sweeps, and between two searches
	// for new streams; 1 h.
	SweepInterval time.Duration
	// AuditWindow is how far back from now an audit lists; 720 h.
	AuditWindow time.Duration
	// AuditInterval is the time between two audits; 24 h.
	AuditInterval time.Duration

	// DedupeWindow is how many event IDs of CloudTrail are remembered, so that an
	// event that is delivered again does not count again; 0: none are.
	DedupeWindow int

	// MaxObjectSize is how many decompressed bytes an object may have; 2 GiB.
	MaxObjectSize int64
	// Concurrency is how many objects are read at once; 8.
	Concurrency int
	// CommitInterval is the longest time that a read object waits for its
	// commit; 1 s. It waits less once no other one comes any more.
	CommitInterval time.Duration
}

func (c Config) withDefaults() Config {
	setDefault(&c.Interval, time.Minute)
	setDefault(&c.Overlap, time.Hour)
	setDefault(&c.SweepWindow, 48*time.Hour)
	c.SweepWindow = max(c.SweepWindow, c.Overlap)
	setDefault(&c.SweepInterval, time.Hour)
	setDefault(&c.AuditWindow, 720*time.Hour)
	setDefault(&c.AuditInterval, 24*time.Hour)
	setDefault(&c.CommitInterval, time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Scanner scans the locations of its Config.
type Scanner struct {
	cfg   Config
	ready readiness

	mu        sync.Mutex
	started   time.Time   // of Run
	locations []*location // while Run works
}

// New returns a Scanner. It does no I/O and starts nothing.
func New(cfg Config) *Scanner {
	s := &Scanner{cfg: cfg.withDefaults()}
	s.ready.waiting = len(cfg.Locations)
	return s
}

// Run tails the locations until ctx ends, and then returns nil after a last
// commit; objects that are being read at that time are discarded and read again
// by the next Run. It returns an error early only if the checkpoint cannot be
// read. It may be called once.
func (s *Scanner) Run(ctx context.Context) error {
	now := time.Now()
	locations, err := s.load(now)
	if err != nil {
		return err
	}
	s.show(locations, now)
	defer s.show(nil, time.Time{})
	window := dedupe.NewWindow(s.cfg.DedupeWindow)
	if err := s.cfg.Checkpoint.View(func(tx *checkpoint.Tx) error { return tx.EachEvents(window.Restore) }); err != nil {
		return err
	}
	jobs := make(chan *job)
	results := reader.Read(ctx, reader.Config{
		NewTally:      s.cfg.Consumer.NewTally,
		Window:        window,
		MaxObjectSize: s.cfg.MaxObjectSize,
		Concurrency:   s.cfg.Concurrency,
	}, jobs)
	var listers sync.WaitGroup
	for _, l := range locations {
		listers.Go(func() { l.tail(ctx, jobs) })
	}
	go func() {
		listers.Wait()
		close(jobs)
	}()
	c := &committer{cfg: &s.cfg, ready: &s.ready, window: window, results: results}
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
	backlog bool // it was there when its location was listed first
}
