package scanner

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// pollsAtOnce is how many streams of a location are listed at once.
const pollsAtOnce = 8

// location is what is known of a location while it is tailed.
type location struct {
	source.Location
	cfg     *Config
	ready   *readiness
	backlog backlog // has a lock of its own

	// Owned by the goroutine of tail; the polls of a round read rounds:
	skips *skips
	// recogniser is owned by the goroutine of tail.
	recogniser    *reader.Recogniser
	lastDiscovery time.Time
	rounds        int // that were begun
	audit         audit
	untidy        bool // the last tidy has failed

	// Owned by the committer:
	newest map[string]time.Time // the newest request by log

	mu      sync.Mutex // guards all below
	state   checkpoint.LocationState
	polled  time.Time          // end of the last round without an error
	failure error              // of the last round
	streams map[string]*stream // by ID
}

func newLocation(l source.Location, cfg *Config, ready *readiness) *location {
	return &location{
		Location: l,
		cfg:      cfg,
		ready:    ready,
		skips:    newSkips(cfg.Metrics, cfg.Logger.With("location", l.Name)),

		recogniser: reader.NewRecogniser(),
		newest:     make(map[string]time.Time),
		streams:    make(map[string]*stream),
	}
}

// tail lists the location again and again, and queues what is new.
func (l *location) tail(ctx context.Context, jobs chan<- *job) {
	ticker := time.NewTicker(l.cfg.Interval)
	defer ticker.Stop()
	for {
		err := l.round(ctx, jobs, time.Now())
		if ctx.Err() != nil {
			return
		}
		l.report(err)
		l.tidy(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round does everything that is due, and returns the first error. What has
// failed is due again in the next round.
func (l *location) round(ctx context.Context, jobs chan<- *job, now time.Time) error {
	l.rounds++
	var failed error
	if len(l.all()) == 0 || now.Sub(l.lastDiscovery) >= l.cfg.SweepInterval {
		if failed = l.discover(ctx); failed == nil {
			l.lastDiscovery = now
		}
	}
	state := l.current()
	auditing := l.audit.began.IsZero() && now.Sub(state.LastAudit) >= l.cfg.AuditInterval
	var polls errgroup.Group
	polls.SetLimit(pollsAtOnce)
	for _, st := range l.all() {
		for _, obj := range st.due(now) {
			if !l.enqueue(ctx, jobs, &job{Key: logkey.Parse(obj.Key), Object: obj, State: tailed{stream: st}}) {
				return ctx.Err()
			}
		}
		if auditing || st.pollDue(now.Add(l.cfg.Interval/2)) { // rounds are not on the dot
			polls.Go(func() error { return l.poll(ctx, jobs, st, now, l.scope(st, state, now, auditing)) })
		}
	}
	if err := polls.Wait(); failed == nil {
		failed = err
	}
	if failed != nil {
		return failed
	}
	l.backlog.complete(l.ready)
	if auditing {
		l.audit = audit{began: now, round: l.rounds}
	}
	return nil
}

// enqueue queues an object, or returns false because ctx has ended.
func (l *location) enqueue(ctx context.Context, jobs chan<- *job, j *job) bool {
	j.Location, j.State.home = l.Location, l
	j.State.backlog = l.backlog.add()
	j.State.stream.begin(j.Object.Key, l.rounds)
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
	failing := l.ended(err, time.Now()) != nil
	if err != nil {
		m.lastPollOK.WithLabelValues(name).Set(0)
		if !failing {
			l.cfg.Logger.Error("listing failed", "location", name, "err", err)
		}
		return
	}
	m.lastPollOK.WithLabelValues(name).Set(1)
	m.lastPoll.WithLabelValues(name).SetToCurrentTime()
	if failing {
		l.cfg.Logger.Info("listing works again", "location", name)
	}
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

// current returns a copy of the location's state.
func (l *location) current() checkpoint.LocationState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// all returns the streams that are known.
func (l *location) all() []*stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.streams))
}
