package scanner

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// auditMargin is how far S3's clock may differ from this machine's.
const auditMargin = 15 * time.Minute

// audit is a complete listing that looked for objects that came after the audit
// before. It counts as done once all that it found is committed: until then the
// one before has to be relied on.
type audit struct {
	began time.Time // zero: none is waiting
	round int
}

// tidy does what the checkpoint needs between two rounds. What it cannot do now it does
// after another one: nothing depends on it before.
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
