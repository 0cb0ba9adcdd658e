package once

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Objects with free keys that are not asked for are put aside. If nothing else shows that
// logs lie in a location, some of them are looked at, for nothing matches and nothing was there
// shall not look alike.
//
// Whatever else lies in the folders of their stream is passed over only where logs lie in
// it: the date in the key of any other object shows nothing of what lies below.

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
		switch l.found = err != nil || why == ""; {
		case err != nil:
		case why != "":
			l.skip(a.Object.Key, why)
		default:
			at := logkey.Parse(log.Key).Time
			l.oldest, l.newest = earliest(l.oldest, at), latest(l.newest, at)
		}
	}
}

// sampled is what was found in streams with free keys of which objects were not asked for.
type sampled struct {
	logs  map[logkey.Stream]bool // whether there are any
	none  int                    // streams without
	spent time.Duration          // on looking
}

// passes reports whether a listing may pass over what lies behind an object that is not asked
// for by the time in its key: not where it may be of a log that is not read, as its name
// shows. If the time is all that its key shows, some of its stream are looked at once, while
// the rest of the listing waits; what they are shows nothing of those that are asked for.
func (l *listing) passes(ctx context.Context, obj source.Object, key logkey.Key) bool {
	if !key.Free() {
		return !key.Skip.MayHoldRequests()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sampled
	logs, known := s.logs[key.Stream]
	if known || s.none >= maxAside || s.spent >= longestLook {
		return logs
	}
	start := time.Now()
	look, end := context.WithTimeout(ctx, longestLook-s.spent)
	defer end()
	_, why, err := reader.NewRecogniser().Sample(look, l.location, obj, key)
	s.spent += time.Since(start)
	if s.logs == nil {
		s.logs = make(map[logkey.Stream]bool)
	}
	if logs = why == "" && err == nil; !logs {
		s.none++
	}
	s.logs[key.Stream] = logs
	return logs
}
