package scanner

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// pollsAtOnce is how many streams of a location are listed at once.
const pollsAtOnce = 8

// location is what is known of a location while it is tailed.
type location struct {
	source.Location
	cfg     *Config
	ready   *readiness
	owners  *owners
	usage   *usage
	skips   *skips
	backlog backlog
	jobs    chan<- *job
	slow    chan *job // that were slow; its room bounds how many wait
	notes   chan<- note
	new     bool // it is read for the first time

	// Owned by the goroutine of tail, which the polls of a round are part of:
	searched     time.Time // the last search for streams
	searchedFull time.Time // the last one that passed over nothing
	clock        *clock
	empty        bool      // the first search found nothing at all
	under        *quest    // a search that goes on; nil: none does
	unseen       error     // why it could not look at an object, if that may pass
	young        int       // searches in a row that left out objects of streams nobody knows
	rechecked    time.Time // when quarantined objects were looked at
	rounds       int       // that were begun
	backoff      backoff   // of the searches
	recogniser   *reader.Recogniser
	unlooked     map[string]error // why objects cannot be looked at now, by key
	strangers    strangers        // of the round
	sharing      sharing

	// Owned by the committer:
	newest map[string]time.Time // the newest request by log
	strays map[*stream]bool     // that showStray has logged

	mu       sync.Mutex                   // guards all below
	prefix   checkpoint.Prefix            // that of the location
	prefixes map[string]checkpoint.Prefix // of its store, others included
	polled   time.Time                    // end of the last round without an error
	failure  error                        // of the last round
	streams  map[string]*stream           // by ID
	others   int                          // streams of other shards, as of the last search
	blind    bool                         // that could not look at an object
}

// tail lists the location again and again, and queues what is new.
func (l *location) tail(ctx context.Context) {
	l.showPoll(l.cfg.Now()) // else no alert could see a first round that does not end
	for {
		start := time.Now()
		err := l.round(ctx)
		if ctx.Err() != nil {
			return
		}
		l.report(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(l.nextRound(start, err))):
		}
	}
}

// nextRound returns when the round comes that follows one at start: an Interval later, or
// as soon as a stream is due, or at once if there is more to look at. After an error nothing is
// due sooner.
func (l *location) nextRound(start time.Time, err error) time.Time {
	next := start.Add(l.cfg.Interval)
	if isLooksLeft(err) {
		next = start
	} else if err != nil {
		return next
	}
	for _, st := range l.all() {
		next = earliest(next, st.pollPlanned())
	}
	return latest(next, start.Add(tick(l.cfg.Interval)))
}

// round does everything that is due, and returns the first error. What has
// failed is due again in the next round.
func (l *location) round(ctx context.Context) error {
	l.rounds++
	start, now := time.Now(), l.cfg.Now()
	if err := l.mend(ctx, now); err != nil {
		return err
	}
	var failed error
	if l.barren() || l.unseen != nil || l.searchesAgain() || start.Sub(l.searched) >= l.cfg.SweepInterval {
		if failed = l.backoff.delays(start); failed == nil {
			failed = l.backoff.ended(start, l.search(ctx, start, now), l.cfg)
		}
	}
	if err := l.recheck(ctx, start); err != nil {
		return err
	}
	l.strangers.finder, l.strangers.found = newFinder(l, now), nil
	var polls errgroup.Group
	polls.SetLimit(pollsAtOnce)
	for _, st := range l.all() {
		if !l.retry(ctx, st, now) {
			failed = ctx.Err()
			break // once the polls have ended, which queue objects
		}
		auditing := st.audit.due(now, l.cfg.AuditInterval)
		if l.strangers.first && !st.lastSweep.IsZero() {
			auditing = false // none is complete before a search is
		}
		if !auditing && !st.due(start, l.cfg) {
			continue
		}
		if err := st.backoff.delays(start); err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		polls.Go(func() error {
			return st.backoff.ended(start, l.poll(ctx, st, start, now, auditing), l.cfg)
		})
	}
	if err := polls.Wait(); failed == nil {
		failed = err
	}
	if err := l.noteStrangers(ctx); failed == nil {
		failed = err
	}
	failed = cmp.Or(failed, l.unseen) // logs may lie there that nobody has found
	if failed == nil && !l.searchesAgain() {
		l.backlog.complete(l.ready)
	}
	// Those of some streams are complete whatever others fail with.
	if err := l.finishAudits(ctx); err != nil {
		return err
	}
	return failed
}

// enqueue queues an object, or returns false because ctx has ended.
func (l *location) enqueue(ctx context.Context, j *job) bool {
	j.Location, j.State.home = l.Location, l
	j.State.backlog = l.backlog.add()
	j.State.stream.enqueued(j.Object.Key, l.rounds)
	jobs := l.jobs
	if j.Slow {
		jobs = l.slow
	}
	select {
	case jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// report shows how a round ended in the metrics, and in the log where that is news.
func (l *location) report(err error) {
	m, name := l.cfg.Metrics, l.Name
	now := l.cfg.Now()
	l.usage.note(now)
	before := l.ended(err, now)
	if err != nil {
		m.lastPollOK.WithLabelValues(name).Set(0)
		switch left := isLooksLeft(err); {
		case left && before == nil:
			l.cfg.Logger.Info("it takes a while to look which objects are logs; until then the location counts as not listed", "location", name)
		case !left && (before == nil || isLooksLeft(before)):
			l.cfg.Logger.Error("listing failed", "location", name, "err", err)
		}
		return
	}
	m.lastPollOK.WithLabelValues(name).Set(1)
	l.showPoll(now)
	if before != nil {
		l.cfg.Logger.Info("listing works again", "location", name)
	}
}

func (l *location) showPoll(at time.Time) {
	l.cfg.Metrics.lastPoll.WithLabelValues(l.Name).Set(float64(at.UnixNano()) / 1e9)
}

// ended takes note of how a round ended, and returns how the one before did.
func (l *location) ended(err error, now time.Time) (before error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.failure = l.failure, err
	if err == nil {
		l.polled = now
	}
	return before
}

// barren reports whether no streams are known, of whatever shard.
func (l *location) barren() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams) == 0 && l.others == 0
}

// all returns the streams that are known.
func (l *location) all() []*stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.streams))
}
