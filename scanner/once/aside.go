package once

import (
	"context"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Objects with free keys that are not asked for are put aside. If nothing else shows that
// logs lie in a location, some of them are looked at, for nothing matches and nothing was there
// shall not look alike.
//
// What lies behind one in the folders of its stream is passed over only where logs lie in
// the stream: the date in the key of any other object shows nothing of what lies below.

// maxAside is how many streams, and years of them, are looked at, and longestLook for how long,
// in all.
const (
	maxAside    = 16
	longestLook = 10 * time.Second
)

// putAside keeps an object with a free key that was not asked for.
func (l *listing) putAside(obj source.Object, key logkey.Key) {
	if !key.Free() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.aside {
		if a.Key.Stream == key.Stream && a.Key.Time.Year() == key.Time.Year() {
			return
		}
	}
	if len(l.aside) < maxAside {
		l.aside = append(l.aside, &job{Location: l.location, Key: key, Object: obj})
	}
}

// lookAside looks at what was put aside until it finds a log object, or one that cannot be
// looked at, which may be one. It is called when the listing has ended.
func (l *listing) lookAside(ctx context.Context) {
	ctx, end := context.WithTimeout(ctx, longestLook)
	defer end()
	for _, a := range l.aside {
		if l.found || l.taken {
			return
		}
		log, why, err := l.recogniser.Sample(ctx, l.location, a.Object, a.Key)
		switch {
		case err != nil: // nobody knows
			l.found = true
		case why != "":
			l.skip(a.Object.Key, why)
		default:
			l.found = true
			at := logkey.Parse(log.Key).Time
			l.oldest, l.newest = earliest(l.oldest, at), latest(l.newest, at)
		}
	}
}

// sampled is what was found in streams with free keys of which objects were not asked for.
type sampled struct {
	mu    sync.Mutex             // guards all below; held while objects are looked at
	logs  map[logkey.Stream]bool // whether there are any
	none  int                    // streams without
	spent time.Duration          // on looking
}

// maxOthers is how many streams without logs are looked at while a location is listed, for
// longestLook in all. If there are more, nothing is passed over in them.
const maxOthers = 100

// jumps reports whether a listing may pass over what lies behind an object that is not asked
// for by the time in its key: not where it may be of a log that is not read, as its name
// shows. If the time is all that its key shows, some objects of its stream are looked at,
// once; what they are shows nothing of those that are asked for.
func (l *listing) jumps(ctx context.Context, obj source.Object, key logkey.Key) bool {
	if !key.Free() {
		return !key.Skip.MayHoldRequests()
	}
	s := &l.sampled
	s.mu.Lock()
	defer s.mu.Unlock()
	logs, known := s.logs[key.Stream]
	if known || s.none >= maxOthers || s.spent >= longestLook {
		return logs
	}
	start := time.Now()
	look, end := context.WithTimeout(ctx, longestLook-s.spent)
	defer end()
	if logs = l.hasLogs(look, key.Stream, obj); !logs {
		s.none++
	}
	if s.spent += time.Since(start); s.logs == nil {
		s.logs = make(map[logkey.Stream]bool)
	}
	s.logs[key.Stream] = logs
	return logs
}

// hasLogs looks at objects of a stream with free keys until one is of a log: first at those
// that are asked for, as older ones may be archived, and then at those from obj on.
func (l *listing) hasLogs(ctx context.Context, s logkey.Stream, obj source.Object) bool {
	old, listed, from := obj, 0, max(obj.Key, s.After(l.query.Since))
	_ = source.Walk(ctx, l.location.Source, max(l.location.Prefix, s.Prefix), from, func(next source.Object) (string, bool) {
		if key := reader.KeyOf(next); key.Free() && key.Stream == s {
			obj = next
			return "", false
		}
		listed++
		return "", listed < source.PageSize && next.Key < s.End()
	}) // what fails here, fails again
	recogniser := reader.NewRecogniser()
	_, why, err := recogniser.Sample(ctx, l.location, obj, logkey.Parse(obj.Key))
	if (why != "" || err != nil) && obj.Key != old.Key {
		_, why, err = recogniser.Sample(ctx, l.location, old, logkey.Parse(old.Key))
	}
	return why == "" && err == nil
}
