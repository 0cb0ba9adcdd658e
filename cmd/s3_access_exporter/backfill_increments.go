package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
)

// increments are sums by key. What does not fit into memory goes through a sorter,
// so there may be any number of them.
type increments struct {
	memory int // bytes that sums may take
	used   int
	sums   map[string][]uint64
	sorter *extsort.Sorter
	row    []byte
}

// newIncrements returns increments without sums. The sorter is the caller's to
// close.
func newIncrements(memory int, sorter *extsort.Sorter) *increments {
	return &increments{memory: memory, sums: make(map[string][]uint64), sorter: sorter}
}

// add adds amounts to the sums of a key. A key always has the same number of
// amounts.
func (in *increments) add(key []byte, amounts []uint64) error {
	sums, ok := in.sums[string(key)]
	if !ok {
		const entry = 64 // bytes of the map and the slice, roughly
		size := len(key) + 8*len(amounts) + entry
		if in.used+size > in.memory {
			if err := in.flush(); err != nil {
				return err
			}
		}
		in.used += size
		sums = make([]uint64, len(amounts))
		in.sums[string(key)] = sums
	}
	addAll(sums, amounts)
	return nil
}

// addAll adds amounts to sums, which stop at the largest number: a counter of
// hostile numbers never falls.
func addAll(sums, amounts []uint64) {
	for i, amount := range amounts {
		sum, carry := bits.Add64(sums[i], amount, 0)
		if carry != 0 {
			sum = math.MaxUint64
		}
		sums[i] = sum
	}
}

// flush hands the sums over to the sorter.
func (in *increments) flush() error {
	for key, sums := range in.sums {
		in.row = in.row[:0]
		for _, sum := range sums {
			in.row = binary.AppendUvarint(in.row, sum)
		}
		if err := in.sorter.Add([]byte(key), in.row); err != nil {
			return err
		}
	}
	clear(in.sums)
	in.used = 0
	return nil
}

var errSums = errors.New("a row of the temporary file has no sums")

// each calls visit with every key in order. Several calls may have one key: its
// sums are theirs together. The slices are valid during the call. Nothing may be
// added afterwards.
func (in *increments) each(visit func(key []byte, amounts []uint64) error) error {
	if err := in.flush(); err != nil {
		return err
	}
	rows, err := in.sorter.Sort()
	if err != nil {
		return err
	}
	var amounts []uint64
	for rows.Next() {
		amounts = amounts[:0]
		for row := rows.Value(); len(row) > 0; {
			amount, n := binary.Uvarint(row)
			if n <= 0 {
				return errSums
			}
			amounts, row = append(amounts, amount), row[n:]
		}
		if err := visit(rows.Key(), amounts); err != nil {
			return err
		}
	}
	return rows.Err()
}
