package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Streams with free keys: what lies there, only its content shows. As long as no log was
// recognised in such a stream, it is none, and the searches for streams look at some objects
// of each kind and day. Then it is tailed like any other one, and each of its objects is
// read; those that are none of a log are found by that, and skipped.
//
// What was looked at is remembered in memory alone. But a stream that is one is kept in the
// checkpoint.

// knows reports whether a stream is tailed.
func (l *location) knows(s logkey.Stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams[s.ID()] != nil
}

// A search waits for polls, and polls for it. So of the objects that cannot be read now, but
// may be soon, it looks at no more than vainLooks, and at each for no longer than longestLook.
const (
	vainLooks   = 5
	longestLook = 10 * time.Second
)

// recognise returns why an object with a free key is no log object, or nothing if it is
// one. Objects from before the floor are not looked at. Those that may be read later, a later
// search looks at, but not before all others had their turn; those for which there is no time,
// the next pass.
func (f *finder) recognise(ctx context.Context, obj source.Object, key logkey.Key, floor time.Time) (why logkey.SkipReason, later bool) {
	if obj.Key < key.Stream.After(floor) {
		f.putAside(obj, key)
		return logkey.SkipUnknown, false // it is passed over
	}
	if before := f.unlooked[obj.Key]; before != nil || f.vain >= vainLooks {
		f.quest.blind[key.Stream], f.quest.unseen = true, cmp.Or(f.quest.unseen, before)
		return logkey.SkipUnreadable, true
	}
	if why, known := f.recogniser.Known(obj, key); known {
		return why, false
	}
	if !f.mayLook() {
		return "", true
	}
	look, end := context.WithTimeout(ctx, longestLook)
	defer end()
	defer func(began time.Time) { f.spent += time.Since(began) }(time.Now())
	why, err := f.recogniser.Look(look, f.Source, obj, key)
	switch {
	case err == nil || ctx.Err() != nil:
		return why, false
	case passes(err):
		f.vain++
		f.unlooked[obj.Key] = fmt.Errorf("whether %q is a log object is not known: %w", obj.Key, err)
		f.quest.unseen = cmp.Or(f.quest.unseen, f.unlooked[obj.Key])
		later = true
	case !f.skips.noted(why):
		f.warnUnlooked(obj.Key, err)
	}
	f.quest.blind[key.Stream] = true
	return why, later
}

func (f *finder) warnUnlooked(name string, err error) {
	f.cfg.Logger.Warn("object could not be looked at, so that it is not known whether it is a log object", "location", f.Name, "key", name, "err", err)
}

// passes reports whether an object that could not be looked at may be read soon. If its
// store refuses it, or has no such object any more, nothing but somebody's doing changes
// that.
func passes(err error) bool {
	var failure *source.Error
	if !errors.As(err, &failure) {
		return true
	}
	switch failure.Reason {
	case source.ReasonAccessDenied, source.ReasonArchived, source.ReasonGone, source.ReasonChanged, source.ReasonRedirect:
		return false
	}
	return true
}

// freeAgain is how far back from the last one searches look at the keys of a stream with free
// keys that is known: other streams may lie in the same folders.
const freeAgain = 48 * time.Hour

// passFree returns where a search goes on behind a key of a stream that is known: no further
// than what has come since the last search, or, in the first one, than it looks back.
func passFree(key logkey.Key, own checkpoint.Prefix, now time.Time) (goOn string) {
	back := own.LookedBack()
	if !own.Searched.IsZero() {
		back = earliest(now, own.Searched).Add(-freeAgain)
	}
	return min(key.Stream.After(back), key.Beyond())
}

// note counts a skipped object. The first of what may hold requests is logged.
func (s *skips) note(name string, why logkey.SkipReason) {
	s.metrics.skippedObjects.WithLabelValues(string(why)).Inc()
	s.logger.Debug("object is skipped", "key", name, "reason", why)
	s.mu.Lock()
	defer s.mu.Unlock()
	status, known := s.found[why]
	if !known {
		status = SkippedStatus{Reason: why, Example: name}
		if why.MayHoldRequests() {
			s.logger.Warn("objects are skipped that may hold requests", "reason", why, "key", name)
		}
	}
	status.Objects++
	s.found[why] = status
}

// noted reports whether an object was skipped for the reason.
func (s *skips) noted(why logkey.SkipReason) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found[why].Objects > 0
}

// status returns what was skipped, in the order of the reasons.
func (s *skips) status() []SkippedStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []SkippedStatus{}
	for _, status := range s.found {
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b SkippedStatus) int { return strings.Compare(string(a.Reason), string(b.Reason)) })
	return all
}
