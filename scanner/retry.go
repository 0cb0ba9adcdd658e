package scanner

import (
	"math/rand/v2"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const (
	// Pending objects are tried again after firstRetry, then ever later up to
	// lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = 30 * time.Minute
	// An object that is pending for so long is quarantined: what has kept it
	// from being read for days will not end by itself.
	pendingFor = 7 * 24 * time.Hour
)

// failureOf returns what to keep of an object that could not be read, given what was
// kept before, the zero Failure at first.
func failureOf(before checkpoint.Failure, r *result, now time.Time) checkpoint.Failure {
	f := checkpoint.Failure{
		Reason:       string(r.Err.Reason),
		Error:        r.Err.Err.Error(),
		Attempts:     before.Attempts + 1,
		Since:        before.Since,
		Size:         r.Object.Size,
		LastModified: r.Object.LastModified,
	}
	if f.Since.IsZero() {
		f.Since = now
	}
	if before.Quarantined || reader.Permanent(r.Err.Reason) || now.Sub(f.Since) > pendingFor {
		f.Quarantined = true
		return f
	}
	wait := min(lastRetry, firstRetry<<min(f.Attempts-1, 20))
	wait += rand.N(wait / 2) // so that many objects do not come back at once
	f.NextTry = now.Add(wait)
	return f
}

// due returns the objects that failed and are to be tried again now.
func (s *stream) due(now time.Time) []source.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var objects []source.Object
	for key, f := range s.failures {
		if _, queued := s.inflight[key]; queued || f.NextTry.After(now) || f.Quarantined && !s.retry[key] {
			continue
		}
		objects = append(objects, source.Object{Key: key, Size: f.Size, LastModified: f.LastModified})
	}
	return objects
}
