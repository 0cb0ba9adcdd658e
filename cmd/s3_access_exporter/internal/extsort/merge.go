package extsort

import (
	"bytes"
	"container/heap"
	"errors"
	"io"
)

// cursor walks through a run.
type cursor struct {
	key, value []byte
	rank       int // of the run: rows of earlier runs come first
	advance    func(*cursor) error
}

// Rows walks through rows in order.
type Rows struct {
	cursors queue // the first of which has the row at hand, once there was a Next
	started bool
	err     error
}

// merge returns the rows of runs that stand in the order in which their rows
// were added.
func merge(cursors ...*cursor) *Rows {
	for rank, c := range cursors {
		c.rank = rank
	}
	return &Rows{cursors: cursors}
}

// Next goes on to the next row. It returns false after the last one, and if the
// temporary file cannot be read: see Err.
func (r *Rows) Next() bool {
	switch {
	case r.err != nil:
		return false
	case !r.started:
		r.started = true
		r.err = r.start()
	case len(r.cursors) > 0:
		r.err = r.advance()
	}
	return r.err == nil && len(r.cursors) > 0
}

// start takes the first row of every run.
func (r *Rows) start() error {
	filled := r.cursors[:0]
	for _, c := range r.cursors {
		switch err := c.advance(c); {
		case err == nil:
			filled = append(filled, c)
		case !errors.Is(err, io.EOF):
			return err
		}
	}
	r.cursors = filled
	heap.Init(&r.cursors)
	return nil
}

// advance replaces the row at hand by the next one of its run.
func (r *Rows) advance() error {
	first := r.cursors[0]
	switch err := first.advance(first); {
	case err == nil:
		heap.Fix(&r.cursors, 0)
	case errors.Is(err, io.EOF):
		heap.Pop(&r.cursors)
	default:
		return err
	}
	return nil
}

// Key returns the key of the row at hand, valid until the next call of Next.
func (r *Rows) Key() []byte { return r.cursors[0].key }

// Value returns the value of the row at hand, valid until the next call of Next.
func (r *Rows) Value() []byte { return r.cursors[0].value }

// Err returns what has ended the rows early, nil if nothing has. It has the
// path of the temporary file.
func (r *Rows) Err() error { return r.err }

// queue is a heap.Interface of runs by the row at hand.
type queue []*cursor

func (q *queue) Len() int { return len(*q) }

func (q *queue) Less(i, j int) bool {
	a, b := (*q)[i], (*q)[j]
	if order := bytes.Compare(a.key, b.key); order != 0 {
		return order < 0
	}
	return a.rank < b.rank
}

func (q *queue) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

func (q *queue) Push(c any) { *q = append(*q, c.(*cursor)) } //nolint:errcheck // nothing else is in the queue

func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
