package scanner

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const day = 24 * time.Hour

// window is the part of a stream that one listing is to look at.
type window struct {
	// from is where the listing begins.
	from time.Time
	// lower: objects from here on that were not seen are new. What was seen from
	// here on is remembered.
	lower time.Time
	// modified tells new objects before lower from those that were seen and
	// forgotten: they came after this time.
	modified time.Time
	sweep    bool
}

// window chooses what the next listing of a stream looks at.
func (l *location) window(st *stream, state checkpoint.LocationState, now time.Time, audit bool) window {
	w := window{lower: state.Floor, modified: state.LastAudit.Add(-auditMargin)}
	w.sweep = audit || now.Sub(st.lastSweep) >= l.cfg.SweepInterval
	if mark, known := st.mark(now); known {
		back := l.cfg.Overlap
		if w.sweep {
			back = l.cfg.SweepWindow
		}
		w.lower = latest(w.lower, mark.Add(-back))
	}
	if st.day() {
		w.lower = w.lower.UTC().Truncate(day)
	}
	w.from = w.lower
	if audit {
		if begin := now.Add(-l.cfg.AuditWindow); begin.Before(w.from) {
			w.from = begin.Truncate(day)
		}
	}
	return w
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// poll lists a stream within a window and queues the objects that are new.
func (l *location) poll(ctx context.Context, jobs chan<- *job, st *stream, now time.Time, w window) error {
	moved, end := false, st.End()
	pauses := st.pausesFrom(w.lower)
	var failed error
	err := source.Walk(ctx, l.Source, l.within(st), st.After(w.from), func(obj source.Object) (string, bool) {
		if obj.Key >= end {
			return "", false
		}
		key := logkey.Parse(obj.Key)
		if key.Skip != "" {
			return "", true // discovery counts it
		}
		if key.Stream != st.Stream {
			return key.Stream.Beyond(key.Time), true
		}
		if !key.Time.After(now) {
			pauses.see(key.Time)
		}
		isNew, err := l.isNew(st, obj, key, w)
		if err != nil {
			failed = err
			return "", false
		}
		late := st.see(obj, key)
		if !isNew {
			return "", true
		}
		moved = true
		return "", l.enqueue(ctx, jobs, &job{Key: key, Object: obj, State: tailed{stream: st, late: late}})
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	if w.sweep {
		st.lastSweep = now
	}
	st.paced(pauses, w.sweep)
	l.plan(st, now, moved)
	return nil
}

// within returns the prefix of the stream's keys that belong to the location:
// the location's may reach into the date.
func (l *location) within(st *stream) string {
	if len(l.Prefix) > len(st.Prefix) {
		return l.Prefix
	}
	return st.Prefix
}

// isNew reports whether a listed object is to be read.
func (l *location) isNew(st *stream, obj source.Object, key logkey.Key, w window) (bool, error) {
	if key.Time.Before(w.lower) && !obj.LastModified.After(w.modified) {
		return false, nil
	}
	if st.resolved(obj.Key) {
		return false, nil
	}
	seen := false
	err := l.cfg.Checkpoint.View(func(tx *checkpoint.Tx) error {
		seen = tx.Stream(l.Name, st.ID()).Seen(checkpoint.NewObjectID(obj.Key, key.Time))
		return nil
	})
	return !seen, err
}

// plan says when a stream is listed next: in every round while it moves, ever
// less often while it is idle.
func (l *location) plan(st *stream, now time.Time, moved bool) {
	st.wait = min(2*st.wait, l.cfg.SweepInterval/4)
	if moved || st.wait < l.cfg.Interval {
		st.wait = l.cfg.Interval
	}
	st.planPoll(now.Add(st.wait))
}
