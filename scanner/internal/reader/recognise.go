package reader

import (
	"bufio"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Recogniser finds out whether objects with free keys are log objects, by a look at the
// beginning of some in each folder, day and kind of name, which is how that begins and ends:
// of the first, the second, the fourth, and so on, as the first may be another one than the
// rest. One that was looked at is looked at again once it is another version. From the first
// one on that is a log object, all of its stream are taken for such: what is none will be found
// when it is read. A Recogniser is for one location. Its methods may be called from any
// goroutine. It keeps what it has found in memory alone.
type Recogniser struct {
	looking  sync.Mutex // held while an object is looked at
	unpacker *unpacker

	mu     sync.Mutex // guards all below
	logs   map[logkey.Stream]bool
	doubts map[logkey.Stream]bool // in which there were pages
	kinds  *kinds                 // that are no logs
	met    map[uint64]version     // by hashes of the keys of others, each of which is met once
	seed   maphash.Seed
}

// version is a hash of the version of an object that was looked at: once it is another one, it
// is to be looked at again. It is 0 for an object that was met only.
type version uint64

// maxMet is how many keys are remembered of objects that are no logs. If there are more, some
// of before are met again.
const maxMet = 1 << 19

// maxPages is how many pages of a kind show nothing but what they are themselves, as a proxy
// may have answered: the next object is looked at. If there are more, pages lie there.
const maxPages = 16

// KeyOf returns what a listed object is by its key. What is no file, or not finished, is no
// log object.
func KeyOf(obj source.Object) logkey.Key {
	switch {
	case obj.Unfinished:
		return logkey.Key{Skip: logkey.SkipUnfinished}
	case obj.Special:
		return logkey.Key{Skip: logkey.SkipSpecial}
	}
	return logkey.Parse(obj.Key)
}

// NewRecogniser returns a Recogniser that has not found out anything.
func NewRecogniser() *Recogniser {
	return &Recogniser{
		unpacker: newUnpacker(&Config{MaxObjectSize: 1 << 30}),
		logs:     make(map[logkey.Stream]bool),
		doubts:   make(map[logkey.Stream]bool),
		kinds:    newKinds(maxKinds),
		met:      make(map[uint64]version),
		seed:     maphash.MakeSeed(),
	}
}

// Look returns why an object with a free key is no log object, or nothing if it is one, or
// is in a stream that has some. It reads the object's beginning if it has to. If that fails it returns the
// error, and logkey.SkipUnreadable: nobody knows, and the next object of the kind is looked
// at.
func (r *Recogniser) Look(ctx context.Context, src source.Source, obj source.Object, key logkey.Key) (logkey.SkipReason, error) {
	if why, known := r.Known(obj, key); known {
		return why, nil
	}
	k := r.kindOf(obj.Key, key)
	r.looking.Lock()
	defer r.looking.Unlock()
	if why, known := r.known(k, obj); known { // somebody else has looked meanwhile
		return named(why, obj.Key), nil
	}
	isLog, why, err := r.look(ctx, src, obj)
	page := errors.Is(err, errPage)
	switch {
	case page:
		why = logkey.SkipUnknown
	case err != nil:
		return logkey.SkipUnreadable, err
	case !isLog && why == "": // it is empty, which shows nothing
		return logkey.Unknown(obj.Key), nil
	}
	r.found(k, obj, why, page && !isPage(obj.Key))
	return named(why, obj.Key), nil
}

// Known is Look without a look: known is whether there is no need of one.
func (r *Recogniser) Known(obj source.Object, key logkey.Key) (why logkey.SkipReason, known bool) {
	why, known = r.known(r.kindOf(obj.Key, key), obj)
	if !known && obj.Size == 0 { // which shows nothing
		return logkey.Unknown(obj.Key), true
	}
	return named(why, obj.Key), known
}

// named returns why an object is skipped, which its name may show where its content does not.
func named(why logkey.SkipReason, key string) logkey.SkipReason {
	byName := logkey.Unknown(key)
	if why == logkey.SkipUnknown || why == logkey.SkipCompressed && byName == logkey.SkipRenamed {
		return byName
	}
	return why
}

// Knows reports whether a stream has log objects.
func (r *Recogniser) Knows(s logkey.Stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs[s]
}

// Doubts returns the streams in which a page was met that a proxy may have answered in
// place of a log, in any order.
func (r *Recogniser) Doubts() []logkey.Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.doubts))
}

// kindOf returns the kind of an object.
func (r *Recogniser) kindOf(name string, key logkey.Key) kind {
	k := kind{key.Stream, dayOf(key.Time), extension(name), beginning(name)}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kinds.choose(k)
}

// known returns why an object of a kind is no log object, or nothing if it is one, if it
// need not be looked at for that.
func (r *Recogniser) known(k kind, obj source.Object) (why logkey.SkipReason, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logs[k.stream] {
		return "", true
	}
	o, found := r.kinds.get(k)
	before, met := r.met[maphash.String(r.seed, obj.Key)]
	switch {
	case !found:
		return "", false
	case met:
		return o.why.reason(), before == 0 || before == r.versionOf(obj)
	case o.objects&(o.objects+1) == 0: // with this one they are 2, 4, 8 ...
		return "", false
	}
	r.meet(obj.Key, 0)
	o.objects++
	r.kinds.put(k, o)
	return o.why.reason(), true
}

// meet takes note that an object of that key was met, and whether for the first time. mu is
// held.
func (r *Recogniser) meet(name string, v version) (first bool) {
	if len(r.met) >= maxMet {
		forgetAny(r.met, maxMet/forgotten)
	}
	hash := maphash.String(r.seed, name)
	_, met := r.met[hash]
	r.met[hash] = v
	return !met
}

// versionOf returns the version of an object, by what a listing shows of its content. It is not 0.
func (r *Recogniser) versionOf(obj source.Object) version {
	shown := struct {
		size     int64
		etag     string
		modified int64
	}{obj.Size, obj.ETag, 0}
	if obj.ETag == "" {
		shown.modified = obj.LastModified.UnixNano()
	}
	return version(maphash.Comparable(r.seed, shown) | 1)
}

// found takes note of why an object of a kind is no log object; nothing if it is one. page is
// whether it is one that may be a proxy's.
func (r *Recogniser) found(k kind, obj source.Object, why logkey.SkipReason, page bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why == "" {
		r.logs[k.stream] = true
		return
	}
	o, _ := r.kinds.get(k)
	o.why = skipOf(why)
	first := r.meet(obj.Key, r.versionOf(obj))
	switch {
	case page && o.pages < maxPages:
		o.pages++
		r.doubts[k.stream] = true
	case first:
		o.objects++
	}
	r.kinds.put(k, o)
}

func (r *Recogniser) look(ctx context.Context, src source.Source, obj source.Object) (isLog bool, why logkey.SkipReason, err error) {
	obj.Seen = time.Time{} // what is not complete is looked at again once it has changed
	body, err := src.Open(ctx, obj)
	if err != nil {
		return false, "", err
	}
	defer body.Close()
	content, err := r.unpacker.freeContent(bufio.NewReader(io.LimitReader(body, headSize)))
	if err != nil {
		return notCompressed(err)
	}
	isLog, why, err = recognise(content)
	if err != nil {
		return notCompressed(err)
	}
	return isLog, why, nil
}

// notCompressed returns what is known of an object that looks as if it were compressed:
// that it is no log, unless it could not be fetched.
func notCompressed(err error) (isLog bool, why logkey.SkipReason, failed error) {
	if errors.As(err, new(*gzipError)) {
		return false, logkey.SkipUnknown, nil
	}
	return false, "", err
}
