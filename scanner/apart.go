package scanner

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// apart watches whether copies of an event may be further apart than the events that are
// remembered: CloudTrail delivers an event to each account and each trail that it concerns
// at about the same time, but of what there is to catch up on no more is read in the order of
// time than what waits at once (see inOrder).
type apart struct {
	events  int64              // that were caught up on
	streams map[string]*stream // by Region: one that has some
	several bool               // a Region has another one
	warned  bool
}

// behind is how long ago the time in its key is of an object that is caught up on.
const behind = time.Hour

// watchApart takes note of the batch, which counts. Once all events in one are new, what there
// was is caught up on.
func (c *committer) watchApart() {
	w, now := &c.apart, c.cfg.Now()
	before, isNew := w.events, false
	for _, f := range c.batch {
		n := f.RecordsOf(record.CloudTrail)
		switch {
		case f.Err != nil || n == 0:
		case f.State.backlog || now.Sub(f.Key.Time) >= behind:
			w.take(f.State.stream, f.Key.Region, n)
		default:
			isNew = true
		}
	}
	if isNew && w.events == before {
		*w = apart{warned: w.warned}
	}
	if w.several && w.events > int64(c.cfg.DedupeWindow) && c.cfg.DedupeWindow > 0 && !w.warned {
		w.warned = true
		c.cfg.Logger.Warn("there are more events of CloudTrail to catch up on than are remembered: those that were delivered to several accounts or trails may count twice; "+
			"--scan.dedupe-window is too small for that", "window", c.cfg.DedupeWindow)
	}
}

// take takes note of events of a stream.
func (w *apart) take(st *stream, region string, events int64) {
	w.events += events
	if w.streams == nil {
		w.streams = make(map[string]*stream)
	}
	if first := w.streams[region]; first == nil {
		w.streams[region] = st
	} else if first != st {
		w.several = true
	}
}
