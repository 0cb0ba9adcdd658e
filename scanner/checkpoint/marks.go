package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"math"
	"time"
)

// Marks show which objects were seen. Each takes markSize bytes: a hash of the
// object's key, by which it is found among those of its stream and day; one of the
// size; and one of the content's name, which is its ETag or its time of modification.
//
// New marks go to the table marks, one block for up to blockMarks objects of a stream
// and day, so that a commit writes little. Where a key is there twice, the later mark
// is right. Days that are over are moved to the table packed; see pack.go.
const (
	markSize   = 8 + 2 + 4
	blockMarks = 70 // four blocks of them fill a page
)

// MarkKind is what a mark shows.
type MarkKind byte

const (
	// Counted marks an object that was counted, or found to be gone.
	Counted MarkKind = iota
	// PassedOver marks an object that was there before its stream was first listed,
	// and does not count.
	PassedOver
)

// marks returns the set of the stream's marks of a kind.
func (id StreamID) marks(kind MarkKind) set { return newSet(append(id.key(), 0, byte(kind))) }

// Day is a day, counted from 1970-01-01 in UTC.
type Day int32

const secondsOfDay = 24 * 60 * 60

// DayOf returns the day of a time.
func DayOf(t time.Time) Day {
	seconds := t.Unix()
	day := seconds / secondsOfDay
	if seconds%secondsOfDay < 0 {
		day--
	}
	return Day(day)
}

// Time returns the moment at which the day begins.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

// appendKey appends the day so that keys sort by it.
func (d Day) appendKey(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(d)^1<<31)
}

// dayOfKey returns the day that a key of marks or packed begins with.
func dayOfKey(key []byte) Day { return Day(binary.BigEndian.Uint32(key) ^ 1<<31) }

// markKey is the key of an entry of marks and of packed: day, set, part.
const (
	setAt   = 4
	partAt  = setAt + len(set{})
	keySize = partAt + 4
)

func markKey(d Day, s set, part uint32) []byte {
	key := d.appendKey(make([]byte, 0, keySize))
	key = append(key, s[:]...)
	return binary.BigEndian.AppendUint32(key, part)
}

// Mark is the mark of an object.
type Mark struct {
	key     uint64
	size    uint16
	content uint32
}

// NewMark returns the mark of an object of a size with some content, of which content
// is a name that no other content of the object is likely to have.
func NewMark(object string, size int64, content string) Mark {
	key := sha256.Sum256([]byte(object))
	return Mark{
		key:     binary.BigEndian.Uint64(key[:]),
		size:    uint16(hash32(binary.BigEndian.AppendUint64(nil, uint64(size)))),
		content: hash32([]byte(content)),
	}
}

func hash32(text []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(text) // a hash takes everything
	return h.Sum32()
}

func (m Mark) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, m.key)
	dst = binary.BigEndian.AppendUint16(dst, m.size)
	return binary.BigEndian.AppendUint32(dst, m.content)
}

func parseMark(b []byte) Mark {
	return Mark{
		key:     binary.BigEndian.Uint64(b),
		size:    binary.BigEndian.Uint16(b[8:]),
		content: binary.BigEndian.Uint32(b[10:]),
	}
}

// AddMarks adds marks of objects of a stream whose keys tell that day. A mark of an
// object that has one takes its place.
func (tx *Tx) AddMarks(id StreamID, kind MarkKind, day Day, marks ...Mark) error {
	t := tx.table(tableMarks)
	of := id.marks(kind)
	first := markKey(day, of, 0)
	last, block, err := t.before(markKey(day, of, math.MaxUint32))
	if err != nil {
		return err
	}
	part := uint32(0)
	if bytes.HasPrefix(last, first[:partAt]) {
		part = binary.BigEndian.Uint32(last[partAt:])
	} else {
		block = nil
	}
	for len(marks) > 0 {
		if len(block) >= blockMarks*markSize {
			part, block = part+1, nil
		}
		n := min(len(marks), blockMarks-len(block)/markSize)
		value := append(make([]byte, 0, len(block)+n*markSize), block...)
		for _, m := range marks[:n] {
			value = m.append(value)
		}
		if err := t.put(markKey(day, of, part), value); err != nil {
			return err
		}
		marks, block = marks[n:], value
	}
	return nil
}

// Seen are the marks of the objects of a stream whose keys tell one day. It is a copy
// that outlives its transaction.
type Seen map[uint64]seenMark

type seenMark struct {
	content uint32
	size    uint16
	kind    MarkKind
}

// Sight is how an object that is listed compares with its mark.
type Sight byte

const (
	// Unseen means that the object has no mark.
	Unseen Sight = iota
	// Unchanged means that it is as it was.
	Unchanged
	// OtherContent means that it has its size, and another ETag or time of modification.
	OtherContent
	// OtherSize means that it has another size.
	OtherSize
)

// Find returns how an object compares with its mark, of which it returns the kind.
func (s Seen) Find(m Mark) (Sight, MarkKind) {
	known, ok := s[m.key]
	switch {
	case !ok:
		return Unseen, 0
	case known.size != m.size:
		return OtherSize, known.kind
	case known.content != m.content:
		return OtherContent, known.kind
	}
	return Unchanged, known.kind
}

func (s Seen) add(kind MarkKind, marks []byte) {
	for ; len(marks) >= markSize; marks = marks[markSize:] {
		m := parseMark(marks)
		s[m.key] = seenMark{content: m.content, size: m.size, kind: kind}
	}
}

// Seen returns the marks of the objects of a stream whose keys tell that day.
func (tx *Tx) Seen(id StreamID, day Day) (Seen, error) {
	seen := make(Seen)
	for _, kind := range []MarkKind{PassedOver, Counted} {
		err := tx.eachMarks(id.marks(kind), day, func(marks []byte) error {
			seen.add(kind, marks)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// eachMarks calls fn with all marks of a set and day, the older ones first.
func (tx *Tx) eachMarks(of set, day Day, fn func(marks []byte) error) error {
	if err := tx.eachPacked(of, day, fn); err != nil {
		return err
	}
	return tx.table(tableMarks).each(markKey(day, of, 0)[:partAt], func(_, marks []byte) error { return fn(marks) })
}

// eachDay calls fn with every day that has entries in a table of marks, in order.
func (t *table) eachDay(fn func(Day) (more bool, err error)) error {
	c := t.bucket.Cursor()
	for k, _ := c.First(); len(k) == keySize; {
		day := dayOfKey(k)
		if more, err := fn(day); !more || err != nil {
			return err
		}
		k, _ = c.Seek((day + 1).appendKey(nil))
	}
	return nil
}

// copyMarks takes the marks of a stream from another checkpoint.
func (tx *Tx) copyMarks(from *Tx, id StreamID) error {
	for _, source := range []tableID{tablePacked, tableMarks} {
		err := from.table(source).eachDay(func(day Day) (bool, error) {
			return true, tx.copyDay(from, source, id, day)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyDay takes the marks that one of the tables has of a stream's day.
func (tx *Tx) copyDay(from *Tx, source tableID, id StreamID, day Day) error {
	for _, kind := range []MarkKind{PassedOver, Counted} {
		of := id.marks(kind)
		add := func(marks []byte) error {
			parsed := make([]Mark, 0, len(marks)/markSize)
			for ; len(marks) >= markSize; marks = marks[markSize:] {
				parsed = append(parsed, parseMark(marks))
			}
			return tx.AddMarks(id, kind, day, parsed...)
		}
		var err error
		if source == tablePacked {
			err = from.eachPacked(of, day, add)
		} else {
			err = from.table(source).each(markKey(day, of, 0)[:partAt], func(_, marks []byte) error { return add(marks) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
