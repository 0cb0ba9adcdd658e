package scanner

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

const (
	// tidyInterval is the time between two looks at what need not be kept as it is.
	tidyInterval = time.Hour
	// tidyMarks is after how many new marks there is one earlier.
	tidyMarks = 1 << 19
	// settling is how long after a day most of its objects have come.
	settling = 6 * time.Hour
)

// tidying is what the committer knows about tidying the checkpoint.
type tidying struct {
	last   time.Time // the last look
	marks  int       // that were added since then
	more   bool      // there was more to do than for one transaction
	failed bool      // the last attempt has
}

// tidy forgets the marks that no listing is going to come across, and packs others, if
// it is time for that. What cannot be done now is done later: nothing depends on it
// before. Once ctx has ended, nothing is begun and what was begun is void.
func (c *committer) tidy(ctx context.Context) {
	t := &c.tidying
	if ctx.Err() != nil || time.Since(t.last) < tidyInterval && t.marks < tidyMarks && !t.more {
		return
	}
	t.last, t.marks, t.more = time.Now(), 0, false
	streams := make(map[checkpoint.StreamID]*stream)
	plan := c.plan(streams, c.cfg.Now())
	isTidy := false
	err := c.cfg.Checkpoint.View(func(tx *checkpoint.Tx) (err error) {
		isTidy, err = tx.IsTidy(ctx, plan)
		return err
	})
	if err == nil && !isTidy {
		t.more, err = c.tidyOnce(ctx, plan, streams)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.cfg.Metrics.commitFailures.Inc()
		if !t.failed {
			c.cfg.Logger.Warn("old marks cannot be removed from the checkpoint for now", "err", err)
		}
	}
	t.failed = err != nil
}

// tidyOnce tidies in one transaction. It reports whether there is more to do.
func (c *committer) tidyOnce(ctx context.Context, plan checkpoint.Tidying, streams map[checkpoint.StreamID]*stream) (more bool, err error) {
	start := time.Now()
	var done checkpoint.Tidied
	err = c.watched(func(tx *checkpoint.Tx) (err error) {
		done, err = tx.Tidy(ctx, plan)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, id := range done.Forgotten {
		streams[id].forget(plan.Horizons[id].Time())
	}
	c.cfg.Logger.Debug("checkpoint was tidied", "streams", len(done.Forgotten), "duration", time.Since(start))
	return done.More, nil
}

// plan returns what need not be kept as it is. Listings come across what is within
// SweepWindow of a stream's watermark, and what is within AuditWindow of now, or of the stream's
// last audit. Now is here no later than the newest watermark: if the clock jumps, the log does not.
func (c *committer) plan(streams map[checkpoint.StreamID]*stream, now time.Time) checkpoint.Tidying {
	marks := make(map[checkpoint.StreamID]time.Time)
	var newest time.Time
	for _, l := range c.locations {
		for _, st := range l.all() {
			if mark, known := st.mark(now); known {
				streams[st.id], marks[st.id] = st, mark
				newest = latest(newest, mark)
			}
		}
	}
	plan := checkpoint.Tidying{Horizons: make(map[checkpoint.StreamID]checkpoint.Day), Packing: checkpoint.DayOf(now.Add(-settling))}
	for id, mark := range marks {
		horizon := earliest(newest.Add(-c.cfg.AuditWindow), mark.Add(-c.cfg.SweepWindow))
		if audited := streams[id].state().Audited; !audited.IsZero() {
			horizon = earliest(horizon, audited.Add(-c.cfg.AuditWindow))
		}
		plan.Horizons[id] = checkpoint.DayOf(horizon)
	}
	return plan
}
