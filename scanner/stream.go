package scanner

import (
	"maps"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// stream is what is known of a stream while it is tailed. Its location's goroutines
// list it, the committer resolves its objects.
type stream struct {
	logkey.Stream

	// Owned by the goroutine that lists the stream, one at a time:
	wait      time.Duration // between two polls; grows while the stream is idle
	lastSweep time.Time
	forgotten time.Time // seen objects before it were forgotten

	mu        sync.Mutex // guards all below
	nextPoll  time.Time
	oldest    time.Time         // of the objects that lie there; zero if not known
	cadence   time.Duration     // see cadence.go; 0 if not known
	byEvent   bool              // of the newest object, or of any before one is listed
	hours     bool              // the newest object's key is in the folder of an hour; like byEvent
	listed    string            // the highest key that was ever listed
	watermark string            // committed; every listed key below it is resolved
	inflight  map[string]flight // queued objects by key
	failures  map[string]checkpoint.Failure
	retry     map[string]bool // quarantined objects that this process has not tried yet
}

// flight is an object between its queueing and its commit.
type flight struct {
	round    int  // of its location, in which it was queued
	finished bool // only its commit is outstanding
}

func newStream(s logkey.Stream) *stream {
	return &stream{
		Stream:   s,
		inflight: make(map[string]flight),
		failures: make(map[string]checkpoint.Failure),
		retry:    make(map[string]bool),
	}
}

// restore takes the stream's state from the checkpoint.
func (s *stream) restore(c *checkpoint.Stream) error {
	s.watermark = c.Watermark()
	s.listed = s.watermark
	s.keyIs(logkey.Parse(s.watermark))
	return c.EachFailure(func(key string, f checkpoint.Failure) error {
		s.failures[key] = f
		s.retry[key] = f.Quarantined
		return nil
	})
}

// mark returns the time of the watermark, and false before the first. A key
// with a time to come does not keep the present from being listed.
func (s *stream) mark(now time.Time) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watermark == "" {
		return time.Time{}, false
	}
	t := logkey.Parse(s.watermark).Time
	if t.After(now) {
		t = now
	}
	return t, true
}

// grain returns how exactly the stream's keys order its objects, by days or by hours; 0 if
// by their times.
func (s *stream) grain() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.hours:
		return time.Hour
	case s.byEvent || s.Unordered():
		return day
	}
	return 0
}

// after returns a string to list after, for all keys from t on, which must be as exact as
// the grain.
func (s *stream) after(t time.Time) string {
	if s.grain() == time.Hour {
		return s.AfterHour(t)
	}
	return s.After(t)
}

// keyIs takes note of how exact the times in the stream's keys are. s.mu is held.
func (s *stream) keyIs(key logkey.Key) {
	s.byEvent, s.hours = key.ByEvent, key.Grain == time.Hour
}

// resolved reports whether nothing is to be done about an object for now: it is
// queued, or has failed and is tried again in its own time. Whether it was counted, the
// checkpoint knows, which must be asked after this: an object leaves the queue only
// once its commit is done.
func (s *stream) resolved(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, queued := s.inflight[key]
	_, failed := s.failures[key]
	return queued || failed
}

// begin takes note that an object is queued.
func (s *stream) begin(key string, round int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inflight[key] = flight{round: round}
}

// settled reports whether every object that was queued up to a round has been
// committed.
func (s *stream) settled(round int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.inflight {
		if f.round <= round {
			return false
		}
	}
	return true
}

// pollDue reports whether the stream is to be listed by now.
func (s *stream) pollDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !now.Before(s.nextPoll)
}

// planPoll notes when the stream is to be listed next.
func (s *stream) planPoll(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextPoll = at
}

// see takes note of a listed key, and reports whether it is late: lower than one
// that was listed before.
func (s *stream) see(obj source.Object, key logkey.Key) (late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if obj.Key < s.listed {
		return true
	}
	s.listed = obj.Key
	s.keyIs(key)
	return false
}

// finish takes note that an object was read, or failed to be, and only its
// commit is outstanding. It returns the object's failure so far.
func (s *stream) finish(key string) checkpoint.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.inflight[key]
	f.finished = true
	s.inflight[key] = f
	return s.failures[key]
}

// advanced returns the watermark as it is when the finished objects are
// committed: not above any object that is still being read.
func (s *stream) advanced() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	mark := s.listed
	for key, f := range s.inflight {
		// A late object that sorts below the watermark of before is found by
		// the sweeps and audits.
		if !f.finished && key > s.watermark && key <= mark {
			mark = key
		}
	}
	return max(mark, s.watermark)
}

// committed takes note that an object's commit is done. Its failure is zero if it
// counts, or is gone.
func (s *stream) committed(key string, failure checkpoint.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inflight, key)
	delete(s.retry, key)
	if failure.Attempts > 0 {
		s.failures[key] = failure
	} else {
		delete(s.failures, key)
	}
}

// advance takes note that the watermark's commit is done.
func (s *stream) advance(watermark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watermark = watermark
}

// failed returns a copy of the failures of objects, by key.
func (s *stream) failed() map[string]checkpoint.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.failures)
}
