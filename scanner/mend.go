package scanner

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// mend makes the location start now if its start, or that of some of its streams, is
// still to come: it was noted by a clock that was ahead, and nothing would count until
// then. If the log itself is ahead of the clock, it is the clock that is wrong now. It does
// so too if the clock jumps before the first search is complete: all that came before the
// start would count, if that was noted by a clock that was behind. mend returns when the
// change is durable, or ctx has ended.
func (l *location) mend(ctx context.Context, now time.Time) error {
	own, start := l.own(), l.cfg.floor(now)
	n := &mended{store: l.Store, start: start, prefixes: l.startedAhead(now), done: make(chan struct{})}
	jumped := l.clock.jumped() != 0 && l.new && own.Searched.IsZero() && !own.Floor.IsZero()
	if jumped {
		n.prefixes[l.Prefix] = own
	}
	for _, st := range l.all() {
		kept := st.state()
		if logkey.Parse(kept.Watermark).Time.After(now.Add(ahead)) {
			return nil
		}
		// An audit by that clock has passed over all that lay there, so that a stream may begin
		// long before by now.
		begins := kept.Begin.After(start) || kept.Audited.After(now) && !l.startedBefore(st, n)
		if kept.Begin.After(now) || n.covers(st) && (begins && !jumped || jumped && kept.Begin.Equal(own.Floor)) {
			n.streams = append(n.streams, st)
		}
	}
	if len(n.prefixes) == 0 && len(n.streams) == 0 {
		return nil
	}
	if err := l.send(ctx, n); err != nil {
		return err
	}
	select {
	case <-n.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.cfg.Logger.Warn("the clock was wrong when the location was first read; it starts anew", "location", l.Name, "start", start)
	l.startAnew(n)
	return nil
}

// startedAhead returns the prefixes of the location's store whose start is still to come: its
// own, and those by which no location is read any more.
func (l *location) startedAhead(now time.Time) map[string]checkpoint.Prefix {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := make(map[string]checkpoint.Prefix)
	for prefix, p := range l.prefixes {
		isRead := slices.ContainsFunc(l.cfg.Locations, func(o source.Location) bool { return o.Store == l.Store && o.Prefix == prefix })
		if !isRead && p.Floor.After(now) {
			found[prefix] = p
		}
	}
	if l.prefix.Floor.After(now) {
		found[l.Prefix] = l.prefix
	}
	return found
}

// startAnew takes note that prefixes and streams start anew.
func (l *location) startAnew(n *mended) {
	l.mu.Lock()
	l.prefixes = maps.Clone(l.prefixes) // the other locations of the store have it, too
	for prefix, p := range n.prefixes {
		p.Floor = n.start
		if l.prefixes[prefix] = p; prefix == l.Prefix {
			l.prefix = p
		}
	}
	l.mu.Unlock()
	for _, st := range n.streams {
		st.audit = audit{}
	}
}

// mended: prefixes and streams start at another time than was noted.
type mended struct {
	store    string
	start    time.Time
	prefixes map[string]checkpoint.Prefix // as they were
	streams  []*stream
	done     chan struct{}
}

// covers reports whether keys of a stream lie below a prefix that starts anew.
func (n *mended) covers(st *stream) bool {
	for prefix := range n.prefixes {
		if st.MayHold(prefix) {
			return true
		}
	}
	return false
}

// startedBefore reports whether keys of a stream lie below a prefix that was known when the
// process began, and whose start was not to come.
func (l *location) startedBefore(st *stream, n *mended) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for prefix := range l.prefixes {
		if _, anew := n.prefixes[prefix]; !anew && st.MayHold(prefix) {
			return true
		}
	}
	return false
}

func (n *mended) write(tx *checkpoint.Tx, rows rows) error {
	for _, st := range n.streams {
		row := rows.of(st)
		row.Begin, row.Outside, row.Audited = n.start, time.Time{}, time.Time{}
		if err := tx.Recount(context.Background(), st.id, checkpoint.DayOf(n.start)); err != nil {
			return err
		}
	}
	for prefix, p := range n.prefixes {
		p.Floor = n.start
		if err := tx.PutPrefix(n.store, prefix, p); err != nil {
			return err
		}
	}
	return nil
}

func (n *mended) committed() { close(n.done) }

func (n *mended) weight() int { return len(n.streams) }
