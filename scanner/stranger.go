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
	found  []*stream
	warned map[logkey.Stream]bool // those of other shards
}

// take has an object looked at that a listing of the stream host comes across. A stream of
// which it is the first begins no earlier than host, until an audit of host has shown what
// lay there before. Left: there was no time to look at it.
func (s *strangers) take(ctx context.Context, host *stream, obj source.Object, key logkey.Key) (left bool) {
	if s.first || key.Skip == "" && s.knows(key.Stream) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, floor, later := s.see(ctx, obj, key)
	if later && key.Skip == "" {
		return true
	}
	switch owned := s.sharing.owns(key); {
	case owned && key.Skip != "":
		if key.Time.IsZero() || !key.Time.Before(floor) {
			s.skips.once(obj.Key, key.Skip)
		}
		return false
	case !owned && key.Skip == "":
		s.warnOfOther(obj, key)
		return false
	case !owned:
		return false
	}
	var from time.Time
	if kept := host.state(); kept.Audited.IsZero() {
		from = kept.Begin
	}
	st, err := s.meet(key.Stream, s.now, from)
	if err != nil {
		s.conflict = err
		return false
	}
	st.begins(key)
	s.found = append(s.found, st)
	return false
}

// maxWarned is how many streams are remembered of which there was a warning.
const maxWarned = 1000

// warnOfOther warns, once a stream, that log objects belong to another shard, whose searches
// pass over all keys of host, as these are not its own: it may never see them.
func (s *strangers) warnOfOther(obj source.Object, key logkey.Key) {
	if s.warned[key.Stream] || len(s.warned) >= maxWarned {
		return
	}
	s.warned[key.Stream] = true
	s.cfg.Logger.Warn("log objects lie among the keys of a stream of this shard, and belong to another shard, which may not find them: "+
		"give them a prefix of their own", "location", s.Name, "key", obj.Key)
}

// noteStrangers takes note of what the polls of a round have come across. The error is that there
// was no time to look at all of it, so that some are to come across it again.
func (l *location) noteStrangers(ctx context.Context) error {
	s := &l.strangers
	l.unseen = cmp.Or(l.unseen, s.quest.unseen)
	l.mu.Lock()
	l.blind = l.blind || len(s.quest.blind) > 0
	l.mu.Unlock()
	err := s.conflict
	if err == nil && s.left {
		err = &looksLeftError{s.quest.looks}
	}
	if s.conflict != nil || len(s.found) == 0 {
		return err
	}
	return cmp.Or(l.send(ctx, &searched{home: l, prefix: l.own(), streams: s.found}), err)
}
