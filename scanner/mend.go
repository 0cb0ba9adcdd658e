package scanner

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// mend makes the location start now if its start, or that of some of its streams, is
// still to come: it was noted by a clock that was ahead, and nothing would count until
// then. If the log itself is ahead of the clock, it is the clock that is wrong now. It does
// so too if the clock jumps before the first search is complete: all that came before the
// start would count, if that was noted by a clock that was behind. mend returns when the
// change is durable, or ctx has ended.
func (l *location) mend(ctx context.Context, now time.Time) error {
	own, start := l.own(), l.cfg.floor(now)
	n := &mended{home: l, prefix: own, start: start, done: make(chan struct{})}
	jumped := l.clock.jumped() != 0 && l.new && own.Searched.IsZero() && !own.Floor.IsZero()
	if jumped || own.Floor.After(now) {
		n.prefix.Floor = start
	}
	for _, st := range l.all() {
		kept := st.state()
		if logkey.Parse(kept.Watermark).Time.After(now.Add(ahead)) {
			return nil
		}
		if kept.Begin.After(now) || own.Floor.After(now) && kept.Begin.After(start) || jumped && kept.Begin.Equal(own.Floor) {
			n.streams = append(n.streams, st)
		}
	}
	if n.prefix.Floor.Equal(own.Floor) && len(n.streams) == 0 {
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
	l.mu.Lock()
	l.prefix = n.prefix
	l.mu.Unlock()
	for _, st := range n.streams {
		st.audit = audit{}
	}
	return nil
}

// mended: streams begin earlier than it was noted.
type mended struct {
	home    *location
	prefix  checkpoint.Prefix
	start   time.Time
	streams []*stream
	done    chan struct{}
}

func (n *mended) write(tx *checkpoint.Tx, rows rows) error {
	for _, st := range n.streams {
		row := rows.of(st)
		row.Begin, row.Outside, row.Audited = n.start, time.Time{}, time.Time{}
		if err := tx.Recount(context.Background(), st.id, checkpoint.DayOf(n.start)); err != nil {
			return err
		}
	}
	return tx.PutPrefix(n.home.Store, n.home.Prefix, n.prefix)
}

func (n *mended) committed() { close(n.done) }

func (n *mended) weight() int { return len(n.streams) }
