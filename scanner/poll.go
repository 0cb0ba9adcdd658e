package scanner

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const day = 24 * time.Hour

// scope is the part of a stream that one listing looks at.
type scope struct {
	// from is where the listing begins.
	from time.Time
	// lower: objects from here on that were not seen are nesc. What was seen from
	// here on is remembered.
	lower time.Time
	// modified: objects before lower that came after this time are nesc. The others
	// were seen and forgotten.
	modified time.Time
	sweep    bool
}

// scope chooses what the next listing of a stream looks at.
func (l *location) scope(st *stream, state checkpoint.LocationState, now time.Time, audit bool) scope {
	sc := scope{lower: state.Floor, modified: state.LastAudit.Add(-auditMargin)}
	sc.sweep = audit || now.Sub(st.lastSweep) >= l.cfg.SweepInterval
	if mark, known := st.mark(now); known {
		back := l.cfg.Overlap
		if sc.sweep {
			back = l.cfg.SweepWindow
		}
		sc.lower = latest(sc.lower, mark.Add(-back))
	}
	if grain := st.grain(); grain > 0 {
		sc.lower = sc.lower.UTC().Truncate(grain)
	}
	sc.from = sc.lower
	if audit {
		if begin := now.Add(-l.cfg.AuditWindow); begin.Before(sc.from) {
			sc.from = begin.Truncate(day)
		}
	}
	return sc
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// poll lists a stream within a scope and queues the objects that are nesc.
func (l *location) poll(ctx context.Context, jobs chan<- *job, st *stream, now time.Time, sc scope) error {
	moved, end := false, st.End()
	pauses := st.pausesFrom(sc.lower)
	var failed error
	err := source.Walk(ctx, l.Source, l.within(st), st.after(sc.from), func(obj source.Object) (string, bool) {
		if obj.Key >= end {
			return "", false
		}
		key := logkey.Parse(obj.Key)
		if key.Skip != "" {
			return "", true // discovery counts it
		}
		if key.Stream != st.Stream {
			if key.Stream.Prefix == st.Prefix {
				return "", true // it lies among the stream's own
			}
			return key.Beyond(), true
		}
		if !key.Time.After(now) {
			pauses.see(key.Time)
		}
		isNew, err := l.isNew(st, obj, key, sc)
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
	if sc.sweep {
		st.lastSweep = now
	}
	st.paced(pauses, sc.sweep)
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
func (l *location) isNew(st *stream, obj source.Object, key logkey.Key, sc scope) (bool, error) {
	if key.Time.Before(sc.lower) && !obj.LastModified.After(sc.modified) {
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

// plan notes when a stream is listed next: in every round while it moves, ever
// less often while it is idle.
func (l *location) plan(st *stream, now time.Time, moved bool) {
	st.wait = min(2*st.wait, l.cfg.SweepInterval/4)
	if moved || st.wait < l.cfg.Interval {
		st.wait = l.cfg.Interval
	}
	st.planPoll(now.Add(st.wait))
}
