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
	id checkpoint.StreamID

	// Owned by the goroutine that lists the stream, one at a time:
	wait      time.Duration // between two polls; grows while the stream is idle
	lastSweep time.Time
	audit     audit
	backoff   backoff
	arrivals  arrivals

	mu       sync.Mutex        // guards all below
	kept     checkpoint.Stream // as it is in the checkpoint, or will be when it is there
	stored   bool              // it is there
	forgets  int               // how often marks were forgotten
	nextPoll time.Time
	oldest   time.Time         // of the objects that lie there; zero if not known
	cadence  time.Duration     // see cadence.go; 0 if not known
	byEvent  bool              // of the newest object, or of any before one is listed
	hours    bool              // that object's key is in the folder of an hour
	listed   string            // the highest key that was ever listed, but for those that are ahead of the clock
	inflight map[string]flight // queued objects by key
	failures map[string]checkpoint.Failure
	again    map[string]bool    // quarantined objects that are to be tried once more
	rechecks map[string]recheck // of quarantined objects
	resolved map[string]bool    // objects that have left the queue since watch; nil: nobody watches
	renewed  map[string]bool    // objects whose marks are being renewed
}

// flight is an object between its queueing and its commit.
type flight struct {
	round    int  // of its location, in which it was queued
	finished bool // only its commit is outstanding
}

// newStream returns the stream with what the checkpoint keeps of it, or is to keep.
func newStream(s logkey.Stream, store string, kept checkpoint.Stream) *stream {
	st := &stream{
		Stream:   s,
		id:       checkpoint.StreamID{Store: store, Stream: s.ID()},
		audit:    audit{last: kept.Audited},
		kept:     kept,
		listed:   kept.Watermark,
		inflight: make(map[string]flight),
	}
	st.keyIs(logkey.Parse(kept.Watermark))
	return st
}

// restoreFailure takes a failure from the checkpoint.
func (s *stream) restoreFailure(key string, f checkpoint.Failure) {
	s.setFailure(key, f)
	if f.Quarantined {
		s.tryAgain(key)
	}
}

// setFailure and tryAgain make their maps when they are needed: there may be very many
// streams. s.mu is held.
func (s *stream) setFailure(key string, f checkpoint.Failure) {
	if s.failures == nil {
		s.failures = make(map[string]checkpoint.Failure)
	}
	s.failures[key] = f
}

func (s *stream) tryAgain(key string) {
	if s.again == nil {
		s.again = make(map[string]bool)
	}
	s.again[key] = true
}

// state returns what is kept of the stream.
func (s *stream) state() checkpoint.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// keep takes note of what the checkpoint keeps of the stream.
func (s *stream) keep(kept checkpoint.Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept, s.stored = kept, true
}

// forget takes note that marks from before a time are forgotten.
func (s *stream) forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgets++
	s.kept.Begin = latest(s.kept.Begin, before)
}

// forgotten returns how often marks were forgotten.
func (s *stream) forgotten() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forgets
}

// isStored reports whether the checkpoint keeps the stream.
func (s *stream) isStored() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored
}

// mark returns the time of the watermark, and false before the first. A key
// with a time to come does not keep the present from being listed.
func (s *stream) mark(now time.Time) (time.Time, bool) {
	watermark := s.state().Watermark
	if watermark == "" {
		return time.Time{}, false
	}
	t := logkey.Parse(watermark).Time
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

// enqueued takes note that an object is queued.
func (s *stream) enqueued(key string, round int) {
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

// pollPlanned returns when the stream is to be listed next.
func (s *stream) pollPlanned() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextPoll
}

// due reports whether the stream is to be listed in a round at start: in the one that is
// nearest to the time that is planned, but never sooner than in an Interval.
func (s *stream) due(start time.Time, cfg *Config) bool {
	early := s.pollPlanned().Sub(start)
	return early <= 0 || early < tick(cfg.Interval)/2 && start.Sub(s.arrivals.looked) >= cfg.Interval
}

// planPoll notes when the stream is to be listed next.
func (s *stream) planPoll(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextPoll = at
}

// see takes note of a listed key, and reports whether it is late: lower than one
// that was listed before. One that is ahead of the clock moves nothing.
func (s *stream) see(obj source.Object, key logkey.Key, now time.Time) (late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if obj.Key < s.listed {
		return true
	}
	if !key.Time.After(now.Add(ahead)) {
		s.listed = obj.Key
		s.keyIs(key)
	}
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
		if !f.finished && key > s.kept.Watermark && key <= mark {
			mark = key
		}
	}
	return max(mark, s.kept.Watermark)
}

// committed takes note that an object's commit is done. Its failure is zero if it
// counts, or is gone.
func (s *stream) committed(key string, failure checkpoint.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inflight, key)
	delete(s.again, key)
	delete(s.rechecks, key)
	if failure.Attempts > 0 {
		s.setFailure(key, failure)
	} else {
		delete(s.failures, key)
	}
	if s.resolved != nil {
		s.resolved[key] = true
	}
}

// watch begins to take note of the objects that leave the queue; unwatch ends that.
func (s *stream) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved = make(map[string]bool)
}

func (s *stream) unwatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved = nil
}

// failed returns a copy of the failures of objects, by key.
func (s *stream) failed() map[string]checkpoint.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.failures)
}
