package scanner

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const (
	// Pending objects are tried again after firstRetry, then ever later up to
	// lastRetry, and up to half of that on top.
	firstRetry = 5 * time.Second
	lastRetry  = 30 * time.Minute
	// An object that is pending for so long, and was tried so often, is quarantined:
	// what has kept it from being read for days will not end by itself. Attempts count
	// because the clock alone may have jumped, or the process may have been down.
	pendingFor      = 7 * 24 * time.Hour
	pendingAttempts = 100
)

// failureOf returns what to keep of an object that could not be read, given what was
// kept before, the zero Failure at first. If the object has changed since then, it is
// as if it failed for the first time; and so it is if it was quarantined, and fails now for
// another reason, which may pass: whether it can be read has not been tried.
func failureOf(before checkpoint.Failure, r *result, now time.Time) checkpoint.Failure {
	reason := r.Err.Reason
	if differs(before, r.Object) || before.Quarantined && before.Reason != string(reason) && !reader.Permanent(reason) {
		before = checkpoint.Failure{}
	}
	f := checkpoint.Failure{
		Reason:       string(reason),
		Error:        r.Err.Err.Error(),
		Attempts:     before.Attempts + 1,
		Since:        before.Since,
		Size:         r.Object.Size,
		LastModified: r.Object.LastModified,
		ETag:         r.Object.ETag,
	}
	if f.Since.IsZero() {
		f.Since = now
	}
	forLong := now.Sub(f.Since) > pendingFor && f.Attempts > pendingAttempts
	if before.Quarantined || reader.Permanent(reason) || forLong {
		f.Quarantined = true
		return f
	}
	wait := min(lastRetry, firstRetry<<min(f.Attempts-1, 20))
	wait += rand.N(wait / 2) // so that many objects do not come back at once
	f.NextTry = now.Add(wait)
	return f
}

// differs reports whether an object is another one than the one that failed.
func differs(f checkpoint.Failure, obj source.Object) bool {
	if f.ETag != "" && obj.ETag != "" {
		return f.Size != obj.Size || f.ETag != obj.ETag
	}
	return f.Size != obj.Size || !f.LastModified.Equal(obj.LastModified)
}

// mostSlow is how many objects of a location wait at most that were slow: enough for what an
// outage has left to be read soon after it, and so few that none is in flight for more than
// some hours if all of them stall.
const mostSlow = 512

// retry queues the objects of a stream that failed and are to be tried again now, or returns
// false because ctx has ended. Those that were slow keep no others waiting: they have a queue
// of their own, and if that is full, a later round's turn.
func (l *location) retry(ctx context.Context, st *stream, now time.Time) bool {
	for _, f := range st.retries(now) {
		if f.slow && len(l.slow) == cap(l.slow) {
			continue
		}
		if !l.enqueue(ctx, &job{Key: logkey.Parse(f.Key), Object: f.Object, Slow: f.slow, State: tailed{stream: st, again: true}}) {
			return false
		}
	}
	return true
}

// failedObject is an object that failed, to be tried again.
type failedObject struct {
	source.Object
	slow bool
}

// retries returns the objects that failed and are to be tried again now. A time to try
// again that is too far away was noted by a clock that was wrong.
func (s *stream) retries(now time.Time) []failedObject {
	s.mu.Lock()
	defer s.mu.Unlock()
	var objects []failedObject
	for key, f := range s.failures {
		waits := f.NextTry.After(now) && f.NextTry.Before(now.Add(2*lastRetry))
		if _, queued := s.inflight[key]; queued || waits || f.Quarantined && !s.again[key] {
			continue
		}
		objects = append(objects, failedObject{
			Object: source.Object{Key: key, Size: f.Size, LastModified: f.LastModified, ETag: f.ETag},
			slow:   source.Reason(f.Reason) == source.ReasonTimeout,
		})
	}
	return objects
}
