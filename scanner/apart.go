package scanner

import "github.com/s3access/s3_access_exporter/scanner/record"

// apart watches whether copies of an event may be further apart than the events that are
// remembered: CloudTrail delivers an event to each account and each trail that it concerns
// at about the same time, but of what lay there at the start no more is read in the order of
// time than what waits at once (see inOrder).
type apart struct {
	events  int64              // of what lay there at the start
	streams map[string]*stream // by Region: one that has some
	several bool               // a Region has another one
	warned  bool
}

// watchApart takes note of an object that counts.
func (c *committer) watchApart(f *finished) {
	n := f.RecordsOf(record.CloudTrail)
	if n == 0 || !f.State.backlog {
		return
	}
	w := &c.apart
	w.events += n
	if w.streams == nil {
		w.streams = make(map[string]*stream)
	}
	st := f.State.stream
	if first := w.streams[f.Key.Region]; first == nil {
		w.streams[f.Key.Region] = st
	} else if first != st {
		w.several = true
	}
	if w.several && w.events > int64(c.cfg.DedupeWindow) && c.cfg.DedupeWindow > 0 && !w.warned {
		w.warned = true
		c.cfg.Logger.Warn("there are more events of CloudTrail to catch up on than are remembered: those that were delivered to several accounts or trails may count twice; "+
			"--scan.dedupe-window is too small for that", "window", c.cfg.DedupeWindow)
	}
}
