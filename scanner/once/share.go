package once

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// A listing goes from page to page, each of which is known only from the one before it.
// While the readers wait for it, it leaves the second half of what it has before it to a
// helper, who does the same: half of the time up to the end of a stream whose keys sort by
// it, or of the alphabet up to the end of the streams that share a prefix. Where the cut
// is decides how even the halves are, and nothing else: each key lies in one part.

// maxHelpers is how many helpers there are, in all locations together.
const maxHelpers = 15

// shareEvery is for how many requests a walk lists alone before it shares, and between
// two times: a part costs up to three of them by itself, at both of its ends. Where the
// helper finds nothing, it shares again at once, which finds the last of the keys.
const shareEvery = 4

// part is a run of a location's keys: those above from, up to to.
type part struct {
	from string
	to   string // empty: the last one
	// If it ends in the midst of a stream, until is the time there.
	stream logkey.Stream
	until  time.Time
}

// holds reports whether keys up to this one may be in the part.
func (p *part) holds(key string) bool { return p.to == "" || key <= p.to }

// helpers are goroutines that list what others leave to them.
type helpers struct {
	group *errgroup.Group
	busy  chan struct{} // has one element for each that lists
}

// walk is what a goroutine knows that lists a part. It belongs to that.
type walk struct {
	part
	listing  *listing
	requests requests
	keys     int         // that were listed
	alone    float64     // the cost up to which nothing is shared
	empty    atomic.Bool // the part that was left to a helper last: it was but a probe

	stream          logkey.Stream // of the key at hand
	first, previous logkey.Stream // of the part, and before it
	inStream        int           // keys in a row
}

func newWalk(l *listing, p part) *walk {
	return &walk{part: p, listing: l, requests: requests{Source: l.location.Source}, alone: shareEvery}
}

// requests is a Source that counts its listings.
type requests struct {
	source.Source
	n int
}

// List implements source.Source.
func (r *requests) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	r.n++
	return r.Source.List(ctx, prefix, startAfter)
}

// cost returns about how many requests the walk has made.
func (w *walk) cost() float64 {
	return float64(w.requests.n) - 1 + float64(w.keys)/float64(w.listing.pageSize)
}

// share takes note of a key that is listed, and leaves what is far behind it to a helper,
// if there is one and the readers do not have enough to do.
func (w *walk) share(ctx context.Context, name string, key logkey.Key) {
	w.see(key.Stream)
	l := w.listing
	if w.empty.CompareAndSwap(true, false) {
		w.alone = 0
	}
	if w.cost() < w.alone || len(l.jobs) > cap(l.jobs)/2 {
		return
	}
	select {
	case l.helpers.busy <- struct{}{}:
	default:
		return
	}
	before, rest, ok := w.cut(name, key)
	if !ok {
		<-l.helpers.busy
		w.alone++ // until there may be another place for a cut
		return
	}
	w.part = before
	w.alone = w.cost() + shareEvery
	l.helpers.group.Go(func() error {
		defer func() { <-l.helpers.busy }()
		listed, err := l.run(ctx, rest)
		if listed == 0 {
			w.empty.Store(true)
		}
		return err
	})
}

// see takes note of the stream of a key that is listed.
func (w *walk) see(s logkey.Stream) {
	if w.keys++; w.keys == 1 {
		w.stream, w.first, w.previous = s, s, s
	}
	if s != w.stream {
		w.previous, w.stream, w.inStream = w.stream, s, 0
	}
	w.inStream++
}

// cut cuts the part in two, behind the key at hand.
func (w *walk) cut(name string, key logkey.Key) (before, rest part, ok bool) {
	s := key.Stream
	before, rest = w.part, w.part
	if middle, ok := w.middle(key); ok && w.inStream >= 2*w.listing.pageSize {
		before.to, before.stream, before.until = s.After(middle), s, middle
	} else {
		at, ok := w.between(w.first.Prefix, s.Prefix)
		if !ok {
			if at, ok = w.between(w.previous.Prefix, s.Prefix); !ok {
				return before, rest, false
			}
		}
		before.to, before.stream = at, logkey.Stream{}
	}
	rest.from = before.to
	return before, rest, rest.from > name && (w.to == "" || rest.from < w.to)
}

// middle returns the middle of the time that is left of the key's stream. There is none
// in CloudTrail, which delivers events again in the next objects: these are best read
// one soon after the other, as event IDs are not remembered for long.
func (w *walk) middle(key logkey.Key) (time.Time, bool) {
	if key.Stream.Log() != record.ServerAccess || key.Stream.Unordered() {
		return time.Time{}, false
	}
	end := w.until
	if w.part.stream != key.Stream {
		end = time.Now()
		if until := w.listing.query.Until; !until.IsZero() {
			end = earliest(end, until.Add(w.listing.query.Slack))
		}
	}
	const least = time.Minute
	half := end.Sub(key.Time) / 2
	return key.Time.Add(half), half >= least
}

// between returns a string in the middle of those that have in common what two prefixes
// of streams have, and are above the second.
func (w *walk) between(first, second string) (at string, ok bool) {
	n := 0
	for n < len(first) && n < len(second) && first[n] == second[n] {
		n++
	}
	if n == len(second) {
		return "", false
	}
	low, high := second[n], lastLike(second[n])
	if len(w.to) > n && w.to[:n] == second[:n] {
		high = min(high, w.to[n])
	}
	if high <= low+1 {
		return "", false
	}
	return second[:n] + string(rune(low+(high-low)/2)), true
}

// lastLike returns the byte behind the last digit or letter of the same kind, 0 if c is
// neither.
func lastLike(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return '9' + 1
	case 'a' <= c && c <= 'z':
		return 'z' + 1
	case 'A' <= c && c <= 'Z':
		return 'Z' + 1
	}
	return 0
}
