package scanner

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// silence is how many times as long as its cadence a stream gives nothing new until it
// counts as silent.
const silence = 3

// A stream's cadence is the longest pause between its objects, by the times in their
// keys, within what the last sweep listed or since. So nights without requests, and
// objects that come in bursts, are part of it. It is kept in memory alone: the first
// listing of a process is a sweep, and shows it again.

// pauses finds the longest pause in one listing of a stream.
type pauses struct {
	last    time.Time // of the newest object so far; at first the listing's beginning
	begun   bool      // there was an object
	longest time.Duration
	whole   bool // the longest began with an object, not with the listing
}

// pausesFrom returns the pauses of a listing that begins at from.
func (s *stream) pausesFrom(from time.Time) pauses {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pauses{last: latest(from, s.oldest)}
}

// see takes note of the time of the next object of the listing. Objects from
// before its beginning, which only an audit lists, are not looked at.
func (p *pauses) see(t time.Time) {
	if t.Before(p.last) {
		return
	}
	if pause := t.Sub(p.last); pause > p.longest && !p.last.IsZero() {
		p.longest, p.whole = pause, p.begun
	}
	p.last, p.begun = t, true
}

// paced takes note of the pauses that a listing has shown. A sweep alone can show that
// the cadence has become faster, unless its longest pause is one of which it
// shows only the end: that may well be as long as the longest that is known.
func (s *stream) paced(p pauses, sweep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.longest > s.cadence || sweep && p.whole {
		s.cadence = p.longest
	}
}

// begins takes note of an object that lies there. Before the oldest one there was
// no pause.
func (s *stream) begins(key logkey.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.oldest.IsZero() || key.Time.Before(s.oldest) {
		s.oldest = key.Time
	}
	if s.listed == "" {
		s.keyIs(key) // where the first listing begins depends on it
	}
}
