package extsort

import (
	"bytes"
	"cmp"
	"io"
	"slices"
)

// batch holds rows in memory, in one piece without pointers.
type batch struct {
	data []byte // key and value of row after row
	rows []slot
}

// slot is where a row stands in a batch.
type slot struct {
	start, value, end int // of the key, the value, and the next row
}

// slotSize is the size of a slot.
const slotSize = 24

// rowSize returns the memory that a row takes.
func rowSize(key, value []byte) int { return len(key) + len(value) + slotSize }

func (b *batch) len() int { return len(b.rows) }

func (b *batch) size() int { return len(b.data) + slotSize*len(b.rows) }

func (b *batch) add(key, value []byte) {
	start := len(b.data)
	b.data = append(append(b.data, key...), value...)
	b.rows = append(b.rows, slot{start: start, value: start + len(key), end: len(b.data)})
}

func (b *batch) clear() { b.data, b.rows = b.data[:0], b.rows[:0] }

func (b *batch) key(p slot) []byte { return b.data[p.start:p.value] }

// cursor returns the rows in order.
func (b *batch) cursor() *cursor {
	// Where keys are equal, the row that was added first stands first in data.
	slices.SortFunc(b.rows, func(p, q slot) int {
		return cmp.Or(bytes.Compare(b.key(p), b.key(q)), cmp.Compare(p.start, q.start))
	})
	left := b.rows
	return &cursor{advance: func(c *cursor) error {
		if len(left) == 0 {
			return io.EOF
		}
		p := left[0]
		left = left[1:]
		c.key, c.value = b.key(p), b.data[p.value:p.end]
		return nil
	}}
}
