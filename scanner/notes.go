package scanner

import (
	"context"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// note is a change of the checkpoint other than what becomes of objects that are read.
// Locations send notes to the committer, which alone writes, in the order in which they
// come.
type note interface {
	// write makes the change in a transaction. It is called again if that fails.
	write(tx *checkpoint.Tx, rows rows) error
	// committed is called once the change is durable.
	committed()
	// weight is how many streams or objects are concerned.
	weight() int
}

// rows are the states of streams that a transaction changes, as they are to be kept.
type rows map[*stream]*checkpoint.Stream

// of returns the state of a stream, to be changed.
func (r rows) of(st *stream) *checkpoint.Stream {
	row := r[st]
	if row == nil {
		kept := st.state()
		row = &kept
		r[st] = row
	}
	return row
}

// send sends a note to the committer. The error is that of ctx.
func (l *location) send(ctx context.Context, n note) error {
	select {
	case l.notes <- n:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// passedOver: objects of one day were there before, and do not count.
type passedOver struct {
	stream *stream
	day    checkpoint.Day
	marks  []checkpoint.Mark
}

func (n *passedOver) write(tx *checkpoint.Tx, rows rows) error {
	rows.of(n.stream)
	return tx.AddMarks(n.stream.id, checkpoint.PassedOver, n.day, n.marks...)
}

func (n *passedOver) committed() {}

func (n *passedOver) weight() int { return len(n.marks) }

// renewed: an object that has a mark is another one now.
type renewed struct {
	home   *location
	stream *stream
	key    string
	day    checkpoint.Day
	kind   checkpoint.MarkKind
	mark   checkpoint.Mark
	change string // changeSize or changeContent
}

// renew takes note that an object's mark is to be renewed, and reports whether that is
// news.
func (s *stream) renew(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewed[key] {
		return false
	}
	if s.renewed == nil {
		s.renewed = make(map[string]bool)
	}
	s.renewed[key] = true
	return true
}

func (n *renewed) write(tx *checkpoint.Tx, rows rows) error {
	rows.of(n.stream)
	return tx.AddMarks(n.stream.id, n.kind, n.day, n.mark)
}

func (n *renewed) committed() {
	n.stream.mu.Lock()
	delete(n.stream.renewed, n.key)
	n.stream.mu.Unlock()
	n.home.cfg.Metrics.changedObjects.WithLabelValues(n.change).Inc()
}

func (n *renewed) weight() int { return 1 }

// searched: a search for streams is complete.
type searched struct {
	home    *location
	prefix  checkpoint.Prefix
	streams []*stream // that the checkpoint does not keep yet
}

func (n *searched) write(tx *checkpoint.Tx, rows rows) error {
	for _, st := range n.streams {
		rows.of(st)
	}
	return tx.PutPrefix(n.home.Store, n.home.Prefix, n.prefix)
}

func (n *searched) committed() {}

func (n *searched) weight() int { return len(n.streams) }

// audited: audits of streams are complete.
type audited struct {
	streams []auditedStream
}

type auditedStream struct {
	stream *stream
	audit  audit
}

func (n *audited) write(_ *checkpoint.Tx, rows rows) error {
	for _, a := range n.streams {
		row := rows.of(a.stream)
		row.Audited = a.audit.began
		if a.audit.forgets == a.stream.forgotten() {
			if row.Within != "" && row.Outside.IsZero() {
				row.Outside = row.Begin // where but a part is listed, the rest was not passed over
			}
			row.Begin = earliest(row.Begin, a.audit.from)
		}
		row.Watermark = a.stream.advanced()
	}
	return nil
}

func (n *audited) committed() {}

func (n *audited) weight() int { return len(n.streams) }
