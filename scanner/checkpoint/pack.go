package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
)

// Marks of days that are over hardly change any more, so they are packed: the sets
// of a day follow each other in entries that fill whole pages. An entry holds, in the
// order of the sets,
//
//	set, number of its marks (a varint), the marks
//
// and its key is that of markKey, with the first set in it, of which it may be another
// part. In all a mark takes between 14 and 15 bytes, where the blocks of the table
// marks take 15 to 30: in a B+ tree that grows everywhere, pages are half full.
const (
	// packSize is how many bytes an entry has at most: two of them fill 8 pages of
	// bbolt with their keys, checksums and headers (16 bytes for the page, and each).
	packSize = (8*4096-16)/2 - 16 - keySize - checksumSize
	// packShare: a day is packed anew when what has come since is more than this part
	// of what is packed.
	packShare = 8
	// packAtOnce is how many bytes of marks are packed in one transaction, give or
	// take a day's.
	packAtOnce = 16 << 20
)

// eachGroup calls fn with every set of an entry of packed and its marks until fn
// returns false. It returns false if the entry is not one.
func eachGroup(entry []byte, fn func(of set, marks []byte) (more bool)) bool {
	for len(entry) > 0 {
		if len(entry) < len(set{}) {
			return false
		}
		of := set(entry)
		n, size := binary.Uvarint(entry[len(of):])
		entry = entry[len(of):]
		if size <= 0 || n > uint64(len(entry)-size)/markSize {
			return false
		}
		marks := entry[size:][:n*markSize]
		if !fn(of, marks) {
			return true
		}
		entry = entry[size+len(marks):]
	}
	return true
}

// eachPacked calls fn with the packed marks of a set and day.
func (tx *Tx) eachPacked(of set, day Day, fn func(marks []byte) error) error {
	t := tx.table(tablePacked)
	first := markKey(day, of, 0)
	var failed error
	look := func(key, entry []byte) error {
		sound := eachGroup(entry, func(s set, marks []byte) bool {
			if s == of {
				failed = fn(marks)
			}
			return failed == nil && bytes.Compare(s[:], of[:]) <= 0
		})
		if !sound {
			return entryError(tableNames[tablePacked], key)
		}
		return failed
	}
	// The set may begin at the end of the entry before those that begin with it.
	key, entry, err := t.before(first)
	if err == nil && key != nil && dayOfKey(key) == day {
		err = look(key, entry)
	}
	if err != nil {
		return err
	}
	return t.each(first[:partAt], look)
}

// worthPacking returns the days before the given one that are to be packed.
func (tx *Tx) worthPacking(before Day) ([]Day, error) {
	var days []Day
	err := tx.table(tableMarks).eachDay(func(day Day) (bool, error) {
		if day >= before {
			return false, nil
		}
		if tx.table(tableMarks).sizeOf(day)*packShare > tx.table(tablePacked).sizeOf(day) {
			days = append(days, day)
		}
		return true, nil
	})
	return days, err
}

// sizeOf returns how many bytes the entries of a day have.
func (t *table) sizeOf(day Day) (size int) {
	prefix := day.appendKey(nil)
	c := t.bucket.Cursor()
	for k, stored := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, stored = c.Next() {
		size += len(stored)
	}
	return size
}

// pack packs days. It returns those that are left for another transaction.
func (tx *Tx) pack(ctx context.Context, days []Day) (left []Day, err error) {
	for n := 0; len(days) > 0 && n < packAtOnce; days = days[1:] {
		size, err := tx.packDay(ctx, days[0])
		if err != nil {
			return nil, err
		}
		n += size
	}
	return days, nil
}

// packDay packs the marks of a day, those that were packed already included. It
// returns how many bytes they are.
func (tx *Tx) packDay(ctx context.Context, day Day) (size int, err error) {
	sets := make(map[set][]byte)
	prefix := day.appendKey(nil)
	var old [2][][]byte
	err = tx.table(tablePacked).each(prefix, func(key, entry []byte) error {
		old[0] = append(old[0], key)
		sound := eachGroup(entry, func(of set, marks []byte) bool {
			sets[of] = append(sets[of], marks...)
			return true
		})
		if !sound {
			return entryError(tableNames[tablePacked], key)
		}
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	err = tx.table(tableMarks).each(prefix, func(key, marks []byte) error {
		old[1] = append(old[1], key)
		of := set(key[setAt:])
		sets[of] = append(sets[of], marks...)
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	for i, id := range []tableID{tablePacked, tableMarks} {
		for _, key := range old[i] {
			if err := tx.table(id).delete(key); err != nil {
				return 0, err
			}
		}
	}
	p := packer{table: tx.table(tablePacked), day: day}
	for _, of := range slices.SortedFunc(maps.Keys(sets), func(a, b set) int { return bytes.Compare(a[:], b[:]) }) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		marks := latest(sets[of])
		size += len(marks)
		if err := p.add(of, marks); err != nil {
			return 0, err
		}
	}
	return size, p.flush()
}

// latest returns marks without those of keys that come again later.
func latest(marks []byte) []byte {
	at := make(map[uint64]int, len(marks)/markSize)
	kept := marks[:0]
	for ; len(marks) >= markSize; marks = marks[markSize:] {
		key := binary.BigEndian.Uint64(marks)
		if i, again := at[key]; again {
			copy(kept[i:], marks[:markSize])
			continue
		}
		at[key] = len(kept)
		kept = append(kept, marks[:markSize]...)
	}
	return kept
}

// packer writes the entries of a day.
type packer struct {
	table *table
	day   Day
	entry []byte
	first set    // in the entry
	last  set    // the first one of the entry before
	part  uint32 // of the entry before
	begun bool   // there is an entry before
}

// add adds a set's marks. Sets come in order.
func (p *packer) add(of set, marks []byte) error {
	const header = len(of) + binary.MaxVarintLen32
	for len(marks) > 0 {
		n := min(len(marks), (packSize-len(p.entry)-header)/markSize*markSize)
		if n <= 0 {
			if err := p.flush(); err != nil {
				return err
			}
			continue
		}
		if len(p.entry) == 0 {
			p.first = of
		}
		p.entry = append(p.entry, of[:]...)
		p.entry = binary.AppendUvarint(p.entry, uint64(n/markSize))
		p.entry = append(p.entry, marks[:n]...)
		marks = marks[n:]
	}
	return nil
}

// flush writes the entry that is being made.
func (p *packer) flush() error {
	if len(p.entry) == 0 {
		return nil
	}
	if p.begun && p.last == p.first {
		p.part++
	} else {
		p.part = 0
	}
	p.begun, p.last = true, p.first
	err := p.table.put(markKey(p.day, p.first, p.part), p.entry)
	p.entry = p.entry[:0]
	return err
}
