package scanner

import (
	"context"
	"log/slog"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// A commit does not wait for more once it has maxBatch objects, or once these hold
// maxWeight, which is some ten megabytes.
const (
	maxBatch  = 512
	maxWeight = 50_000

	// Nor does it wait for more when none has come for this part of the
	// CommitInterval.
	longPause = 20
)

// committer makes results durable, many in a commit. Nothing else marks an
// object, and nothing is exposed before its commit.
type committer struct {
	cfg     *Config
	ready   *readiness
	gate    gate
	batch   []*finished
	weight  int // of the batch's tallies
	failing bool
}

// finished is a result with what is to become of its object.
type finished struct {
	*result
	before, after checkpoint.Failure // zero: none
}

// run commits results until they end. It returns the error of the last commit.
func (c *committer) run(ctx context.Context, results *results) error {
	ticker := time.NewTicker(c.cfg.CommitInterval)
	defer ticker.Stop()
	pause := time.NewTimer(c.cfg.CommitInterval) // begins anew with each result
	defer pause.Stop()
	done := ctx.Done()
	in := results.ahead
	for {
		due := false
		select {
		case r, more := <-in:
			if !more {
				return c.commit()
			}
			results.taken(r)
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
			done, in = nil, results.ahead
		}
		if due && c.commit() == nil {
			in = results.ahead
		}
	}
}

// full reports whether the batch should be committed.
func (c *committer) full() bool {
	return len(c.batch) >= maxBatch || c.weight >= maxWeight
}

// add takes a result for the next commit.
func (c *committer) add(ctx context.Context, r *result) {
	if ctx.Err() != nil && (r.err != nil || c.full()) {
		return // the end of ctx, and not the object, is the trouble
	}
	ready, broken := c.gate.pass(r)
	for _, r := range ready {
		c.weight += r.weight
		c.batch = append(c.batch, &finished{result: r, before: r.stream.finish(r.obj.Key)})
	}
	for _, r := range broken {
		f := &finished{result: r, before: r.stream.finish(r.obj.Key)}
		if r.err.Reason != source.ReasonGone {
			f.after = trouble(f.before, r, time.Now())
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
	results := c.results()
	var marks map[*stream]string
	var expose func()
	err := c.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) (err error) {
		if marks, err = c.mark(tx); err != nil {
			return err
		}
		if err := c.gate.duplicates.stage(tx, results); err != nil {
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
	c.gate.duplicates.remember(results)
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
		if f.err == nil {
			tallies = append(tallies, f.tally)
		}
	}
	return tallies
}

// results returns the batch's results; those that do not count claim no events.
func (c *committer) results() []*result {
	results := make([]*result, len(c.batch))
	for i, f := range c.batch {
		results[i] = f.result
	}
	return results
}

// mark writes what becomes of the batch's objects, and returns the watermarks of
// their streams.
func (c *committer) mark(tx *checkpoint.Tx) (map[*stream]string, error) {
	marks := make(map[*stream]string)
	for _, f := range c.batch {
		st, err := tx.CreateStream(f.location.Name, f.stream.ID())
		if err != nil {
			return nil, err
		}
		if marks[f.stream] == "" {
			marks[f.stream] = f.stream.advanced()
			if err := st.PutWatermark(marks[f.stream]); err != nil {
				return nil, err
			}
		}
		if err := markObject(st, f); err != nil {
			return nil, err
		}
		if f.home.newer(f.result) {
			if err := tx.PutNewest(f.location.Name, f.home.newest); err != nil {
				return nil, err
			}
		}
	}
	return marks, nil
}

func markObject(st *checkpoint.Stream, f *finished) error {
	if f.after.Attempts > 0 {
		return st.PutFailure(f.obj.Key, f.after)
	}
	if f.before.Attempts > 0 {
		if err := st.DeleteFailure(f.obj.Key); err != nil {
			return err
		}
	}
	return st.MarkSeen(checkpoint.NewObjectID(f.obj.Key, f.key.Time), f.obj.LastModified)
}

// newer keeps the time of the result's newest record if it is the location's, and
// reports whether it is. Should the commit fail, the result comes again.
func (l *location) newer(r *result) bool {
	log, t := r.key.Stream.Log().String(), time.Unix(r.newest, 0).UTC()
	if r.err != nil || r.records == 0 || t.Before(l.newest[log]) {
		return false
	}
	l.newest[log] = t
	return true
}

// resolved tells of an object whose commit is done.
func (c *committer) resolved(f *finished) {
	m := c.cfg.Metrics
	f.stream.committed(f.obj.Key, f.after)
	m.troubled(f.before, f.after)
	if f.err != nil {
		m.objectErrors.WithLabelValues(string(f.err.Reason)).Inc()
		c.logTrouble(f)
	} else {
		m.counted(f.result)
		logMalformed(c.cfg.Logger, f.result)
		for log, t := range f.home.newest {
			m.newestEvent.WithLabelValues(f.location.Name, log).Set(float64(t.Unix()))
		}
	}
	if f.backlog {
		f.home.backlog.resolve(c.ready)
	}
}

// logTrouble logs an object that could not be read when that is news.
func (c *committer) logTrouble(f *finished) {
	log := c.cfg.Logger.With("location", f.location.Name, "key", f.obj.Key, "reason", f.err.Reason, "err", f.err.Err)
	switch {
	case f.err.Reason == source.ReasonGone:
		log.Warn("object is gone, its records are not counted")
	case f.before.Reason == f.after.Reason && f.before.Quarantined == f.after.Quarantined:
	case f.after.Quarantined:
		log.Error("object is quarantined, its records are not counted; it is tried again at the next start")
	default:
		log.Warn("object could not be read, it is tried again")
	}
}

// logMalformed logs that records of an object were skipped.
func logMalformed(log *slog.Logger, r *result) {
	if r.skipped.Malformed > 0 {
		log.Warn("records were skipped that could not be understood", "location", r.location.Name,
			"key", r.obj.Key, "records", r.skipped.Malformed, "err", r.skipped.First)
	}
}

// report tells of a commit where it is not like the one before.
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
