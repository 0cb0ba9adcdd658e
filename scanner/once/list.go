package once

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// listing lists one location, and queues what is asked for.
type listing struct {
	location source.Location
	query    *Query
	jobs     chan<- *job
	helpers  *helpers
	pageSize int // keys of a page

	mu             sync.Mutex // guards all below until the listing has ended
	found          bool       // a log object lies there
	oldest, newest time.Time
	skipped        map[logkey.SkipReason]SkippedObjects
}

// run queues every log object of a part of the location that is asked for. What it leaves
// to helpers, they queue. It returns how many keys it has listed.
func (l *listing) run(ctx context.Context, p part) (listed int, err error) {
	w := newWalk(l, p)
	err = source.Walk(ctx, &w.requests, l.location.Prefix, p.from, func(obj source.Object) (string, bool) {
		if !w.holds(obj.Key) {
			return "", false
		}
		key := logkey.Parse(obj.Key)
		l.note(obj.Key, key)
		w.share(ctx, obj.Key, key)
		read, goOn := l.query.choose(key)
		if !read {
			return goOn, w.holds(goOn)
		}
		l.query.Progress.list(obj)
		return "", l.send(ctx, &job{Location: l.location, Key: key, Object: obj})
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return w.keys, fmt.Errorf("%s: %w", l.location.Name, err)
	}
	return w.keys, nil
}

// note takes note of what lies there.
func (l *listing) note(name string, key logkey.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key.Skip == "" {
		l.found = true
		l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
		return
	}
	s, known := l.skipped[key.Skip]
	if l.skipped == nil {
		l.skipped = make(map[logkey.SkipReason]SkippedObjects)
	}
	if !known || name < s.Example.Key {
		s.Example = Example{Location: l.location.Name, Key: name}
	}
	s.Objects++
	l.skipped[key.Skip] = s
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
