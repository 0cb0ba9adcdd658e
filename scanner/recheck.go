package scanner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// rechecksAtOnce is how many quarantined objects of a location are looked at in an
// Interval, each by a request of its own, so that a thousand broken objects cost no more
// than ten.
const rechecksAtOnce = 10

// recheck is when to look next whether a quarantined object is another one by now. Polls
// come across those near the watermark alone, and audits across the others, once a day. So
// each is looked at an Interval after it has failed, and then ever later, up to once in a
// SweepInterval.
type recheck struct {
	next time.Time     // by the process's clock
	wait time.Duration // since the last look
}

// suspect is a quarantined object that is to be looked at.
type suspect struct {
	recheck
	stream  *stream
	key     string
	failure checkpoint.Failure
}

// recheck queues the quarantined objects that have changed, or are gone. It is called when
// nothing is polled, as a poll may queue the same ones.
func (l *location) recheck(ctx context.Context, start time.Time) error {
	if start.Sub(l.rechecked) < l.cfg.Interval {
		return nil
	}
	l.rechecked = start
	for _, s := range l.suspects(start) {
		s.wait = min(2*s.wait, max(l.cfg.Interval, l.cfg.SweepInterval))
		s.next = start.Add(s.wait)
		s.stream.checkAgain(s.key, s.recheck)
		obj := source.Object{Key: s.key, Size: s.failure.Size, LastModified: s.failure.LastModified, ETag: s.failure.ETag}
		now, err := l.Source.Stat(ctx, s.key)
		var failure *source.Error
		switch {
		case err == nil && differs(s.failure, now):
			obj = now
		case err == nil:
			continue
		case errors.As(err, &failure) && failure.Reason == source.ReasonGone:
			// Whoever reads it will find out the same.
		case failure != nil && failure.Reason == source.ReasonChanged:
			continue // it is still being written
		default:
			return ctx.Err() // the polls show what the store fails with; the others are due again
		}
		if !l.enqueue(ctx, &job{Key: logkey.Parse(s.key), Object: obj, State: tailed{stream: s.stream, again: true}}) {
			return ctx.Err()
		}
	}
	return nil
}

// suspects returns the quarantined objects that are to be looked at now, those first that
// have waited longest.
func (l *location) suspects(start time.Time) []suspect {
	var due []suspect
	for _, st := range l.all() {
		due = st.suspects(due, start, l.cfg.Interval)
	}
	slices.SortFunc(due, func(a, b suspect) int { return a.next.Compare(b.next) })
	return due[:min(len(due), rechecksAtOnce)]
}

// suspects appends the stream's.
func (s *stream) suspects(due []suspect, start time.Time, interval time.Duration) []suspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, f := range s.failures {
		if _, queued := s.inflight[key]; queued || !f.Quarantined {
			continue
		}
		c, known := s.rechecks[key]
		if !known {
			c = recheck{next: start.Add(interval), wait: interval}
			s.setRecheck(key, c)
		}
		if !start.Before(c.next) {
			due = append(due, suspect{recheck: c, stream: s, key: key, failure: f})
		}
	}
	return due
}

// checkAgain notes when to look at a quarantined object again.
func (s *stream) checkAgain(key string, c recheck) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setRecheck(key, c)
}

// setRecheck is called with s.mu held.
func (s *stream) setRecheck(key string, c recheck) {
	if s.rechecks == nil {
		s.rechecks = make(map[string]recheck)
	}
	s.rechecks[key] = c
}
