package scanner

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// A commit does not wait for more once it has maxBatch objects, or once these hold
// maxWeight: as many as may wait meanwhile.
const (
	maxBatch  = reader.MaxWaiting
	maxWeight = reader.MaxWeight

	// Nor does it wait for more when none has come for this part of the
	// CommitInterval.
	longPause = 20
)

// committer makes results durable, many in a commit. Nothing else marks an object, and
// nothing is exposed before its commit. It belongs to the goroutine that called Run.
type committer struct {
	cfg     *Config
	ready   *readiness
	window  *dedupe.Window
	results *reader.Results[tailed]
	batch   []*finished
	weight  int // of the batch's tallies
	failing bool
}

// finished is a result with what is kept of its object's failures before and after the
// commit, zero if it has none.
type finished struct {
	*result
	before, after checkpoint.Failure
}

// run commits results until they end. It returns the error of the last commit.
func (c *committer) run(ctx context.Context) error {
	ticker := time.NewTicker(c.cfg.CommitInterval)
	defer ticker.Stop()
	pause := time.NewTimer(c.cfg.CommitInterval) // begins anew with each result
	defer pause.Stop()
	done := ctx.Done()
	in := c.results.Ahead()
	for {
		due := false
		select {
		case r, more := <-in:
			if !more {
				return c.commit()
			}
			c.results.Taken(r)
			c.add(ctx, r)
			// Once ctx has ended, the last commit takes what there is room for.
			if c.full() && ctx.Err() == nil && c.commit() != nil {
				in = nil // until a commit succeeds; meanwhile the readers wait
			}
			pause.Reset(c.cfg.CommitInterval / longPause)
		case <-pause.C:
			due = true
		case <-ticker.C:
			due = true
		case <-done:
			// What is not committed by now is read again after the next start.
			done, in = nil, c.results.Ahead()
		}
		if due && c.commit() == nil {
			in = c.results.Ahead()
		}
	}
}

// full reports whether the batch should be committed.
func (c *committer) full() bool {
	return len(c.batch) >= maxBatch || c.weight >= maxWeight
}

// add takes a result for the next commit.
func (c *committer) add(ctx context.Context, r *result) {
	if ctx.Err() != nil && (r.Err != nil || c.full()) {
		return // it failed because ctx has ended, or there is no room: the next Run reads it
	}
	ready, failed := c.results.Pass(r)
	for _, r := range ready {
		c.weight += r.Weight
		c.batch = append(c.batch, &finished{result: r, before: r.State.stream.finish(r.Object.Key)})
	}
	for _, r := range failed {
		f := &finished{result: r, before: r.State.stream.finish(r.Object.Key)}
		if r.Err.Reason != source.ReasonGone {
			f.after = failureOf(f.before, r, time.Now())
		}
		c.batch = append(c.batch, f)
	}
}

// commit commits the batch and exposes it. If that fails, the batch is kept.
func (c *committer) commit() error {
	if len(c.batch) == 0 && !c.cfg.Consumer.Due() {
		return nil
	}
	start := time.Now()
	claims := c.claims()
	var marks map[*stream]string
	var expose func()
	err := c.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) (err error) {
		if marks, err = c.mark(tx); err != nil {
			return err
		}
		if err := c.putEvents(tx, claims); err != nil {
			return err
		}
		expose, err = c.cfg.Consumer.Stage(c.tallies(), tx.Series())
		return err
	})
	c.report(err)
	if err != nil {
		return err
	}
	c.cfg.Metrics.commitDuration.Observe(time.Since(start).Seconds())
	c.cfg.Metrics.checkpointSize.Set(float64(c.cfg.Checkpoint.Size()))
	expose()
	c.window.Commit(claims)
	for st, watermark := range marks {
		st.advance(watermark)
	}
	for _, f := range c.batch {
		c.resolved(f)
	}
	clear(c.batch)
	c.batch, c.weight = c.batch[:0], 0
	return nil
}

func (c *committer) tallies() []Tally {
	var tallies []Tally
	for _, f := range c.batch {
		if f.Err == nil {
			tallies = append(tallies, f.Tally)
		}
	}
	return tallies
}

// claims returns the Claims of the batch's objects; those that do not count hold no
// events.
func (c *committer) claims() []*dedupe.Claim {
	claims := make([]*dedupe.Claim, len(c.batch))
	for i, f := range c.batch {
		claims[i] = &f.Claim
	}
	return claims
}

// putEvents writes the IDs of the batch's events, and removes those that are not
// needed any more.
func (c *committer) putEvents(tx *checkpoint.Tx, claims []*dedupe.Claim) error {
	ids, old := c.window.Changes(claims)
	if len(ids) == 0 {
		return nil
	}
	if old > 0 {
		if err := tx.DropEvents(old); err != nil {
			return err
		}
	}
	return tx.AppendEvents(ids)
}

// mark writes what becomes of the batch's objects, and returns the watermarks of
// their streams.
func (c *committer) mark(tx *checkpoint.Tx) (map[*stream]string, error) {
	marks := make(map[*stream]string)
	for _, f := range c.batch {
		st, err := tx.CreateStream(f.Location.Name, f.State.stream.ID())
		if err != nil {
			return nil, err
		}
		if marks[f.State.stream] == "" {
			marks[f.State.stream] = f.State.stream.advanced()
			if err := st.PutWatermark(marks[f.State.stream]); err != nil {
				return nil, err
			}
		}
		if err := markObject(st, f); err != nil {
			return nil, err
		}
		if f.State.home.newer(f.result) {
			if err := tx.PutNewest(f.Location.Name, f.State.home.newest); err != nil {
				return nil, err
			}
		}
	}
	return marks, nil
}

func markObject(st *checkpoint.Stream, f *finished) error {
	if f.after.Attempts > 0 {
		return st.PutFailure(f.Object.Key, f.after)
	}
	if f.before.Attempts > 0 {
		if err := st.DeleteFailure(f.Object.Key); err != nil {
			return err
		}
	}
	return st.MarkSeen(checkpoint.NewObjectID(f.Object.Key, f.Key.Time), f.Object.LastModified)
}

// newer keeps the time of the result's newest record if it is the location's, and
// reports whether it is. Should the commit fail, the result comes again.
func (l *location) newer(r *result) bool {
	log, t := r.Log().String(), time.Unix(r.Newest, 0).UTC()
	if r.Err != nil || r.Records == 0 || t.Before(l.newest[log]) {
		return false
	}
	l.newest[log] = t
	return true
}

// resolved takes an object whose commit is done out of the queue, and shows it.
func (c *committer) resolved(f *finished) {
	m := c.cfg.Metrics
	f.State.stream.committed(f.Object.Key, f.after)
	m.failing(f.before, f.after)
	switch {
	case f.Err != nil:
		m.objectErrors.WithLabelValues(string(f.Err.Reason)).Inc()
		c.logFailure(f)
	case f.Skip != "":
		f.State.home.skips.note(f.Object.Key, f.Skip)
	default:
		m.counted(f.result)
		f.LogSkipped(c.cfg.Logger)
		for log, t := range f.State.home.newest {
			m.newestEvent.WithLabelValues(f.Location.Name, log).Set(float64(t.Unix()))
		}
	}
	if f.State.backlog {
		f.State.home.backlog.resolve(c.ready)
	}
}

// logFailure logs an object that could not be read when that is news.
func (c *committer) logFailure(f *finished) {
	log := c.cfg.Logger.With("location", f.Location.Name, "key", f.Object.Key, "reason", f.Err.Reason, "err", f.Err.Err)
	switch {
	case f.Err.Reason == source.ReasonGone:
		log.Warn("object is gone, its records are not counted")
	case f.before.Reason == f.after.Reason && f.before.Quarantined == f.after.Quarantined:
	case f.after.Quarantined:
		log.Error("object is quarantined, its records are not counted; it is tried again at the next start")
	default:
		log.Warn("object could not be read, it is tried again")
	}
}

// report logs how a commit ended where that is news.
func (c *committer) report(err error) {
	if err != nil && !c.failing {
		c.cfg.Logger.Error("the checkpoint cannot be written; nothing is counted until it can", "err", err)
	}
	if err == nil && c.failing {
		c.cfg.Logger.Info("the checkpoint can be written again")
	}
	c.failing = err != nil
	c.ready.committed(err)
}
