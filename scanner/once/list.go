package once

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// listing lists one location, and queues what is asked for.
type listing struct {
	location   source.Location
	query      *Query
	jobs       chan<- *job
	recogniser *reader.Recogniser
	helpers    *helpers
	merger     *merger     // nil: there is none
	pageSize   int         // keys of a page
	broken     atomic.Bool // the merger cannot list it any more
	sampled    sampled

	mu             sync.Mutex // guards all below until the listing has ended
	found          bool       // a log object lies there, as its key shows
	asked          bool       // something that lies there was asked for
	taken          bool       // an object with a free key for one of a log, or for one that may be
	aside          []*job     // objects with free keys that were not asked for, one of each stream and year
	oldest, newest time.Time
	skipped        map[logkey.SkipReason]SkippedObjects
	passed         []passed
	failed         error // why it was not listed to its end; set once it has ended
}

// ListError is why a location was not listed to its end. What was listed is read.
type ListError struct {
	Location string // its name
	Err      error
}

// Error implements error.
func (e *ListError) Error() string { return e.Location + ": " + e.Err.Error() }

// Unwrap returns the error of its Source.
func (e *ListError) Unwrap() error { return e.Err }

// passed is an object with a free key that was taken for none of a log, by one of its kind
// and day.
type passed struct {
	*job
	why logkey.SkipReason
}

// maxPassed is how many of these are kept until it is known whether logs lie in their
// stream after all. Others stay skipped.
const maxPassed = 20_000

// run queues every log object of a part of the location that is asked for. What it leaves
// to helpers and to the merger, they queue. It returns how many keys it has listed.
func (l *listing) run(ctx context.Context, p part) (listed int, err error) {
	w := newWalk(l, p)
	err = source.Walk(ctx, &w.requests, l.location.Prefix, p.from, func(obj source.Object) (string, bool) {
		if !w.holds(obj.Key) {
			return "", false
		}
		key := readable(obj)
		w.share(ctx, obj.Key, key)
		read, goOn, ok := l.look(ctx, obj, key)
		end := key.Stream.End()
		switch {
		case !ok:
			return "", false
		case l.merger.takes(key) && goOn < end:
			l.merger.leave(l, obj, key, read, goOn, w.to)
			goOn = end
		case read && !l.queue(ctx, obj, key):
			return "", false
		}
		return goOn, w.holds(goOn)
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return w.keys, &ListError{Location: l.location.Name, Err: err}
	}
	return w.keys, nil
}

// look takes note of an object that is listed, and reports whether it is to be read. Where
// goOn is not empty, nothing up to it is. ok is false if ctx has ended meanwhile.
func (l *listing) look(ctx context.Context, obj source.Object, key logkey.Key) (read bool, goOn string, ok bool) {
	l.note(obj.Key, key)
	read, goOn = l.choose(key)
	if !read {
		l.putAside(obj, key)
		if goOn != "" && !l.jumps(ctx, obj, key) {
			goOn = ""
		}
		return false, goOn, ctx.Err() == nil
	}
	if key.Free() && !l.recognise(ctx, obj, key) {
		return false, "", ctx.Err() == nil
	}
	return true, "", true
}

// queue queues an object that is to be read, or returns false because ctx has ended.
func (l *listing) queue(ctx context.Context, obj source.Object, key logkey.Key) bool {
	l.query.Progress.list(obj)
	l.ask()
	return l.send(ctx, &job{Location: l.location, Key: key, Object: obj})
}

// choose is Query.choose, and leaves out what is in a form that is not read, but nothing that
// lies among it: in one folder may be both, of which the one may be turned into the other.
func (l *listing) choose(key logkey.Key) (read bool, goOn string) {
	read, goOn = l.query.choose(key)
	if read && key.Stream.Log() == record.ServerAccess && l.location.Leaves(key.Stream.Form()) {
		return false, ""
	}
	return read, goOn
}

// readable is reader.KeyOf, but that a pass reads what is skipped by whoever needs a time: the
// objects of export tasks.
func readable(obj source.Object) logkey.Key {
	k := reader.KeyOf(obj)
	if k.Skip == logkey.SkipExport {
		k.Skip = ""
	}
	return k
}

// note takes note of what lies there, as far as keys show it.
func (l *listing) note(name string, key logkey.Key) {
	if key.Free() || key.Stream.Layout == logkey.Export {
		return // only reading shows what it is
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if key.Skip == "" {
		l.found = true
		l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
		return
	}
	l.skip(name, key.Skip)
}

// ask takes note that an object is asked for.
func (l *listing) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = true
}

// skip takes note of an object that is skipped. l.mu is held.
func (l *listing) skip(name string, why logkey.SkipReason) {
	if l.skipped == nil {
		l.skipped = make(map[logkey.SkipReason]SkippedObjects)
	}
	noteSkipped(l.skipped, why, l.location.Name, name)
}

// recognise reports whether an object with a free key may be a log object, and takes note
// of it as of one that is skipped if not. Whether it is a log object, its reading will
// show, also whether one that cannot be looked at can be read.
func (l *listing) recognise(ctx context.Context, obj source.Object, key logkey.Key) bool {
	why, err := l.recogniser.Look(ctx, l.location.Source, obj, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = l.taken || err != nil || why == ""
	switch {
	case err != nil:
		return true
	case why != "" && len(l.passed) < maxPassed:
		l.passed = append(l.passed, passed{&job{Location: l.location, Key: key, Object: obj}, why})
		return false
	case why != "":
		l.skip(obj.Key, why)
		return false
	}
	l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
	return true
}

// lookBack queues the objects that were taken for none of a log, if others of their
// stream turned out to be some. It is called when the listing has ended.
func (l *listing) lookBack(ctx context.Context) {
	for _, p := range l.passed {
		if !l.recogniser.Knows(p.Key.Stream) {
			l.skip(p.Object.Key, p.why)
			continue
		}
		l.query.Progress.list(p.Object)
		if !l.send(ctx, p.job) {
			return
		}
	}
	l.passed = nil
}

// send queues a job, or returns false because ctx has ended.
func (l *listing) send(ctx context.Context, j *job) bool {
	select {
	case l.jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}
