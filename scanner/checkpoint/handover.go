package checkpoint

import (
	"context"
	"encoding/binary"
)

// What streams are handed on with, from one checkpoint to another: package reshard. All of
// it may be called again after it was called, and then changes nothing.

// handover is how many entries, or runs of marks, are removed in one transaction.
const handover = 4096

// EachStreamID calls fn with every stream of all stores, until fn returns an error.
func (tx *Tx) EachStreamID(fn func(StreamID) error) error {
	return tx.table(tableStreams).each(nil, func(key, _ []byte) error {
		store, stream, ok := cutText(key)
		if !ok {
			return entryError(tableNames[tableStreams], key)
		}
		return fn(StreamID{Store: store, Stream: string(stream)})
	})
}

// EachPrefix calls fn with what is kept of every prefix of all stores, until fn returns an
// error.
func (tx *Tx) EachPrefix(fn func(store, prefix string, p Prefix) error) error {
	return tx.table(tablePrefixes).each(nil, func(key, value []byte) error {
		store, prefix, ok := cutText(key)
		if !ok {
			return entryError(tableNames[tablePrefixes], key)
		}
		var p Prefix
		if err := parseJSON(tablePrefixes, key, value, &p); err != nil {
			return err
		}
		return fn(store, string(prefix), p)
	})
}

// RemoveStreams removes all that is kept of streams, or a part of it: more is whether there
// is more to remove, which another transaction should.
func (tx *Tx) RemoveStreams(ctx context.Context, ids []StreamID) (more bool, err error) {
	if len(ids) == 0 {
		return false, nil
	}
	sets := make(map[set]bool, 2*len(ids))
	for _, id := range ids {
		sets[id.marks(Counted)], sets[id.marks(PassedOver)] = true, true
	}
	left := handover
	marks, err := tx.prunable(ctx, func(of set, _ Day) verdict {
		drop := sets[of] && left > 0
		if drop {
			left--
		}
		return verdict{drop: drop, goOn: left > 0}
	})
	if err != nil {
		return false, err
	}
	if err := tx.apply(marks); err != nil || left == 0 {
		return true, err
	}
	for _, id := range ids {
		if err := tx.removeState(id); err != nil {
			return false, err
		}
	}
	return false, nil
}

// removeState removes what is kept of a stream but for its marks.
func (tx *Tx) removeState(id StreamID) error {
	of := id.failures()
	var failures [][]byte
	err := tx.table(tableFailures).each(of[:], func(key, _ []byte) error {
		failures = append(failures, key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range failures {
		if err := tx.table(tableFailures).delete(key); err != nil {
			return err
		}
	}
	return tx.table(tableStreams).delete(id.key())
}

// Clear removes all that a checkpoint keeps, but for its Shard and its Resharding, or a part
// of it: more is whether there is more to remove, which another transaction should.
func (tx *Tx) Clear() (more bool, err error) {
	for id := tableCount - 1; id > tableMeta; id-- { // failures before the streams that they are of
		var keys [][]byte
		c := tx.table(id).bucket.Cursor()
		for k, _ := c.First(); k != nil && len(keys) < handover; k, _ = c.Next() {
			keys = append(keys, k)
		}
		for _, key := range keys {
			if err := tx.table(id).delete(key); err != nil {
				return false, err
			}
		}
		if len(keys) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// staged is what the numbers of events have that are not the checkpoint's yet.
const staged = 1 << 63

// StageEvents stores what AppendEvents would store for commits, the oldest first, in place
// of all the events that are there; but not before AdoptEvents.
func (tx *Tx) StageEvents(commits [][]byte) error {
	if err := tx.DropStagedEvents(); err != nil {
		return err
	}
	for i, ids := range commits {
		if err := tx.table(tableEvents).put(eventsKey(staged+uint64(i)), ids); err != nil {
			return err
		}
	}
	return nil
}

// AdoptEvents makes the events that are staged those of the checkpoint. If none are, it
// keeps those that it has.
func (tx *Tx) AdoptEvents() error {
	var own, later [][]byte
	var commits [][]byte
	err := tx.table(tableEvents).each(nil, func(key, ids []byte) error {
		if key[0] < staged>>56 {
			own = append(own, key)
			return nil
		}
		later, commits = append(later, key), append(commits, ids)
		return nil
	})
	if err != nil || len(later) == 0 {
		return err
	}
	for _, keys := range [][][]byte{own, later} {
		for _, key := range keys {
			if err := tx.table(tableEvents).delete(key); err != nil {
				return err
			}
		}
	}
	for i, ids := range commits {
		if err := tx.table(tableEvents).put(eventsKey(uint64(i)+1), ids); err != nil {
			return err
		}
	}
	return nil
}

// DropStagedEvents forgets the events that are staged.
func (tx *Tx) DropStagedEvents() error {
	var keys [][]byte
	err := tx.table(tableEvents).scan(eventsKey(staged), func(key, _ []byte) (bool, error) {
		keys = append(keys, key)
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := tx.table(tableEvents).delete(key); err != nil {
			return err
		}
	}
	return nil
}

func eventsKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }
