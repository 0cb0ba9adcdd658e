package scanner

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const (
	// pollsAtOnce is how many streams of a location are listed at once.
	pollsAtOnce = 8
	// auditMargin is how far S3's clock may differ from this machine's.
	auditMargin = 15 * time.Minute
	// maxSkipped is how many skipped objects are remembered, 8 bytes each, so
	// that they are counted once in a process's life; more are not counted.
	maxSkipped = 1 << 20
)

// location is what is known of a location while it is tailed.
type location struct {
	source.Location
	cfg   *Config
	ready *readiness

	// For the goroutine of tail alone:
	lastDiscovery time.Time
	rounds        int // that were begun
	audit         audit
	untidy        bool              // the last tidy has failed
	cursors       map[string]string // highest skipped key, by the foreign stream's prefix
	skipped       map[uint64]bool
	seed          maphash.Seed

	newest map[string]time.Time // for the committer alone: the newest request by log

	mu      sync.Mutex
	state   checkpoint.LocationState
	polled  time.Time          // end of the last round without an error
	failure error              // of the last round
	streams map[string]*stream // by ID
	backlog backlog
}

// audit is a complete listing that looked for objects that came after the audit
// before. It counts as done once all that it found is committed: until then the
// one before has to be relied on.
type audit struct {
	began time.Time // zero: none is waiting
	round int
}

// load reads the state of every location from the checkpoint.
func (s *Scanner) load(now time.Time) ([]*location, error) {
	var locations []*location
	for _, l := range s.cfg.Locations {
		loc := &location{
			Location: l,
			cfg:      &s.cfg,
			ready:    &s.ready,
			cursors:  make(map[string]string),
			skipped:  make(map[uint64]bool),
			seed:     maphash.MakeSeed(),
			newest:   make(map[string]time.Time),
			streams:  make(map[string]*stream),
		}
		loc.state.LastAudit = now
		if s.cfg.Since > 0 {
			// What lay there before the floor is not to count. It may have come
			// shortly before now, when a directory was copied, so here the margin
			// is but what S3's times, in seconds, need.
			loc.state.Floor = now.Add(-s.cfg.Since)
			loc.state.LastAudit = now.Add(auditMargin - 2*time.Second)
		}
		if err := loc.restore(); err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		locations = append(locations, loc)
	}
	return locations, nil
}

// restore takes the location's state from the checkpoint, or puts it there. It
// writes only what is new: a full disk must not keep the rest from being shown.
func (l *location) restore() error {
	known := false
	err := l.cfg.Checkpoint.View(func(tx *checkpoint.Tx) (err error) {
		known, err = l.take(tx)
		return err
	})
	if err != nil || known {
		return err
	}
	return l.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) error { return tx.PutLocation(l.Name, l.state) })
}

// take takes the location's state from the checkpoint, if it is there.
func (l *location) take(tx *checkpoint.Tx) (known bool, err error) {
	state, known, err := tx.Location(l.Name)
	if err != nil || !known {
		return false, err
	}
	l.state = state
	newest, err := tx.Newest(l.Name)
	if err != nil {
		return false, err
	}
	for log, t := range newest {
		l.newest[log] = t
		l.cfg.Metrics.newestEvent.WithLabelValues(l.Name, log).Set(float64(t.Unix()))
	}
	return true, tx.EachStream(l.Name, func(_ string, c *checkpoint.Stream) error {
		k := logkey.Parse(c.Watermark())
		if k.Skip != "" {
			return nil // of a format that only another version knows
		}
		st := newStream(k.Stream)
		l.streams[st.ID()] = st
		if err := st.restore(c); err != nil {
			return err
		}
		for _, t := range st.troubles() {
			l.cfg.Metrics.troubled(checkpoint.Failure{}, t)
		}
		return nil
	})
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
			polls.Go(func() error { return l.poll(ctx, jobs, st, now, l.window(st, state, now, auditing)) })
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

// tidy does what the checkpoint needs between two rounds. What it cannot do now
// it does after another round: nothing depends on it before.
func (l *location) tidy(now time.Time) {
	err := l.finishAudit()
	if err == nil {
		err = l.forget(now)
	}
	if err != nil && !l.untidy {
		l.cfg.Logger.Warn("old marks cannot be removed from the checkpoint for now", "location", l.Name, "err", err)
	}
	l.untidy = err != nil
}

// discover looks for streams that are not known yet, and counts what else lies
// there. It passes over the objects of a stream as soon as it has one of them.
func (l *location) discover(ctx context.Context) error {
	floor := l.current().Floor
	return source.Walk(ctx, l.Source, l.Prefix, "", func(obj source.Object) (string, bool) {
		key := logkey.Parse(obj.Key)
		if key.Skip != "" {
			return l.skip(obj.Key, key, floor), true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		id := key.Stream.ID()
		if l.streams[id] == nil {
			l.streams[id] = newStream(key.Stream)
		}
		l.streams[id].begins(key)
		return key.Stream.Beyond(key.Time), true
	})
}

// skip counts an object that is no log object, once. Of foreign streams it
// counts those from the floor on, and passes over those that it has counted.
func (l *location) skip(name string, key logkey.Key, floor time.Time) (goOn string) {
	if prefix := key.Stream.Prefix; key.Stream.Layout == logkey.Foreign {
		if begin := min(max(l.cursors[prefix], key.Stream.After(floor)), key.Beyond()); name < begin {
			return begin
		}
		l.cursors[prefix] = name
	}
	if id := maphash.String(l.seed, name); !l.skipped[id] && len(l.skipped) < maxSkipped {
		l.skipped[id] = true
		l.cfg.Metrics.skippedObjects.WithLabelValues(string(key.Skip)).Inc()
	}
	return ""
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

// finishAudit takes note of an audit whose objects have all been committed.
func (l *location) finishAudit() error {
	if l.audit.began.IsZero() {
		return nil
	}
	for _, st := range l.all() {
		if !st.settled(l.audit.round) {
			return nil
		}
	}
	state := l.current()
	state.LastAudit = l.audit.began
	err := l.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) error { return tx.PutLocation(l.Name, state) })
	if err != nil {
		return err
	}
	l.audit = audit{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	return nil
}

// forget forgets the seen objects that no listing is going to come across: those
// before the day on which the next sweep begins, unless an audit is still to come
// across them. It must not run while a stream is polled, for a poll relies on
// what was seen from its beginning on.
func (l *location) forget(now time.Time) error {
	audited := l.current().LastAudit.Add(-auditMargin)
	for _, st := range l.all() {
		mark, known := st.mark(now)
		horizon := mark.Add(-l.cfg.SweepWindow).Truncate(day)
		if !known || !horizon.After(st.forgotten) {
			continue
		}
		err := l.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) error {
			return tx.Stream(l.Name, st.ID()).ForgetSeen(horizon, audited)
		})
		if err != nil {
			return err
		}
		st.forgotten = horizon
	}
	return nil
}

// report tells of a round in the metrics, and in the log where it is not like the
// one before.
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
