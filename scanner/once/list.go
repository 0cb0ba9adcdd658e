package once

import (
	"context"
	"fmt"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// listing lists one location, and queues what is asked for. It belongs to one
// goroutine until that ends.
type listing struct {
	location source.Location
	query    *Query
	jobs     chan<- *job

	found          bool // a log object lies there
	oldest, newest time.Time
	skipped        map[logkey.SkipReason]SkippedObjects
}

// run queues every log object of the location that is asked for.
func (l *listing) run(ctx context.Context) error {
	err := source.Walk(ctx, l.location.Source, l.location.Prefix, "", func(obj source.Object) (string, bool) {
		key := logkey.Parse(obj.Key)
		l.note(obj.Key, key)
		read, goOn := l.query.choose(key)
		if !read {
			return goOn, true
		}
		l.query.Progress.list(obj)
		return "", l.send(ctx, &job{Location: l.location, Key: key, Object: obj})
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l.location.Name, err)
	}
	return nil
}

// note takes note of what lies there.
func (l *listing) note(name string, key logkey.Key) {
	if key.Skip == "" {
		l.found = true
		l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
		return
	}
	s, known := l.skipped[key.Skip]
	if !known {
		if l.skipped == nil {
			l.skipped = make(map[logkey.SkipReason]SkippedObjects)
		}
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
