package scanner

import (
	"context"
	"time"
)

// audit is the state of a stream's audits: complete listings of the AuditWindow, of
// which the stream's first listing is one. What it finds that is older than the stream's
// beginning was there before, and is passed over: it is marked and does not count. When
// all of that and all that is new is committed, everything in the window has a mark, so
// the stream begins where the audit began; from then on every object without a mark is
// new. If AuditWindow has become longer, the next audit passes over what is older than
// the last one's beginning.
type audit struct {
	last  time.Time // when the last complete one began; zero if there was none
	began time.Time // of the one of which not all is committed; zero if there is none
	from  time.Time // where that one began to list
	round int       // of its location, in which it listed
	// forgets is stream.forgets as it was before the audit began: what was forgotten
	// since, it has not marked.
	forgets int
}

// due reports whether it is time for an audit. One that is to come, by a clock that was
// wrong, is no reason to wait.
func (a *audit) due(now time.Time, interval time.Duration) bool {
	if !a.began.IsZero() {
		return false
	}
	return a.last.IsZero() || now.Sub(a.last) >= interval || a.last.After(now.Add(ahead))
}

// listed takes note that an audit has listed all of its window.
func (a *audit) listed(now, from time.Time, round, forgets int) {
	a.began, a.from, a.round, a.forgets = now, from, round, forgets
}

// finishAudits has it noted which streams' audits are complete: all objects that they
// have found are committed.
func (l *location) finishAudits(ctx context.Context) error {
	n := &audited{}
	for _, st := range l.all() {
		if st.audit.began.IsZero() || !st.settled(st.audit.round) {
			continue
		}
		n.streams = append(n.streams, auditedStream{stream: st, audit: st.audit})
	}
	if len(n.streams) == 0 {
		return nil
	}
	if err := l.send(ctx, n); err != nil {
		return err
	}
	for _, a := range n.streams {
		a.stream.audit = audit{last: a.audit.began}
	}
	return nil
}
