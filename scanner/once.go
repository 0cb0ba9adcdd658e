package scanner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ObjectError is a log object that could not be read.
type ObjectError struct {
	Location string
	Key      string
	Reason   Reason
	Err      error
}

// Error implements error. It is one line.
func (e *ObjectError) Error() string {
	return fmt.Sprintf("%s: object %q: %s: %v", e.Location, e.Key, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// ScanOnce reads every log object that lies in the locations now and hands the
// records of each to the Consumer, whose store then discards. Objects that could
// not be read are returned in the order of their locations' names and keys; an
// error means that a location could not be listed to its end, or that ctx ended.
func (s *Scanner) ScanOnce(ctx context.Context) ([]*ObjectError, error) {
	listers, ctx := errgroup.WithContext(ctx)
	jobs := make(chan *job)
	results := s.read(ctx, jobs)
	for _, l := range s.cfg.Locations {
		listers.Go(func() error { return s.queueAll(ctx, l, jobs) })
	}
	listed := make(chan error, 1)
	go func() {
		listed <- listers.Wait()
		close(jobs)
	}()
	var unread []*ObjectError
	var failed error
	for r := range results {
		switch {
		case failed != nil: // only drain
		case r.err != nil:
			s.cfg.Metrics.objectErrors.WithLabelValues(string(r.err.Reason)).Inc()
			unread = append(unread, r.err)
		default:
			var expose func()
			if expose, failed = s.cfg.Consumer.Stage([]Tally{r.tally}, discard{}); failed == nil {
				expose()
				s.cfg.Metrics.counted(r)
				s.cfg.logMalformed(r)
			}
		}
	}
	slices.SortFunc(unread, func(a, b *ObjectError) int {
		return strings.Compare(a.Location+"\x00"+a.Key, b.Location+"\x00"+b.Key)
	})
	if err := <-listed; err != nil {
		return unread, err
	}
	return unread, failed
}

// queueAll queues every log object of a location.
func (s *Scanner) queueAll(ctx context.Context, l Location, jobs chan<- *job) error {
	err := walk(ctx, l.Source, l.Prefix, "", func(obj Object) (string, bool) {
		key := ParseKey(obj.Key)
		if key.Skip != "" {
			s.cfg.Metrics.skippedObjects.WithLabelValues(string(key.Skip)).Inc()
			return "", true
		}
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

// discard is the Store of ScanOnce.
type discard struct{}

func (discard) Put(_, _ []byte) error { return nil }
func (discard) Delete([]byte) error   { return nil }
