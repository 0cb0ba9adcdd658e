// Package once reads what lies in log buckets now, in one pass: it lists, chooses by a
// Query what may hold the requests that are asked for, reads that, and hands what it
// read to a Consumer. It keeps nothing, and tries nothing again.
//
// Goroutines hand on what they have: one for each location, and helpers where it has many
// pages (share.go), list and queue objects (list.go), then one more those of CloudTrail in
// the order of their times (merge.go), and looks at some that are not asked for (aside.go);
// readers open and decode them (package reader), and the caller's own takes what was read
// (take.go), which shows what was read too far from its copies (apart.go). Query decides
// what is listed (query.go), Summary what came of it (summary.go), Progress how far the pass
// is (progress.go).
package once

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Config is what to read and how. The zero value of a field means the default that
// its comment names.
type Config struct {
	Locations []source.Location
	Logger    *slog.Logger // nil: nothing is logged
	// DedupeWindow is how many event IDs of CloudTrail are remembered, so that an event
	// that is delivered again does not count again; 0: none are. If some are, the streams of
	// one Region are read side by side.
	DedupeWindow int
	// MaxObjectSize is how many decompressed bytes an object may have; 2 GiB. Larger
	// ones are not read.
	MaxObjectSize int64
	// Concurrency is how many objects are read at once; 0: as many as the cores can use,
	// and fewer if the store throttles.
	Concurrency int
}

// Tally takes the records of one object; see reader.Tally.
type Tally = reader.Tally

// ObjectError is a log object that could not be read; see reader.ObjectError.
type ObjectError = reader.ObjectError

// TooLargeError is the cause of an ObjectError whose object has more decompressed bytes
// than it may have.
type TooLargeError = reader.TooLargeError

// Consumer makes something of records.
type Consumer interface {
	// NewTally returns an empty Tally for the object with that key in the Location of
	// that name. It is called from many goroutines at once.
	NewTally(location, key string) Tally
	// Take takes the Tally of an object that was read to its end and counts. It is
	// called from the goroutine that called Run. An error ends the pass.
	Take(t Tally) error
}

// listAhead is how many objects the listing may be ahead of their reading, some 500
// bytes each, so that early on it is known how much there is.
const listAhead = 10_000

// patience is the longest pause before an object is asked for again that the store has
// throttled: with the shorter ones, it is waited for a minute, besides what the store's
// client waits.
const patience = 32 * time.Second

// job is an object to read, result what came of it. They carry no state.
type (
	job    = reader.Job[struct{}]
	result = reader.Result[struct{}]
)

// Run reads every log object that lies in the locations now and is asked for, and
// hands the Tally of each to the Consumer. The Summary is that of all that was handed
// over, whether or not there is an error.
//
// An error means that something is missing: the first one of the Consumer, as it is;
// or the cause of ctx's end, which comes soon after that; or that of a location that
// could not be listed to its end. Objects that could not be read are no error, but in
// Summary.Unread.
func Run(ctx context.Context, cfg Config, q Query, consumer Consumer) (*Summary, error) {
	setDefaults(&cfg, &q)
	scan, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan *job, listAhead)
	window := dedupe.NewWindow(cfg.DedupeWindow)
	results := reader.Read(scan, reader.Config{
		NewTally:      consumer.NewTally,
		Window:        window,
		Prefilter:     q.Prefilter,
		MaxObjectSize: cfg.MaxObjectSize,
		Concurrency:   cfg.Concurrency,
		Patience:      patience,
	}, jobs)

	var merge *merger // without a window, the order does not matter
	if window != nil {
		merge = newMerger()
	}
	listings, listed := listAll(scan, &cfg, &q, merge, jobs)
	taker := taker{consumer: consumer, logger: cfg.Logger, window: window, results: results, summary: new(Summary), finder: twice.NewFinder()}
	for r := range results.All() {
		if taker.take(scan, r); taker.failed != nil {
			stop()
		}
		q.Progress.finish(r.Object)
	}
	err := <-listed
	taker.summary.addListings(listings)
	taker.summary.DoubleCounted, taker.summary.DoubleCountedBuckets = taker.finder.Findings(maxDoubleCounted), taker.finder.Len()
	taker.summary.FarApart = taker.nearness.found
	switch {
	case taker.failed != nil:
		err = taker.failed
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return taker.summary, err
}

func setDefaults(cfg *Config, q *Query) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if q.Progress == nil {
		q.Progress = new(Progress)
	}
}

// listAll queues every log object in the locations that is asked for, and then closes jobs.
// A merger makes copies of an event of CloudTrail come near each other.
// Once listed has the error, nothing changes the listings any more. A location that cannot
// be listed keeps no other one from being listed to its end.
func listAll(ctx context.Context, cfg *Config, q *Query, merge *merger, jobs chan<- *job) (listings []listing, listed <-chan error) {
	listings = make([]listing, len(cfg.Locations))
	busy := make(chan struct{}, maxHelpers)
	for i, l := range cfg.Locations {
		group, listCtx := errgroup.WithContext(ctx)
		listings[i] = listing{
			location: l, query: q, jobs: jobs, helpers: &helpers{group: group, busy: busy}, merger: merge,
			pageSize: source.PageSize, recogniser: reader.NewRecogniser(),
		}
		group.Go(func() error {
			_, err := listings[i].run(listCtx, part{})
			return err
		})
	}
	ended := make(chan error, 1)
	go func() {
		var failed error
		for i := range listings {
			listings[i].failed = listings[i].helpers.group.Wait()
		}
		merge.merge(ctx)
		for i := range listings {
			l := &listings[i]
			switch {
			case l.failed != nil && failed != nil:
				failed = fmt.Errorf("%w; %w", failed, l.failed)
			case l.failed != nil:
				failed = l.failed
			}
			l.lookAside(ctx)
			l.lookBack(ctx)
		}
		if failed == nil {
			q.Progress.listedAll()
		}
		ended <- failed
		close(jobs)
	}()
	return listings, ended
}
