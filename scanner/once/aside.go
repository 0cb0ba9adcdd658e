package once

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Objects with free keys that are not asked for are put aside. If nothing else shows that
// logs lie in a location, some of them are looked at, for nothing matches and nothing was there
// shall not look alike.

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
