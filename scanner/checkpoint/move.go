package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrMoved means that what a checkpoint holds is in another one now, or is not here yet.
var ErrMoved = errors.New("moved")

// Moving is kept in a checkpoint whose content goes to another one: in the one that it
// leaves from then on that it is decided, in the other one until all of it is there.
// Package reshard has how.
type Moving struct {
	ID   string `json:"id"`             // the same at both
	From string `json:"from,omitempty"` // what the other one is called, that it leaves
	To   string `json:"to,omitempty"`   // or where it goes
}

// refuse returns why a checkpoint cannot be used; nil if nothing is moved.
func (m Moving) refuse() error {
	switch {
	case m.To != "":
		return fmt.Errorf("%w: what it held is in %s now", ErrMoved, m.To)
	case m.From != "":
		return fmt.Errorf("%w: what %s held is not all here", ErrMoved, m.From)
	}
	return nil
}

var movingKey = []byte("moving")

// Moving returns where the checkpoint's content goes or comes from, or false if it stays.
func (tx *Tx) Moving() (m Moving, under bool, err error) {
	under, err = tx.table(tableMeta).getJSON(movingKey, &m)
	return m, under, err
}

// PutMoving stores where the checkpoint's content goes or comes from.
func (tx *Tx) PutMoving(m Moving) error { return tx.table(tableMeta).putJSON(movingKey, m) }

// DeleteMoving takes note that the checkpoint's content stays.
func (tx *Tx) DeleteMoving() error { return tx.table(tableMeta).delete(movingKey) }

// Place is a place in a checkpoint's content, between two entries. The zero value is in
// front of all.
type Place struct {
	table tableID // before the first, meta
	key   []byte  // of the entry before
}

// CopyAll puts what another checkpoint keeps into this one, but for its Shard and what it
// keeps of itself, from a place on, until it has written about so many bytes. It returns
// the place where it has ended, and whether there is more.
func (tx *Tx) CopyAll(from *Tx, at Place, most int) (end Place, more bool, err error) {
	for id := max(at.table, tableMeta+1); id < tableCount; id++ {
		if id != at.table {
			at = Place{table: id}
		}
		before := at.key
		err := from.table(id).scan(before, func(key, value []byte) (bool, error) {
			if bytes.Equal(key, before) {
				return true, nil
			}
			if tx.Written() > most {
				more = true
				return false, nil
			}
			at.key = bytes.Clone(key)
			return true, tx.table(id).put(key, value)
		})
		if err != nil || more {
			return at, more, err
		}
	}
	return at, false, nil
}
