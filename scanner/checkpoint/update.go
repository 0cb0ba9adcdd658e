package checkpoint

import (
	"errors"
	"fmt"
)

// Update is File.Update, for within Run's lead: it runs fn in a transaction that is
// durable, or void, when Update returns. While the store gives no answer, or another one
// than that the segment is stored, Update waits and tries again: nothing that is read out
// of such an answer may be relied on. Status has the reason meanwhile. Once Run's context
// has ended, it does not wait for more than some seconds.
//
// If fn changes nothing, it is durable all the same, as an empty segment: a commit shows that
// there can be one.
//
// If it fails with ErrFenced, all that was committed by this process is durable, and it
// commits nothing any more.
func (j *Journal) Update(fn func(*Tx) error) error {
	j.write.take()
	defer j.write.give()
	if err := j.writable(); err != nil {
		return j.named(err)
	}
	if err := j.local.guard.check(); err != nil {
		return j.named(j.localFailure(err))
	}
	return j.commit(fn)
}

// localFailure ends the journal because of an error of the local copy.
func (j *Journal) localFailure(err error) error {
	return j.end(j.local.failure(err))
}

// commit is Update for a local copy that is as it was left. j.write is held.
func (j *Journal) commit(fn func(*Tx) error) error {
	bolt, err := j.local.db.Begin(true)
	if err != nil {
		return j.named(err)
	}
	defer func() { _ = bolt.Rollback() }() // after a commit there is nothing to roll back
	tx := &Tx{bolt: bolt, log: new(changes)}
	if err := fn(tx); errors.Is(err, ErrDamaged) {
		return j.named(j.localFailure(err))
	} else if err != nil {
		return err
	}
	if len(tx.log.encoded) > maxChanges {
		return j.named(fmt.Errorf("a commit of %d bytes is too large", len(tx.log.encoded)))
	}
	next := j.next()
	next.changes = tx.log.encoded
	err = errors.Join(tx.putTotals(), tx.putPosition(next.position, true))
	if err != nil {
		return j.named(err)
	}
	if err := j.put(next); err != nil {
		return j.named(err)
	}
	// Whoever reads the local copy does not wait until the segment is there.
	if err := j.local.commit(bolt); err != nil {
		// The segment counts, and only a process that reads it anew can show it.
		return j.named(j.localFailure(err))
	}
	j.at = next.position
	return nil
}

// next returns the segment behind the last one, without changes. j.write is held.
func (j *Journal) next() *segment {
	return &segment{
		position: position{sequence: j.at.sequence + 1, writer: j.id, name: j.cfg.Writer},
		previous: j.at.writer,
	}
}

// writable returns why nothing can be written.
func (j *Journal) writable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended != nil {
		return j.ended
	}
	if !j.active.Load() {
		return ErrStandby
	}
	return nil
}

// end makes an error the reason for which nothing can be written any more, and shown. It
// returns the reason, which is the first one.
func (j *Journal) end(err error) error {
	j.active.Store(false)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended == nil {
		j.ended = err
	}
	if j.cancel != nil {
		j.cancel(j.ended)
	}
	return j.ended
}
