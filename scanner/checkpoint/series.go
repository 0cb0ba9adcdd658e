package checkpoint

import (
	"bytes"
	"encoding/binary"
)

// Series returns the stored counters.
func (tx *Tx) Series() *Series { return &Series{t: tx.table(tableSeries)} }

// Series is the part of a transaction that holds the stored counters.
type Series struct{ t *table }

// Put stores a copy of value under key, which must not be empty.
func (s *Series) Put(key, value []byte) error { return s.t.put(key, value) }

// Delete removes key; that it is not there is no error.
func (s *Series) Delete(key []byte) error { return s.t.delete(key) }

// Each calls fn with every key and value in the order of the keys, until fn
// returns an error, and then fails if these are not all that there are. The bytes are valid
// only within the transaction.
func (s *Series) Each(fn func(key, value []byte) error) error { return s.t.all(fn) }

// Get returns the value of a key, nil if there is none. The bytes are valid only within the
// transaction.
func (s *Series) Get(key []byte) ([]byte, error) { return s.t.get(key) }

// After calls fn with the keys and values behind a key, in the order of the keys, until fn
// returns false or an error. The bytes are valid only within the transaction.
func (s *Series) After(after []byte, fn func(key, value []byte) (more bool, err error)) error {
	return s.t.scan(after, func(key, value []byte) (bool, error) {
		if bytes.Equal(key, after) {
			return true, nil
		}
		return fn(key, value)
	})
}

// eventIDSize is how many bytes an event's ID has.
const eventIDSize = 16

// The events of a commit stand under a number: the first commit has 1, every other
// one the number behind that of the last which is there.

// AppendEvents stores the IDs of a commit's events behind those of the commits
// before.
func (tx *Tx) AppendEvents(ids []byte) error {
	t := tx.table(tableEvents)
	var n uint64
	if last, _ := t.bucket.Cursor().Last(); len(last) == 8 {
		n = binary.BigEndian.Uint64(last)
	}
	return t.put(eventsKey(n+1), ids)
}

// DropEvents removes the IDs of the n oldest commits that have some.
func (tx *Tx) DropEvents(n int) error {
	t := tx.table(tableEvents)
	for range n {
		oldest, _ := t.bucket.Cursor().First()
		if oldest == nil {
			return nil
		}
		if err := t.delete(oldest); err != nil {
			return err
		}
	}
	return nil
}

// EachEvents calls fn with what AppendEvents stored, the oldest first, and with nothing
// that is staged. The bytes are valid only within the transaction.
func (tx *Tx) EachEvents(fn func(ids []byte) error) error {
	return tx.table(tableEvents).scan(nil, func(key, ids []byte) (bool, error) {
		if key[0] >= staged>>56 {
			return false, nil
		}
		return true, fn(ids)
	})
}
