package scanner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// ObjectError is a log object that could not be read.
type ObjectError struct {
	Location string
	Key      string
	Reason   source.Reason
	Err      error
}

// Error implements error. It is one line.
func (e *ObjectError) Error() string {
	return fmt.Sprintf("%s: object %q: %s: %v", e.Location, e.Key, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// listAhead is how many objects the listing of ScanOnce may be ahead of their
// reading, some 500 bytes each, so that early on it is known how much there is.
const listAhead = 10_000

// ScanOnce reads every log object that lies in the locations now and is asked for,
// and hands the records of each to the Consumer, which has no Store then.
// Objects that could not be read are returned in the order of their locations'
// names and keys.
//
// An error means that something is missing: the first one of the Consumer, as it
// is; or the cause of ctx's end, which comes soon after that; or that of a location
// that could not be listed to its end. What was handed over until then is whole.
func (s *Scanner) ScanOnce(ctx context.Context, q Query) ([]*ObjectError, error) {
	if q.Progress == nil {
		q.Progress = new(Progress)
	}
	scan, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan *job, listAhead)
	d := newDuplicates(s.cfg.DedupeWindow)
	results := s.read(scan, jobs, d, q.Prefilter)
	listers, listing := errgroup.WithContext(scan) // which ends with the listing
	for _, l := range s.cfg.Locations {
		listers.Go(func() error { return s.queueAll(listing, l, &q, jobs) })
	}
	listed := make(chan error, 1)
	go func() {
		err := listers.Wait()
		if err == nil {
			q.Progress.listedAll()
		}
		listed <- err
		close(jobs)
	}()
	once := once{cfg: &s.cfg, gate: gate{duplicates: d}, reader: newReader(&s.cfg, d, newUnpackers(q.Prefilter))}
	for r := range results.ahead {
		results.taken(r)
		if once.take(scan, r); once.failed != nil {
			stop()
		}
		q.Progress.finish(r.obj)
	}
	unread := once.unread
	slices.SortFunc(unread, func(a, b *ObjectError) int {
		return strings.Compare(a.Location+"\x00"+a.Key, b.Location+"\x00"+b.Key)
	})
	err := <-listed
	switch {
	case once.failed != nil:
		err = once.failed
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return unread, err
}

// once takes the results of ScanOnce.
type once struct {
	cfg    *Config
	gate   gate
	reader *reader // of objects that are to be read again
	unread []*ObjectError
	failed error // of the Consumer; no result is taken after it
}

func (o *once) take(ctx context.Context, r *result) {
	if o.failed != nil || ctx.Err() != nil && r.err != nil {
		return // the end of ctx, and not the object, is the trouble
	}
	ready, broken := o.gate.pass(r)
	for _, r := range ready {
		if o.failed == nil {
			o.count(r)
		}
	}
	for _, r := range broken {
		if r.err.Reason == ReasonShared { // the object itself is sound
			o.take(ctx, o.reader.read(ctx, r.job))
			continue
		}
		o.cfg.Metrics.objectErrors.WithLabelValues(string(r.err.Reason)).Inc()
		o.unread = append(o.unread, r.err)
	}
}

func (o *once) count(r *result) {
	expose, err := o.cfg.Consumer.Stage([]Tally{r.tally}, nil)
	if err != nil {
		o.failed = err
		return
	}
	expose()
	o.gate.duplicates.remember([]*result{r})
	o.cfg.Metrics.counted(r)
	logMalformed(o.cfg.Logger, r)
}

// queueAll queues every log object of a location that is asked for.
func (s *Scanner) queueAll(ctx context.Context, l source.Location, q *Query, jobs chan<- *job) error {
	err := source.Walk(ctx, l.Source, l.Prefix, "", func(obj source.Object) (string, bool) {
		key := logkey.Parse(obj.Key)
		if key.Skip != "" {
			s.cfg.Metrics.skippedObjects.WithLabelValues(string(key.Skip)).Inc()
		}
		read, goOn := q.choose(key)
		if !read {
			return goOn, true
		}
		q.Progress.list(obj)
		return "", send(ctx, jobs, &job{location: l, key: key, obj: obj})
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	return nil
}

// send queues a job, or returns false because ctx has ended.
func send(ctx context.Context, jobs chan<- *job, j *job) bool {
	select {
	case jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}
