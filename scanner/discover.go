package scanner

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// countBefore is how many objects that lie before the start are counted at most. They
// have to be listed for that.
const countBefore = 10_000

// search looks for streams that are not known yet, and counts what else lies there. What
// could not be looked at for a reason that may pass, it looks for again in the next round, in
// which it also goes on if there was too much to look at (see looks.go). It passes over the
// objects of a stream as soon as it has one of them, and over what is known to hold no logs,
// but for once in an AuditInterval. That nothing at all lies there is
// believed when two searches find it, and the first one is not complete where it leaves out
// what may be still written of a stream that nobody knows: all that lay there before the start
// would count as if it had come since.
func (l *location) search(ctx context.Context, start, now time.Time) error {
	f := l.nextPass(start, now)
	l.keepKeys()
	err := f.walk(ctx)
	if f.first { // what was found is known by now, even if the search was not complete
		l.mu.Lock()
		l.prefix.Before, l.prefix.More = f.own.Before, f.own.More
		l.mu.Unlock()
	}
	if err != nil {
		return err
	}
	if f.whole {
		l.skips.done()
	}
	f.quest.tired = f.quest.tired || f.vain >= vainLooks
	if f.left {
		l.pause(f)
		return nil
	}
	l.under = nil
	if l.young++; !f.quest.young {
		l.young = 0
	}
	if f.first && (f.quest.empty && !l.empty || l.searchesAgain()) {
		l.empty, l.unseen = f.quest.empty, f.quest.unseen
		return nil
	}
	return f.complete(ctx, start)
}

// searchesAgain reports whether the next round is to search, as an object was left out that may be
// still written, of a stream that nobody knows. It is done with after a few searches: what is
// written for ever is no log object.
func (l *location) searchesAgain() bool { return 0 < l.young && l.young <= 3 }

// finder is a pass of a search.
type finder struct {
	*location
	quest    *quest
	own      checkpoint.Prefix // with what was found before the start
	now      time.Time
	back     time.Time        // see Prefix.LookedBack
	recent   time.Time        // see skips.count
	first    bool             // no search was complete before
	whole    bool             // it lists all
	last     string           // the key that was listed last
	left     bool             // an object was left over; see mayLook
	spent    time.Duration    // on looks
	fresh    map[*stream]bool // streams that nobody knew
	vain     int              // looks at objects that may be read soon
	conflict error            // another location has a stream that was found, too
}

func newFinder(l *location, now time.Time) finder {
	f := finder{location: l, own: l.own(), now: now, fresh: make(map[*stream]bool)}
	f.quest = &quest{blind: make(map[logkey.Stream]bool)}
	if f.first = f.own.Searched.IsZero(); f.first {
		f.own.Looked = earliest(f.own.Floor, l.auditBegin(now))
	}
	f.back = f.own.LookedBack()
	return f
}

// walk lists what lies there: all of it, or what no pass has looked at before, as far as there is
// time for it.
func (f *finder) walk(ctx context.Context) error {
	ctx = source.WithLeftOut(ctx, func(object string) {
		key := logkey.Parse(object)
		f.quest.young = f.quest.young || key.Skip == "" && f.sharing.owns(key) && !f.knows(key.Stream)
	})
	err := source.Walk(ctx, f.Source, f.Prefix, f.last, func(obj source.Object) (string, bool) {
		f.quest.empty = f.quest.empty && obj.Unfinished
		goOn := f.take(ctx, obj)
		f.last = obj.Key
		return goOn, f.whole || !f.left
	})
	return cmp.Or(err, f.conflict)
}

// complete takes note that all was looked at.
func (f *finder) complete(ctx context.Context, start time.Time) error {
	l := f.location
	if !f.quest.tired { // all had their turn
		clear(l.unlooked)
	}
	if f.first {
		f.noteBlind()
		f.lookAside(ctx)
	}
	before := f.own.Kept
	f.own.Kept = l.keptKeys()
	l.warnOfLinks(before, f.own.Kept)
	l.unseen = f.quest.unseen
	l.mu.Lock()
	l.others = len(l.sharing.others)
	l.blind = len(f.quest.blind) > 0
	l.mu.Unlock()
	l.cfg.Logger.Debug("location was searched", "location", l.Name, "full", f.quest.full, "streams", len(l.all()))
	if f.quest.full {
		l.searchedFull = f.quest.start
	}
	return l.noteSearch(ctx, f.own, start, f.quest.since, f.first)
}

// maxBlind is how many streams are remembered of which the first search saw no content. If
// there are more, none of what lies before the start is looked at.
const maxBlind = 1000

// noteBlind takes note of the streams in which there may have been logs at the first search
// that it could not see.
func (f *finder) noteBlind() {
	for _, s := range f.recogniser.Doubts() {
		f.quest.blind[s] = true
	}
	if len(f.quest.blind) == 0 {
		return
	}
	var names []string
	for s := range f.quest.blind {
		names = append(names, s.ID())
	}
	if len(names) > maxBlind || slices.ContainsFunc(names, isNoLine) {
		f.own.Looked = f.own.Floor
		return
	}
	slices.Sort(names)
	f.own.Blind = strings.Join(names, "\n")
}

// take takes note of an object, and returns what to pass over.
func (f *finder) take(ctx context.Context, obj source.Object) (beyond string) {
	key := reader.KeyOf(obj)
	if !f.sharing.owns(key) {
		return f.passOther(obj.Key, key, f.own, f.now)
	}
	key, floor, later := f.see(ctx, obj, key)
	if later {
		f.skips.end()
		if key.Skip != "" {
			f.skips.once(obj.Key, key.Skip)
		}
		return "" // it is listed again
	}
	if key.Skip != "" {
		return f.skips.count(obj.Key, key, floor, f.recent)
	}
	f.skips.end()
	known := f.knows(key.Stream)
	st, err := f.meet(key.Stream, f.now, time.Time{})
	if err != nil {
		f.conflict = err
		return key.Beyond()
	}
	st.begins(key)
	if !known {
		f.fresh[st] = true
	}
	if f.first && f.fresh[st] && key.Time.Before(st.state().Begin) && f.countOld() {
		return ""
	}
	if key.Free() {
		return passFree(key, f.own, f.now)
	}
	return key.Beyond()
}

// see returns the key of an object with why it is skipped, if it is, and from when on such
// objects are looked at. Later: it is not known yet; if that is for there was no time, it is not
// skipped.
func (f *finder) see(ctx context.Context, obj source.Object, key logkey.Key) (seen logkey.Key, floor time.Time, later bool) {
	floor = f.own.Floor
	if key.Free() && !f.knows(key.Stream) {
		floor = f.back
		key.Skip, later = f.recognise(ctx, obj, key, floor)
	}
	if key.Skip == "" && !later && f.leaves(key.Stream) {
		key.Skip = logkey.SkipOtherForm
	}
	return key, floor, later
}

// noteSearch has a complete search noted.
func (l *location) noteSearch(ctx context.Context, own checkpoint.Prefix, start, now time.Time, first bool) error {
	n := &searched{home: l, prefix: own}
	n.prefix.Searched = now
	for _, st := range l.all() {
		if !st.isStored() {
			n.streams = append(n.streams, st)
		}
	}
	if first || len(n.streams) > 0 || own.Kept != l.own().Kept || start.Sub(l.searched) >= l.cfg.SweepInterval {
		if err := l.send(ctx, n); err != nil {
			return err
		}
		l.searched = start
	}
	l.mu.Lock()
	l.prefix = n.prefix
	l.mu.Unlock()
	if first && own.Before > 0 {
		l.cfg.Logger.Info("log objects lie before the start and are not counted", "location", l.Name,
			"objects", own.Before, "more", own.More, "start", own.Floor)
	}
	return nil
}

// own returns what is kept of the location's prefix.
func (l *location) own() checkpoint.Prefix {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.prefix
}

// meet returns the stream, which becomes the location's if it is new, and begins at from
// then, or later.
func (l *location) meet(s logkey.Stream, now, from time.Time) (*stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st := l.streams[s.ID()]; st != nil {
		return st, nil
	}
	st := newStream(s, l.Store, checkpoint.Stream{Begin: latest(l.beginning(s, now), from), Within: l.reach(s)})
	if err := l.owners.take(st.id, l); err != nil {
		return nil, err
	}
	l.streams[s.ID()] = st
	return st, nil
}

// beginning returns where a stream begins that is not known: where those that cover it
// began. If one of these was searched before without finding it, all that lies in it has
// come since, and counts as far back as audits look, now or then, as the clock may be ahead;
// where only content shows what it is, no further than the first search did; and text no
// further than to when any of them ceased to leave it out. l.mu is held.
func (l *location) beginning(s logkey.Stream, now time.Time) time.Time {
	beginsIn := func(p checkpoint.Prefix) time.Time {
		begin := p.Floor
		if !p.Searched.IsZero() {
			back := earliest(l.auditBegin(now), l.auditBegin(p.Searched))
			if s.Log() == 0 {
				back = latest(back, p.LookedBack())
			}
			if p.IsBlind(s.ID()) {
				back = p.Floor
			}
			begin = earliest(begin, back)
		}
		return begin
	}
	begin, text := beginsIn(l.prefix), time.Time{}
	for p := range l.covering(s) {
		begin, text = earliest(begin, beginsIn(p)), latest(text, p.Text)
	}
	if s.Log() == record.ServerAccess {
		begin = latest(begin, text)
	}
	return begin
}

// covering returns what is kept of the prefixes that were listed and cover a stream, without
// leaving it out, this location's included. l.mu is held, or nobody else knows l yet.
func (l *location) covering(s logkey.Stream) iter.Seq[checkpoint.Prefix] {
	return func(yield func(checkpoint.Prefix) bool) {
		if !yield(l.prefix) {
			return
		}
		for prefix, p := range l.prefixes {
			left := s.Log() == record.ServerAccess && p.Form == record.JSON.String()
			if prefix != l.Prefix && strings.HasPrefix(s.Prefix, prefix) && !left && !yield(p) {
				return
			}
		}
	}
}

// reach returns the location's prefix if it reaches into the dates of the stream's keys.
func (l *location) reach(s logkey.Stream) string {
	if len(l.Prefix) > len(s.Prefix) {
		return l.Prefix
	}
	return ""
}

// owners are the locations that read streams: one a stream.
type owners struct {
	mu      sync.Mutex // guards all below; held while location.mu is
	streams map[checkpoint.StreamID]*location
}

// take makes a stream a location's, unless it is another one's.
func (o *owners) take(id checkpoint.StreamID, l *location) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if other := o.streams[id]; other != nil && other != l {
		return fmt.Errorf("stream %q is read by location %s; name one location that holds all of it", id.Stream, other.Name)
	}
	if o.streams == nil {
		o.streams = make(map[checkpoint.StreamID]*location)
	}
	o.streams[id] = l
	return nil
}
