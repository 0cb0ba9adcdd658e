// Package sums adds up rows of numbers by key: any number of keys, in bounded memory.
// What does not fit goes through a Sorter of package extsort, where rows with one key
// meet again.
package sums

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Op is how the numbers of a column become one.
type Op uint8

// The Ops.
const (
	Add      Op = iota // the sum of numbers that are not negative, or the largest number
	AddKnown           // the same, in which record.Unknown adds nothing; it stays if nothing else comes
	Min
	Max
)

// apply returns what two numbers become.
func (op Op) apply(a, b int64) int64 {
	switch {
	case op == Min:
		return min(a, b)
	case op == Max, op == AddKnown && (a == record.Unknown || b == record.Unknown):
		return max(a, b)
	}
	return int64(min(record.AddSaturating(uint64(a), uint64(b)), math.MaxInt64))
}

// Columns are the Ops of a row's columns. Columns beyond the last one are added.
type Columns []Op

// Merge adds a row to a sum of the same length, in place.
func (c Columns) Merge(sum, row []int64) {
	for i, n := range row {
		op := Add
		if i < len(c) {
			op = c[i]
		}
		sum[i] = op.apply(sum[i], n)
	}
}

// Config says how Sums work.
type Config struct {
	Columns Columns
	// Memory is the number of bytes that keys and rows may take in memory, about. One
	// key may take more.
	Memory int
	// Pool lends the Sorter, once memory is full.
	Pool *extsort.Pool
}

// Sums are rows by key. Their zero value is not for use. They are for one goroutine
// at a time.
type Sums struct {
	cfg     Config
	offsets map[string]uint32 // of the keys' rows in numbers
	numbers []int64           // each row behind its length
	size    int               // bytes
	spilled *extsort.Sorter   // nil until memory was full
	buf     []byte
}

// New returns Sums without keys.
func New(cfg Config) *Sums { return &Sums{cfg: cfg, offsets: make(map[string]uint32)} }

// overhead is what a key takes in memory beside its bytes and numbers: its share of
// the map.
const overhead = 64

// Add adds a row to that of its key. Rows of one key have the same length. Add keeps
// neither key nor row. An error is one of the temporary file; the Sums are of no use
// then.
func (s *Sums) Add(key []byte, row []int64) error {
	if at, known := s.offsets[string(key)]; known {
		s.cfg.Columns.Merge(s.row(at), row)
		return nil
	}
	const number = 8
	size := len(key) + number*(len(row)+1) + overhead
	if len(s.offsets) > 0 && s.size+size > s.cfg.Memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.offsets[string(key)] = uint32(len(s.numbers))
	s.numbers = append(append(s.numbers, int64(len(row))), row...)
	s.size += size
	return nil
}

// row returns the row at an offset.
func (s *Sums) row(at uint32) []int64 {
	start := int(at) + 1
	return s.numbers[start : start+int(s.numbers[at])]
}

// Keys returns how many keys are in memory.
func (s *Sums) Keys() int { return len(s.offsets) }

// spill moves what is in memory to the Sorter.
func (s *Sums) spill() error {
	if s.spilled == nil {
		s.spilled = s.cfg.Pool.Get(s.cfg.Memory)
	}
	for key, at := range s.offsets {
		s.buf = AppendRow(append(s.buf[:0], key...), s.row(at))
		if err := s.spilled.Add(s.buf[:len(key)], s.buf[len(key):]); err != nil {
			return err
		}
	}
	s.clear()
	return nil
}

func (s *Sums) clear() {
	clear(s.offsets)
	s.numbers, s.size = s.numbers[:0], 0
}

// AddTo adds all rows to other Sums, of the same Columns, and closes these.
func (s *Sums) AddTo(total *Sums) error {
	defer s.Close()
	if s.spilled != nil {
		return s.Each(total.Add)
	}
	for key, at := range s.offsets {
		s.buf = append(s.buf[:0], key...)
		if err := total.Add(s.buf, s.row(at)); err != nil {
			return err
		}
	}
	return nil
}

// Each calls visit with every key, in the order of their bytes, until it fails. The
// slices are valid during the call. Nothing may be added afterwards; Each may be
// called again.
func (s *Sums) Each(visit func(key []byte, row []int64) error) error {
	if s.spilled != nil {
		return s.eachSpilled(visit)
	}
	for _, key := range slices.Sorted(maps.Keys(s.offsets)) {
		s.buf = append(s.buf[:0], key...)
		if err := visit(s.buf, s.row(s.offsets[key])); err != nil {
			return err
		}
	}
	return nil
}

var errRow = errors.New("a row of the temporary file has no numbers")

// eachSpilled is Each by way of the Sorter, in which rows of one key follow each other.
func (s *Sums) eachSpilled(visit func(key []byte, row []int64) error) error {
	if err := s.spill(); err != nil {
		return err
	}
	var key []byte
	var sum, row []int64
	begun := false
	err := s.spilled.Each(func(next, encoded []byte) (err error) {
		if row, err = ReadRow(row[:0], encoded); err != nil {
			return err
		}
		if begun && bytes.Equal(next, key) {
			s.cfg.Columns.Merge(sum, row)
			return nil
		}
		if begun {
			err = visit(key, sum)
		}
		begun, key, sum = true, append(key[:0], next...), append(sum[:0], row...)
		return err
	})
	if err != nil || !begun {
		return err
	}
	return visit(key, sum)
}

// AppendRow appends a row to the value of a Sorter's row.
func AppendRow(dst []byte, row []int64) []byte {
	for _, n := range row {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// ReadRow appends the numbers that AppendRow has written.
func ReadRow(row []int64, encoded []byte) ([]int64, error) {
	for len(encoded) > 0 {
		n, size := binary.Varint(encoded)
		if size <= 0 {
			return nil, errRow
		}
		row, encoded = append(row, n), encoded[size:]
	}
	return row, nil
}

// Close gives the temporary file back, and forgets what is in memory. It may be
// called at any time, and more than once.
func (s *Sums) Close() {
	if s.spilled != nil {
		s.cfg.Pool.Put(s.spilled)
		s.spilled = nil
	}
	s.clear()
}
