package location

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Survey is what lies in a location.
type Survey struct {
	// Streams are how many runs of log objects there are, such as those of a bucket or of an
	// account and Region, by log. Of log 0 are those in which no request was found, where only
	// content shows what they are.
	Streams map[record.Log]int
	// LeftOut are how many there are besides of server access logs in a form that is not read.
	LeftOut int
	Oldest  time.Time // in the key of a log object; zero if there is none
	Skipped map[logkey.SkipReason]once.SkippedObjects
	// NotLookedAt is of how many streams it is not known whether they are of logs, which only
	// content shows; Err is why, of one of them.
	NotLookedAt int
	Err         error
	// Unread is why no log object could be read of some streams of a log, where that was tried and
	// there is none of which one could: most likely there is no right to. Or one of these streams
	// could not be listed by itself.
	Unread error
}

// Look lists a location once, and passes over each stream as soon as it has one of its
// objects. Of streams whose keys do not show whether they are of logs, and of a few others, it
// reads some objects, within bounds.
func Look(ctx context.Context, l source.Location) (Survey, error) {
	var mu sync.Mutex
	streams := make(map[logkey.Stream]bool)
	pass := func(k logkey.Key) bool {
		mu.Lock()
		defer mu.Unlock()
		streams[k.Stream] = true
		return false
	}
	var exports once.SkippedObjects // which a pass would read, but no tailer
	summary, err := once.List(ctx, once.Config{Locations: []source.Location{l}}, once.Query{Wanted: pass}, func(o once.Listed) {
		if o.Key.Stream.Layout == logkey.Export {
			exports.Objects++
			exports.Example = once.Example{Location: l.Name, Key: o.Object.Key}
		}
	})
	if failed := new(once.ListError); errors.As(err, &failed) {
		err = failed.Err // without the location, which whoever asks knows
	}
	if err != nil {
		return Survey{}, err
	}
	found := Survey{Streams: make(map[record.Log]int), Oldest: summary.Locations[0].OldestKey, Skipped: summary.SkippedObjects}
	if exports.Objects > 0 {
		if found.Skipped == nil {
			found.Skipped = make(map[logkey.SkipReason]once.SkippedObjects)
		}
		found.Skipped[logkey.SkipExport] = exports
	}
	var free []logkey.Stream
	known := make(map[record.Log][]logkey.Stream)
	for stream := range streams {
		switch {
		case stream.Log() == 0:
			free = append(free, stream)
		case stream.Log() == record.ServerAccess && l.Leaves(stream.Form()):
			found.LeftOut++
		default:
			found.Streams[stream.Log()]++
			known[stream.Log()] = append(known[stream.Log()], stream)
		}
	}
	slices.SortFunc(free, byID)
	looks, end := context.WithTimeoutCause(ctx, longestLooks, errSlow)
	defer end()
	for _, log := range record.Logs() {
		slices.SortFunc(known[log], byID)
		found.tryToRead(looks, l, known[log])
	}
	found.lookInto(looks, l, free)
	return found, ctx.Err()
}

// lookInto reads some objects of streams whose keys do not show what they are.
func (s *Survey) lookInto(ctx context.Context, l source.Location, streams []logkey.Stream) {
	for _, taken := range samplesOf(ctx, l, streams) {
		switch {
		case taken.objects > 0:
			s.Streams[taken.log]++
			if s.Oldest.IsZero() || taken.oldest.Before(s.Oldest) {
				s.Oldest = taken.oldest
			}
		case taken.leftOut:
			s.LeftOut++
		case taken.err != nil:
			s.NotLookedAt++
			s.Err = cmp.Or(s.Err, taken.err)
		}
	}
	if len(s.Streams) == 0 {
		s.Unread = cmp.Or(s.Unread, s.Err)
	}
}

// tryToRead reads objects of the first streams of a log. Those of one may be archived, and what
// can be read and is broken is not to be found here.
func (s *Survey) tryToRead(ctx context.Context, l source.Location, streams []logkey.Stream) {
	var unread error
	some := false
	for _, taken := range samplesOf(ctx, l, streams[:min(len(streams), maxTried)]) {
		var failure *source.Error
		switch known := errors.As(taken.err, &failure); {
		case known && failure.Reason == source.ReasonAccessDenied && errors.As(taken.err, new(*once.ListError)):
			s.Unread = cmp.Or[error](s.Unread, failure)
		case taken.objects > 0 || !known:
			some = true
		default:
			unread = cmp.Or(unread, taken.err)
		}
	}
	if !some {
		s.Unread = cmp.Or(s.Unread, unread)
	}
}

func byID(a, b logkey.Stream) int { return strings.Compare(a.ID(), b.ID()) }

// samplesOf returns a sample of each stream.
func samplesOf(ctx context.Context, l source.Location, streams []logkey.Stream) []*sample {
	samples := make([]*sample, len(streams))
	var looks errgroup.Group
	looks.SetLimit(looksAtOnce)
	for i, stream := range streams {
		looks.Go(func() error {
			samples[i] = sampleOf(ctx, l, stream)
			return nil
		})
	}
	_ = looks.Wait() // none fails
	return samples
}

// Bounds of what Look reads.
const (
	looksAtOnce  = 8                // streams
	longestLook  = 5 * time.Second  // at a stream
	longestLooks = 30 * time.Second // at all of a location
	maxTried     = 8                // streams whose keys show that they are of logs
	maxOpened    = 100              // objects of a stream
	maxSampled   = 16               // log objects of a stream without a request

	recent = 7 * 24 * time.Hour // how old what is young is
)

var (
	errSlow   = errors.New("that would take too long")
	errEnough = errors.New("enough was read")
)

// sample is what was read of a stream. It is a once.Consumer.
type sample struct {
	objects int        // log objects
	log     record.Log // of a request in them; 0: there is none
	oldest  time.Time  // in the keys of log objects
	leftOut bool       // there are log objects in a form that is not read
	err     error      // why there may be log objects nevertheless
}

// sampleOf reads a stream up to the first request in it, from its beginning on, or, as that
// may be archived, what is young of it.
func sampleOf(ctx context.Context, l source.Location, stream logkey.Stream) *sample {
	ctx, end := context.WithTimeoutCause(ctx, longestLook, errSlow)
	defer end()
	l.Prefix = max(l.Prefix, stream.Prefix) // the one begins with the other
	all := sampleSince(ctx, l, stream, time.Time{})
	if all.objects > 0 || all.err == nil || ctx.Err() != nil {
		return all
	}
	if young := sampleSince(ctx, l, stream, time.Now().Add(-recent)); young.objects > 0 {
		return young
	}
	return all
}

func sampleSince(ctx context.Context, l source.Location, stream logkey.Stream, since time.Time) *sample {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l.Source = &few{Source: l.Source, stop: stop}
	wanted := func(k logkey.Key) bool { return k.Stream == stream }
	s := new(sample)
	summary, err := once.Run(ctx, once.Config{Locations: []source.Location{l}, Concurrency: 1}, once.Query{Wanted: wanted, Since: since}, s)
	s.oldest = summary.Locations[0].OldestKey
	s.leftOut = summary.SkippedObjects[logkey.SkipOtherForm].Objects > 0
	if s.err = err; len(summary.Unread) > 0 {
		s.err = summary.Unread[0]
	}
	return s
}

// NewTally implements once.Consumer.
func (s *sample) NewTally(string, string) once.Tally { return new(logOf) }

// Take implements once.Consumer.
func (s *sample) Take(t once.Tally) error {
	s.objects++
	if read, ok := t.(*logOf); ok {
		s.log = record.Log(*read)
	}
	if s.log != 0 || s.objects >= maxSampled {
		return errEnough
	}
	return nil
}

// logOf is a once.Tally: the log of the record that was added last.
type logOf record.Log

// Add implements once.Tally.
func (l *logOf) Add(r *record.Record) { *l = logOf(r.Log) }

// Done implements once.Tally.
func (l *logOf) Done() int { return 0 }

// few is a Source of which few objects are opened; then it stops whoever reads it.
type few struct {
	source.Source
	stop context.CancelCauseFunc

	mu     sync.Mutex // guards all below
	opened int
	failed error // the first one that could not be
}

// Open implements source.Source.
func (f *few) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	f.mu.Lock()
	f.opened++
	tooMany, why := f.opened > maxOpened, cmp.Or(f.failed, errSlow)
	f.mu.Unlock()
	if tooMany {
		f.stop(why)
		return nil, why
	}
	body, err := f.Source.Open(ctx, obj)
	if err != nil {
		f.mu.Lock()
		f.failed = cmp.Or(f.failed, err)
		f.mu.Unlock()
	}
	return body, err
}
