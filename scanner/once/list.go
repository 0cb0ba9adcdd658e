package once

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// listing lists one location, and queues what is asked for. It belongs to one
// goroutine until that ends.
type listing struct {
	location source.Location
	query    *Query
	jobs     chan<- *job
	logger   *slog.Logger

	recogniser     *reader.Recogniser // nil before the first free key
	unreadable     bool               // it was logged that an object could not be looked at
	aside          *job               // an object with a free key that was not asked for; nil: there is none
	found          bool               // a log object lies there, as its key shows
	oldest, newest time.Time
	skipped        map[logkey.SkipReason]SkippedObjects
}

// run queues every log object of the location that is asked for.
func (l *listing) run(ctx context.Context) error {
	err := source.Walk(ctx, l.location.Source, l.location.Prefix, "", func(obj source.Object) (string, bool) {
		key := readable(logkey.Parse(obj.Key))
		if !key.Free() && key.Stream.Layout != logkey.Export { // of which only reading shows what they are
			l.note(obj.Key, key)
		}
		read, goOn := l.query.choose(key)
		if !read {
			if key.Free() && l.aside == nil {
				l.aside = &job{Location: l.location, Key: key, Object: obj}
			}
			return goOn, true
		}
		if key.Free() && !l.recognise(ctx, obj, key) {
			return "", ctx.Err() == nil
		}
		l.query.Progress.list(obj)
		return "", l.send(ctx, &job{Location: l.location, Key: key, Object: obj})
	})
	if err == nil && !l.found && l.aside != nil && l.recogniser == nil {
		// Nothing matches and nothing was there shall not look alike.
		l.found = l.recognise(ctx, l.aside.Object, l.aside.Key)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l.location.Name, err)
	}
	return nil
}

// readable returns the key of what a pass reads although it is skipped by whoever needs a
// time: the objects of export tasks.
func readable(k logkey.Key) logkey.Key {
	if k.Skip == logkey.SkipExport {
		k.Skip = ""
	}
	return k
}

// note takes note of what lies there.
func (l *listing) note(name string, key logkey.Key) {
	if key.Skip == "" {
		l.found = true
		if !key.Time.IsZero() {
			l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
		}
		return
	}
	l.skip(name, key.Skip)
}

// recognise reports whether an object with a free key may be a log object, and takes note
// of it as of one that is skipped if not. Whether it is a log object, its reading will
// show.
func (l *listing) recognise(ctx context.Context, obj source.Object, key logkey.Key) bool {
	if l.recogniser == nil {
		l.recogniser = reader.NewRecogniser()
	}
	why, err := l.recogniser.Look(ctx, l.location.Source, obj, key)
	if err != nil && ctx.Err() == nil && !l.unreadable {
		l.unreadable = true
		l.logger.Warn("object could not be looked at, so that it is not known whether it is a log object", "location", l.location.Name, "key", obj.Key, "err", err)
	}
	if why != "" {
		l.skip(obj.Key, why)
		return false
	}
	l.oldest, l.newest = earliest(l.oldest, key.Time), latest(l.newest, key.Time)
	return true
}

// skip takes note of an object that is skipped.
func (l *listing) skip(name string, why logkey.SkipReason) {
	if l.skipped == nil {
		l.skipped = make(map[logkey.SkipReason]SkippedObjects)
	}
	noteSkipped(l.skipped, why, l.location.Name, name)
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
