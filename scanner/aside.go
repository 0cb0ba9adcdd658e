package scanner

import (
	"context"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// The first search looks at objects with free keys as far back as audits look: what is older
// never counts. That it is there shows nevertheless, for nothing there and nothing young enough
// shall not look alike. Of streams that are not known when that search ends, some old objects
// are looked at, and if one is of a log, they are among those that lie before the start.
// Nothing else becomes of them: the stream begins when something comes.

// maxAside is how many streams are looked at for that.
const maxAside = 16

// aside is the first object with a free key in its stream that is too old to be looked at.
type aside struct {
	object source.Object
	key    logkey.Key
}

// putAside keeps an object that is too old to be looked at.
func (f *finder) putAside(obj source.Object, key logkey.Key) {
	if f.first && len(f.quest.aside) < maxAside && !slices.ContainsFunc(f.quest.aside, func(a aside) bool { return a.key.Stream == key.Stream }) {
		f.quest.aside = append(f.quest.aside, aside{obj, key})
	}
}

// lookAside looks at what was put aside, for no longer than longestLook.
func (f *finder) lookAside(ctx context.Context) {
	look, end := context.WithTimeout(ctx, longestLook)
	defer end()
	recogniser := reader.NewRecogniser() // what is found of old shows nothing of what comes
	for _, a := range f.quest.aside {
		if f.knows(a.key.Stream) {
			continue
		}
		log, why, err := recogniser.Sample(look, f.Location, a.object, a.key)
		switch {
		case why == "":
			f.countAside(look, log, a.key.Stream)
		case err != nil && ctx.Err() == nil:
			f.warnUnlooked(a.object.Key, err)
		}
		if look.Err() != nil {
			return
		}
	}
}

// countAside counts a log object and what was passed over behind it in its stream, in a
// listing of countBefore keys at most.
func (f *finder) countAside(ctx context.Context, log source.Object, s logkey.Stream) {
	f.countOld()
	listed, end := 0, s.After(f.back)
	err := source.Walk(ctx, f.Source, f.within(s), log.Key, func(obj source.Object) (string, bool) {
		if obj.Key >= end {
			return "", false
		}
		if key := reader.KeyOf(obj); key.Free() && key.Stream == s {
			f.countOld()
		}
		listed++
		f.own.More = f.own.More || listed >= countBefore
		return "", !f.own.More
	})
	f.own.More = f.own.More || err != nil
}

// countOld counts a log object that lies before the start, and reports whether it has: there
// may be too many.
func (f *finder) countOld() bool {
	if f.own.Before >= countBefore {
		f.own.More = true
		return false
	}
	f.own.Before++
	return true
}
