package scanner

import (
	"maps"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// stream is what is known of a stream while it is tailed. Its location's
// goroutines list it, the committer resolves its objects.
type stream struct {
	logkey.Stream

	// For the location's goroutine alone:
	wait      time.Duration // between two polls; grows while the stream is idle
	lastSweep time.Time
	forgotten time.Time // seen objects before it were forgotten

	mu        sync.Mutex
	nextPoll  time.Time
	oldest    time.Time         // of the objects that lie there; zero if not known
	rhythm    time.Duration     // the longest pause between objects; 0 if not known
	byEvent   bool              // of the newest object, or of any before one is listed
	listed    string            // the highest key that was ever listed
	watermark string            // committed; every listed key below it is resolved
	inflight  map[string]flight // queued objects by key
	trouble   map[string]checkpoint.Failure
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
		trouble:  make(map[string]checkpoint.Failure),
		retry:    make(map[string]bool),
	}
}

// restore takes the stream's state from the checkpoint.
func (s *stream) restore(c *checkpoint.Stream) error {
	s.watermark = c.Watermark()
	s.listed = s.watermark
	s.byEvent = logkey.Parse(s.watermark).ByEvent
	return c.EachFailure(func(key string, t checkpoint.Failure) error {
		s.trouble[key] = t
		s.retry[key] = t.Quarantined
		return nil
	})
}

// mark returns the time of the watermark, and false before the first. A key
// that tells a time to come does not keep the present from being listed.
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

// day reports whether the stream's keys order its objects by no more than days.
func (s *stream) day() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byEvent || s.Unordered()
}

// resolved reports whether nothing is to be done about an object for now: it is
// queued, or its trouble is being looked after. What was counted is for the
// checkpoint to say, and to be asked after this: an object leaves the queue only
// once its commit is done.
func (s *stream) resolved(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, queued := s.inflight[key]
	_, troubled := s.trouble[key]
	return queued || troubled
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

// planPoll says when the stream is to be listed next.
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
	s.byEvent = key.ByEvent
	return false
}

// finish takes note that an object was read, or failed to be, and only its
// commit is outstanding. It returns the object's trouble so far.
func (s *stream) finish(key string) checkpoint.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.inflight[key]
	f.finished = true
	s.inflight[key] = f
	return s.trouble[key]
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

// committed takes note that an object's commit is done.
func (s *stream) committed(key string, t checkpoint.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inflight, key)
	delete(s.retry, key)
	if t.Attempts > 0 {
		s.trouble[key] = t
	} else {
		delete(s.trouble, key)
	}
}

// advance takes note that the watermark's commit is done.
func (s *stream) advance(watermark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watermark = watermark
}

// due returns the objects in trouble that are to be tried again now.
func (s *stream) due(now time.Time) []source.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var objects []source.Object
	for key, t := range s.trouble {
		if _, queued := s.inflight[key]; queued || t.NextTry.After(now) || t.Quarantined && !s.retry[key] {
			continue
		}
		objects = append(objects, source.Object{Key: key, Size: t.Size, LastModified: t.LastModified})
	}
	return objects
}

// troubles returns a copy of the objects in trouble, by key.
func (s *stream) troubles() map[string]checkpoint.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.trouble)
}
