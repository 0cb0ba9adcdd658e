package scanner

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Strangers are objects that lie among the keys of a stream and are none of it: logs in
// another form in the same folders, or a name with another day's date. A search passes over
// all keys of a stream, so it is the stream's listings that come across them.

// strangers is a search among the strangers of one round, which the polls share.
type strangers struct {
	mu sync.Mutex // guards all below
	finder
	found []*stream
}

// take has an object looked at that a listing of the stream host comes across. A stream of
// which it is the first begins no earlier than host, until an audit of host has shown what
// lay there before.
func (s *strangers) take(ctx context.Context, host *stream, obj source.Object, key logkey.Key) {
	if s.first || key.Skip == "" && s.knows(key.Stream) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sharing.owns(key) {
		return
	}
	key, floor, _ := s.see(ctx, obj, key)
	if key.Skip != "" {
		if key.Time.IsZero() || !key.Time.Before(floor) {
			s.skips.once(obj.Key, key.Skip)
		}
		return
	}
	var from time.Time
	if kept := host.state(); kept.Audited.IsZero() {
		from = kept.Begin
	}
	st, err := s.meet(key.Stream, s.now, from)
	if err != nil {
		s.conflict = err
		return
	}
	st.begins(key)
	s.found = append(s.found, st)
}

// noteStrangers takes note of what the polls of a round have come across.
func (l *location) noteStrangers(ctx context.Context) error {
	s := &l.strangers
	l.unseen = cmp.Or(l.unseen, s.unseen)
	l.mu.Lock()
	l.blind = l.blind || len(s.blind) > 0
	l.mu.Unlock()
	if s.conflict != nil || len(s.found) == 0 {
		return s.conflict
	}
	return l.send(ctx, &searched{home: l, prefix: l.own(), streams: s.found})
}
