package scanner

import (
	"context"
	"errors"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// A commit does not wait for more once it has maxBatch objects, or once these hold
// maxWeight: as many as may wait meanwhile.
const (
	maxBatch  = reader.MaxWaiting
	maxWeight = reader.MaxWeight

	// Nor does it wait for more when none has come for this part of the
	// CommitInterval, unless there is a CommitPause.
	longPause = 20
)

// committer makes results and notes durable, many in a commit. Nothing else writes to the
// checkpoint while it runs, and nothing is exposed before its commit. It belongs to the
// goroutine that called Run.
type committer struct {
	cfg       *Config
	ready     *readiness
	window    *dedupe.Window
	results   *reader.Results[tailed]
	notes     <-chan note
	locations []*location

	batch   []*finished
	noted   []note
	weight  int // of the batch's tallies, and of what was noted
	failing bool
	last    time.Time // when a commit succeeded last
	tidying tidying
	clock   *clock
	doubles doubles
	apart   apart
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
	in, notes := c.results.Ahead(), c.notes
	for {
		due, came := false, false
		select {
		case r, more := <-in:
			if !more {
				return c.commitPending()
			}
			c.results.Taken(r)
			c.add(ctx, r)
			came = true
		case n := <-notes:
			c.noted = append(c.noted, n)
			c.weight += n.weight()
			came = true
		case <-pause.C:
			due = true
		case <-ticker.C:
			due = true
			c.watchClock()
			c.tidy(ctx)
		case <-done:
			// What is not committed by now is read again after the next start.
			done, in, notes = nil, c.results.Ahead(), nil
		}
		if came {
			// Once ctx has ended, the last commit takes what there is room for.
			if c.full() && ctx.Err() == nil && c.commit() != nil {
				in, notes = nil, nil // until a commit succeeds; meanwhile the others wait
			}
			pause.Reset(c.cfg.CommitPause)
		}
		if due && c.commitDue() == nil {
			in = c.results.Ahead()
			if ctx.Err() == nil {
				notes = c.notes
			}
		}
	}
}

// watchClock logs that the wall clock has jumped.
func (c *committer) watchClock() {
	if by := c.clock.jumped(); by != 0 {
		c.cfg.Logger.Warn("the clock has jumped", "by", by)
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
			f.after = failureOf(f.before, r, c.cfg.Now())
		}
		c.batch = append(c.batch, f)
	}
}

// commitDue is commitPending, or commits nothing if there was no commit for CommitIdle.
func (c *committer) commitDue() error {
	if time.Since(c.last) >= c.cfg.CommitIdle {
		return c.commit()
	}
	return c.commitPending()
}

// commitPending commits what there is.
func (c *committer) commitPending() error {
	if len(c.batch) == 0 && len(c.noted) == 0 && !c.cfg.Consumer.Due() {
		return nil
	}
	return c.commit()
}

// commit commits the batch and exposes it. If that fails, the batch is kept.
func (c *committer) commit() error {
	start := time.Now()
	claims := c.claims()
	var changed rows
	var expose func()
	err := c.watched(func(tx *checkpoint.Tx) (err error) {
		changed = make(rows)
		if err := c.write(tx, changed); err != nil {
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
	c.watchApart()
	c.last = time.Now()
	c.cfg.Metrics.commitDuration.Observe(time.Since(start).Seconds())
	c.cfg.Metrics.checkpointSize.Set(float64(c.cfg.Checkpoint.Size()))
	c.cfg.Logger.Debug("committed", "objects", len(c.batch), "notes", len(c.noted), "streams", len(changed), "duration", time.Since(start))
	expose()
	c.window.Commit(claims)
	for st, row := range changed {
		st.keep(*row)
	}
	for _, f := range c.batch {
		c.resolved(f)
	}
	c.reportDoubles()
	for _, n := range c.noted {
		n.committed()
	}
	c.tidying.marks += len(c.batch) + c.noteWeight()
	clear(c.batch)
	clear(c.noted)
	c.batch, c.noted, c.weight = c.batch[:0], c.noted[:0], 0
	return nil
}

func (c *committer) noteWeight() (weight int) {
	for _, n := range c.noted {
		weight += n.weight()
	}
	return weight
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

// write writes what becomes of the batch's objects, and what was noted. changed gets the
// states of their streams.
func (c *committer) write(tx *checkpoint.Tx, changed rows) error {
	marks := make(map[markedDay][]checkpoint.Mark)
	for _, f := range c.batch {
		st := f.State.stream
		if changed[st] == nil {
			changed.of(st).Watermark = st.advanced()
		}
		row := changed.of(st)
		if f.Err == nil && f.Newest > 0 {
			row.Newest = latest(row.Newest, time.Unix(f.Newest, 0).UTC())
		}
		if f.Records > 0 && st.Log() == 0 {
			row.Log = f.Log().String()
		}
		marked, err := writeObject(tx, f)
		if err != nil {
			return err
		}
		if marked {
			d := markedDay{st, checkpoint.DayOf(f.Key.Time)}
			marks[d] = append(marks[d], f.mark())
		}
	}
	for d, marks := range marks {
		if err := tx.AddMarks(d.stream.id, checkpoint.Counted, d.day, marks...); err != nil {
			return err
		}
	}
	var err error
	for _, n := range c.noted {
		err = errors.Join(err, n.write(tx, changed))
	}
	for st, row := range changed {
		err = errors.Join(err, tx.PutStream(st.id, *row))
	}
	return err
}

// markedDay is a day of a stream of which objects are marked.
type markedDay struct {
	stream *stream
	day    checkpoint.Day
}

// writeObject writes the failure of an object, or that it has none any more. It reports
// whether the object is to be marked.
func writeObject(tx *checkpoint.Tx, f *finished) (marked bool, err error) {
	if f.after.Attempts > 0 {
		return false, tx.PutFailure(f.State.stream.id, f.Object.Key, f.after)
	}
	if f.before.Attempts > 0 {
		err = tx.DeleteFailure(f.State.stream.id, f.Object.Key)
	}
	// What is gone has not counted. If it comes back, it is new.
	return f.Err == nil, err
}

// mark returns the mark of an object that was read. One that held nothing, as it was empty
// or no log, is new once it has changed. One of the form that is left out is not: what it
// holds may have counted in the other form.
func (f *finished) mark() checkpoint.Mark {
	if f.Records == 0 && f.Skipped == (record.Skipped{}) && f.Skip != logkey.SkipOtherForm {
		return emptyMarkOf(f.Object)
	}
	return markOf(f.Object)
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
		c.doubles.compare(f, c.cfg.Now())
		f.LogSkipped(c.cfg.Logger)
		if f.RecordsOf(record.CloudTrail) > 0 {
			f.State.home.showStray(f.State.stream)
		}
		c.cfg.Logger.Debug("object is counted", "location", f.Location.Name, "key", f.Object.Key, "records", f.Records, "bytes", f.Object.Size)
		if f.Newest > 0 {
			f.State.home.newer(f.Log().String(), time.Unix(f.Newest, 0).UTC())
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
		log.Error("object is quarantined, its records are not counted; it is tried again once it has changed, and at the next start")
	default:
		log.Warn("object could not be read, it is tried again")
	}
}
