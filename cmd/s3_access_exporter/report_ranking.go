package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
)

// ranking puts groups in order: those with the higher rank first, then by their
// keys. It keeps the first ones, or all.
type ranking struct {
	top   int // how many to keep; 0: all
	added int64
	best  []ranked        // in no order, the first ones and others; if top is not 0
	all   *extsort.Sorter // if top is 0
	buf   []byte
}

// rankSize is the length of the rank in front of a key.
const rankSize = 8

// ranked is a group behind its place in the order.
type ranked struct{ place, sums []byte }

func newRanking(top int) *ranking {
	r := &ranking{top: top}
	if top == 0 {
		r.all = extsort.New(extsort.Config{})
	}
	return r
}

// add adds a group with a rank, which is not negative. It keeps nothing of key.
func (r *ranking) add(rank int64, key []byte, s sums) error {
	r.added++
	r.buf = binary.BigEndian.AppendUint64(r.buf[:0], uint64(math.MaxInt64-rank))
	r.buf = append(r.buf, key...)
	r.buf = s.encode(r.buf)
	place, encoded := r.buf[:rankSize+len(key)], r.buf[rankSize+len(key):]
	if r.all != nil {
		return r.all.Add(place, encoded)
	}
	const batch = 1024 // that may be too many, so that they are sorted seldom
	if r.best = append(r.best, ranked{bytes.Clone(place), bytes.Clone(encoded)}); len(r.best) > r.top+batch {
		r.cut()
	}
	return nil
}

// cut sorts the best and leaves out all after the first ones.
func (r *ranking) cut() {
	slices.SortFunc(r.best, func(a, b ranked) int { return bytes.Compare(a.place, b.place) })
	if len(r.best) > r.top {
		clear(r.best[r.top:])
		r.best = r.best[:r.top]
	}
}

// each calls visit with the groups in order until it fails. The key is valid during
// the call.
func (r *ranking) each(visit func(key []byte, s sums) error) error {
	if r.all != nil {
		return r.all.Each(func(place, encoded []byte) error {
			return visit(place[rankSize:], decodeSums(encoded))
		})
	}
	r.cut()
	for _, b := range r.best {
		if err := visit(b.place[rankSize:], decodeSums(b.sums)); err != nil {
			return err
		}
	}
	return nil
}

// left returns how many groups each leaves out.
func (r *ranking) left() int64 {
	if r.top == 0 {
		return 0
	}
	return max(r.added-int64(r.top), 0)
}

func (r *ranking) close() {
	if r.all != nil {
		r.all.Close()
	}
}
