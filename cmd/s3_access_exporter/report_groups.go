package main

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// sums are what a report tells of a group of requests.
type sums struct {
	requests       int64
	sent, received int64 // bytes; record.Unknown if no request's log says them
	first, last    int64 // times of requests, in seconds
}

// sumsOf returns the sums of one request.
func sumsOf(r *record.Record) sums {
	return sums{requests: 1, sent: r.SentBytes, received: r.ReceivedBytes, first: r.Time, last: r.Time}
}

// add adds other requests. Sums stop at the largest number.
func (s *sums) add(other sums) {
	s.requests = addCapped(s.requests, other.requests)
	s.sent = addSaid(s.sent, other.sent)
	s.received = addSaid(s.received, other.received)
	s.first = min(s.first, other.first)
	s.last = max(s.last, other.last)
}

func addSaid(a, b int64) int64 {
	switch {
	case a == record.Unknown:
		return b
	case b == record.Unknown:
		return a
	}
	return addCapped(a, b)
}

// addCapped adds two numbers that are not negative.
func addCapped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// sumsSize is the length of encoded sums.
const sumsSize = 5 * 8

func (s *sums) encode(dst []byte) []byte {
	for _, n := range [...]int64{s.requests, s.sent, s.received, s.first, s.last} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return dst
}

// decodeSums returns what encode has written.
func decodeSums(encoded []byte) sums {
	var n [sumsSize / 8]int64
	for i := range n {
		n[i] = int64(binary.BigEndian.Uint64(encoded[8*i:]))
	}
	return sums{requests: n[0], sent: n[1], received: n[2], first: n[3], last: n[4]}
}

// groups adds up requests by key. They take bounded memory: when there are too
// many, they go to a sorter, and those with one key meet again in the end. It is
// for one goroutine at a time.
type groups struct {
	limit     int // bytes that groups in memory may take, about
	newSorter func() *extsort.Sorter

	known   map[string]*sums
	size    int             // bytes
	spilled *extsort.Sorter // nil until there were too many
	buf     []byte
}

func newGroups(limit int, newSorter func() *extsort.Sorter) *groups {
	return &groups{limit: limit, newSorter: newSorter, known: make(map[string]*sums)}
}

// groupOverhead is the memory that a group takes beside its key: the sums, and its
// share of the map.
const groupOverhead = 128

// add adds requests to the group with a key. It does not keep key. An error is one
// of the sorter's.
func (g *groups) add(key []byte, s sums) error {
	if known := g.known[string(key)]; known != nil {
		known.add(s)
		return nil
	}
	size := len(key) + groupOverhead
	if g.size > 0 && g.size+size > g.limit {
		if err := g.spill(); err != nil {
			return err
		}
	}
	g.known[string(key)] = &s
	g.size += size
	return nil
}

// spill moves the groups in memory to the sorter.
func (g *groups) spill() error {
	if g.spilled == nil {
		g.spilled = g.newSorter()
	}
	for key, s := range g.known {
		g.buf = s.encode(append(g.buf[:0], key...))
		if err := g.spilled.Add(g.buf[:len(key)], g.buf[len(key):]); err != nil {
			return err
		}
	}
	clear(g.known)
	g.size = 0
	return nil
}

// each calls visit with every group, in no order, until it fails. The key is valid
// during the call. No groups may be added after it.
func (g *groups) each(visit func(key []byte, s sums) error) error {
	if g.spilled == nil {
		for key, s := range g.known {
			g.buf = append(g.buf[:0], key...)
			if err := visit(g.buf, *s); err != nil {
				return err
			}
		}
		return nil
	}
	if err := g.spill(); err != nil {
		return err
	}
	rows, err := g.spilled.Sort()
	if err != nil {
		return err
	}
	var total sums // of the rows with the key in buf
	g.buf = g.buf[:0]
	for rows.Next() {
		s := decodeSums(rows.Value())
		switch {
		case total.requests == 0:
		case bytes.Equal(rows.Key(), g.buf):
			total.add(s)
			continue
		default:
			if err := visit(g.buf, total); err != nil {
				return err
			}
		}
		total, g.buf = s, append(g.buf[:0], rows.Key()...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return visit(g.buf, total)
}
