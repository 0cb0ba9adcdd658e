package scanner

import (
	"context"
	"strconv"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const day = 24 * time.Hour

// scope is the part of a stream that one listing looks at.
type scope struct {
	from  time.Time // where the listing begins
	lower time.Time // where it would begin if it were no audit
	sweep bool
	audit bool
}

// scope chooses what the next listing of a stream looks at. start is the time of the
// process, now that of the wall.
func (l *location) scope(st *stream, start, now time.Time, audit bool) scope {
	sc := scope{lower: st.state().Begin, audit: audit}
	sc.sweep = audit || start.Sub(st.lastSweep) >= l.cfg.SweepInterval
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
	if begin := l.auditFrom(st, now); audit && begin.Before(sc.from) {
		sc.from = begin
	}
	return sc
}

// auditFrom returns where an audit of a stream begins: AuditWindow before the last complete one,
// after which anything late may have come that nothing has found since, but not before the
// stream's own beginning; or AuditWindow before now, if that is earlier.
func (l *location) auditFrom(st *stream, now time.Time) time.Time {
	begin := l.auditBegin(now)
	if st.audit.last.IsZero() {
		return begin
	}
	return earliest(begin, latest(l.auditBegin(st.audit.last), st.state().Begin.UTC().Truncate(day)))
}

// auditBegin returns where an audit begins.
func (l *location) auditBegin(now time.Time) time.Time {
	return now.UTC().Add(-l.cfg.AuditWindow).Truncate(day)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// poll lists a stream and queues the objects that are new.
func (l *location) poll(ctx context.Context, st *stream, start, now time.Time, audit bool) error {
	forgets := st.forgotten()
	ls := &listing{location: l, stream: st, scope: l.scope(st, start, now, audit), now: now}
	defer st.unwatch()
	err := ls.run(ctx)
	if ls.resized > 0 {
		l.cfg.Logger.Warn("objects have other sizes than when they were seen first; what was counted stays counted",
			"location", l.Name, "key", ls.resizedKey, "objects", ls.resized)
	}
	if err != nil {
		return err
	}
	st.arrivals.learn(start, now, ls.came, tick(l.cfg.Interval))
	l.cfg.Logger.Debug("stream was listed", "location", l.Name, "stream", st.Prefix, "from", ls.scope.from, "audit", audit,
		"objects", ls.objects, "new", ls.queued, "passed_over", ls.passed)
	if ls.scope.sweep && !ls.left {
		st.lastSweep = start
	}
	if audit && !ls.partial && !ls.left && !l.strangers.first { // which overlooks strangers as long as no search was complete
		st.audit.listed(now, ls.scope.from, l.rounds, forgets)
	}
	st.paced(ls.pauses, ls.scope.sweep)
	l.plan(st, start, ls.queued > 0)
	return nil
}

// listing is one listing of a stream.
type listing struct {
	location *location
	stream   *stream
	scope    scope
	now      time.Time // of the wall
	pauses   pauses
	came     came // the objects that are new; in the first listing all

	loaded bool
	day    checkpoint.Day  // of which the rest is:
	seen   checkpoint.Seen // marks
	begin  time.Time       // objects from here on that have no mark are new
	over   []checkpoint.Mark

	objects, queued, passed int
	resized                 int    // objects that have another size than when they were seen
	resizedKey              string // of the first of them
	left                    bool   // there was no time to look at an object that may be of another stream
	partial                 bool   // an object from before the stream's beginning was left out
}

func (ls *listing) run(ctx context.Context) error {
	l, st := ls.location, ls.stream
	ls.pauses = st.pausesFrom(ls.scope.lower)
	ctx = source.WithLeftOut(ctx, ls.leftOut)
	var failed error
	err := source.Walk(ctx, l.Source, l.within(st.Stream), st.after(ls.scope.from), func(obj source.Object) (goOn string, more bool) {
		goOn, more, failed = ls.visit(ctx, obj)
		return goOn, more && failed == nil
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = ls.passOver(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// leftOut takes note of an object that the listing leaves out for now. If an audit would
// have passed over it, there has to be another one: that which comes upon it once
// everything without a mark is new would count it, and it may have been counted.
func (ls *listing) leftOut(object string) {
	key := logkey.Parse(object)
	if key.Skip == "" && key.Stream == ls.stream.Stream && key.Time.Before(ls.stream.state().Begin) {
		ls.partial = true
	}
}

// visit looks at a listed object.
func (ls *listing) visit(ctx context.Context, obj source.Object) (goOn string, more bool, err error) {
	st := ls.stream
	if obj.Key >= st.End() {
		return "", false, nil
	}
	key := reader.KeyOf(obj)
	if key.Skip != "" || key.Stream != st.Stream {
		if ls.location.strangers.take(ctx, st, obj, key) {
			ls.left = true
		}
		if key.Skip == "" && !st.MayHold(key.Stream.Prefix) { // none of the stream's own is behind it
			goOn = key.Beyond()
		}
		return goOn, true, nil
	}
	ls.objects++
	if !key.Time.After(ls.now) {
		ls.pauses.see(key.Time)
	}
	isNew, err := ls.look(ctx, obj, key)
	if err != nil {
		return "", false, err
	}
	late := st.see(obj, key, ls.now)
	if isNew || st.arrivals.looked.IsZero() {
		ls.came.see(obj)
	}
	if !isNew {
		return "", true, nil
	}
	ls.queued++
	return "", ls.location.enqueue(ctx, &job{Key: key, Object: obj, State: tailed{stream: st, late: late}}), nil
}

// look reports whether a listed object is to be read, and takes note of what else it
// shows.
func (ls *listing) look(ctx context.Context, obj source.Object, key logkey.Key) (isNew bool, err error) {
	if d := checkpoint.DayOf(key.Time); !ls.loaded || d != ls.day {
		if err := ls.load(ctx, d); err != nil {
			return false, err
		}
	}
	if known, changed := ls.stream.knows(obj); known {
		return changed, nil
	}
	mark := markOf(obj)
	sight, kind := ls.seen.Find(mark)
	empty := checkpoint.Unseen
	if sight == checkpoint.Unseen {
		empty, _ = ls.seen.Find(emptyMarkOf(obj))
	}
	switch {
	case sight == checkpoint.Unchanged, empty == checkpoint.Unchanged:
	case empty != checkpoint.Unseen:
		return true, nil
	case sight != checkpoint.Unseen:
		return false, ls.renew(ctx, obj, kind, mark, sight)
	case !key.Time.Before(ls.beginOf(key)):
		return true, nil
	case ls.scope.audit:
		ls.over = append(ls.over, mark)
		ls.passed++
		if len(ls.over) >= maxBatch {
			return false, ls.passOver(ctx)
		}
	}
	return false, nil
}

// load reads the marks of a day. From now on the stream takes note of what leaves the
// queue: what does so before the marks are read is among them.
func (ls *listing) load(ctx context.Context, d checkpoint.Day) error {
	if err := ls.passOver(ctx); err != nil {
		return err
	}
	ls.stream.watch()
	ls.loaded, ls.day = true, d
	return ls.location.cfg.Checkpoint.View(func(tx *checkpoint.Tx) (err error) {
		// Both in one view: when marks are forgotten, the beginning moves with them.
		kept, known, err := tx.Stream(ls.stream.id)
		if err != nil {
			return err
		}
		if ls.begin = kept.Begin; !known {
			ls.begin = ls.stream.state().Begin
		}
		ls.seen, err = tx.Seen(ls.stream.id, d)
		return err
	})
}

// beginOf returns the time from which on objects with such a key are new.
func (ls *listing) beginOf(key logkey.Key) time.Time {
	switch {
	case key.Grain > 0:
		return ls.begin.UTC().Truncate(key.Grain)
	case key.ByEvent || key.Stream.Unordered():
		return ls.begin.UTC().Truncate(day)
	}
	return ls.begin
}

// passOver has the objects marked that were there before.
func (ls *listing) passOver(ctx context.Context) error {
	if len(ls.over) == 0 {
		return nil
	}
	n := &passedOver{stream: ls.stream, day: ls.day, marks: ls.over}
	ls.over = nil
	return ls.location.send(ctx, n)
}

// renew has the mark of an object renewed that has changed.
func (ls *listing) renew(ctx context.Context, obj source.Object, kind checkpoint.MarkKind, mark checkpoint.Mark, sight checkpoint.Sight) error {
	if !ls.stream.renew(obj.Key) {
		return nil
	}
	n := &renewed{home: ls.location, stream: ls.stream, key: obj.Key, day: ls.day, kind: kind, mark: mark, change: changeContent}
	if sight == checkpoint.OtherSize {
		n.change = changeSize
		if ls.resized++; ls.resized == 1 {
			ls.resizedKey = obj.Key
		}
	}
	return ls.location.send(ctx, n)
}

// markOf returns the mark of an object.
func markOf(obj source.Object) checkpoint.Mark {
	return checkpoint.NewMark(obj.Key, obj.Size, contentOf(obj))
}

// emptyMarkOf returns the mark of an object in which there was nothing to count. It is that
// of another name, which no object has: once the object has changed, it is to be read.
func emptyMarkOf(obj source.Object) checkpoint.Mark {
	return checkpoint.NewMark(obj.Key+"\x00empty", obj.Size, contentOf(obj))
}

// contentOf names the content of an object.
func contentOf(obj source.Object) string {
	if obj.ETag != "" {
		return obj.ETag
	}
	return strconv.FormatInt(obj.LastModified.UnixNano(), 10)
}

// knows reports whether an object is queued or has failed, so that nothing is to be done
// about it for now, or has been committed since watch. If it has failed and is another
// one now, it is to be read at once.
func (s *stream) knows(obj source.Object) (known, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, queued := s.inflight[obj.Key]; queued || s.resolved[obj.Key] {
		return true, false
	}
	f, failed := s.failures[obj.Key]
	return failed, failed && differs(f, obj)
}

// within returns the prefix of the stream's keys that belong to the location:
// the location's may reach into the date.
func (l *location) within(s logkey.Stream) string {
	if len(l.Prefix) > len(s.Prefix) {
		return l.Prefix
	}
	return s.Prefix
}

// plan notes when a stream is listed next: when its next object is expected to have
// come. As long as nothing is known of that, and when none comes for longer than ever, it
// is after an Interval if something was new, and else ever later. What comes of a sudden
// waits no longer than a quarter of SweepInterval.
func (l *location) plan(st *stream, start time.Time, moved bool) {
	longest := max(l.cfg.Interval, l.cfg.SweepInterval/4)
	st.wait = min(2*st.wait, longest)
	next, expected := st.arrivals.next(start, l.cfg.Interval)
	if moved || expected || st.wait < l.cfg.Interval {
		st.wait = l.cfg.Interval
	}
	if !expected {
		next = start.Add(st.wait)
	}
	st.planPoll(earliest(next, start.Add(longest)))
}
