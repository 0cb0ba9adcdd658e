package collector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
)

// A series is stored under a key of
//
//	family's name, CRC-32 of its labels' names, label values by label name
//
// and its state as
//
//	format, flags, created, last increment, what the family's kind counts
//
// Texts have their length before them; numbers are varints, save for the CRC-32
// (IEEE, big endian, of the sorted names of the labels that tell series apart,
// joined by newlines) and the two bytes format and flags. The order in which the
// catalogue lists labels does not matter; a family that got other labels is
// noticed. A key has at most nine texts of 256 bytes, well below the 32 KiB that
// a store must take.
const (
	stateFormat  = 1
	flagReleased = 1
)

// Errors of a stored series that Load cannot take, wrapped in a StoredError.
var (
	ErrUnknownFamily = errors.New("no such metric family")
	ErrOtherLabels   = errors.New("the metric family has other labels now")
	ErrCorrupt       = errors.New("broken bytes")
)

// StoredError is a stored series that Load cannot take.
type StoredError struct {
	Family string // empty if the key does not tell
	Err    error
}

// Error implements error.
func (e *StoredError) Error() string {
	if e.Family == "" {
		return fmt.Sprintf("stored series: %v", e.Err)
	}
	return fmt.Sprintf("stored series of %s: %v", e.Family, e.Err)
}

// Unwrap returns the cause.
func (e *StoredError) Unwrap() error { return e.Err }

// series is one label set of a family. Family, key and labels never change; the
// state is replaced as a whole.
type series struct {
	family *family
	key    string
	labels []*dto.LabelPair // by name
	state  *state
	// heldSince is when this process began to show a series that is not
	// released. Only the goroutine that stages looks at it.
	heldSince time.Time
}

// state is what a series counted. It is not changed once scrapes may see it.
type state struct {
	created  int64 // Unix milliseconds: when the series was born, at 0
	last     int64 // Unix seconds of the last commit with an increment
	released bool  // shows its value: the hold is over
	value    uint64
	verdict  verdict    // of kindInfo
	duration *histogram // of kindHistogram
	exemplar exemplar   // not stored
}

// exemplar is a request behind a counter's last increment.
type exemplar struct {
	requestID string // empty: there is none
	time      int64  // of the event, Unix seconds
	value     uint64 // that the request added
}

// newSeries returns a series without a state.
func newSeries(f *family, labels *Labels, key string) *series {
	s := &series{family: f, key: key}
	for _, label := range f.identity {
		s.labels = append(s.labels, &dto.LabelPair{Name: new(label.String()), Value: new(labels[label])})
	}
	return s
}

// decodeKey returns the label values of one of the family's keys.
func (f *family) decodeKey(key []byte) (Labels, error) {
	var labels Labels
	in := decoder{rest: key}
	if !bytes.HasPrefix(in.rest, f.prefix) {
		return labels, ErrOtherLabels
	}
	in.rest = in.rest[len(f.prefix):]
	for _, label := range f.identity {
		labels[label] = in.text()
		if !utf8.ValidString(labels[label]) {
			return labels, ErrCorrupt // a scrape of it would fail
		}
	}
	return labels, in.end()
}

// familyName returns the family that a stored key belongs to.
func familyName(key []byte) (string, error) {
	in := decoder{rest: key}
	name := in.text()
	return name, in.err
}

// encode returns the state as stored.
func (s *state) encode(k kind) []byte {
	var flags byte
	if s.released {
		flags |= flagReleased
	}
	const usual = 32 // bytes of a counter
	out := append(make([]byte, 0, usual), stateFormat, flags)
	out = binary.AppendVarint(out, s.created)
	out = binary.AppendVarint(out, s.last)
	switch k {
	case kindCounter:
		out = binary.AppendUvarint(out, s.value)
	case kindInfo:
		out = binary.AppendUvarint(out, uint64(s.verdict))
	case kindHistogram:
		h := s.duration
		out = binary.AppendUvarint(out, h.count)
		out = binary.AppendUvarint(out, h.sum)
		out = binary.AppendUvarint(out, h.zero)
		for _, n := range h.classic {
			out = binary.AppendUvarint(out, n)
		}
		out = binary.AppendUvarint(out, uint64(len(h.native)))
		for _, bucket := range h.native {
			out = binary.AppendVarint(out, int64(bucket.index))
			out = binary.AppendUvarint(out, bucket.count)
		}
	}
	return out
}

// decodeState reads what encode wrote.
func decodeState(value []byte, k kind) (*state, error) {
	in := decoder{rest: value}
	if format := in.byte(); format != stateFormat {
		return nil, fmt.Errorf("%w: format %d", ErrCorrupt, format)
	}
	s := &state{released: in.byte()&flagReleased != 0, created: in.varint(), last: in.varint()}
	switch k {
	case kindCounter:
		s.value = in.uvarint()
	case kindInfo:
		s.verdict = verdict(min(in.uvarint(), uint64(verdictNo)))
	case kindHistogram:
		h := &histogram{count: in.uvarint(), sum: in.uvarint(), zero: in.uvarint()}
		for i := range h.classic {
			h.classic[i] = in.uvarint()
		}
		for n := in.uvarint(); n > 0 && in.err == nil; n-- {
			h.native = append(h.native, nativeBucket{index: int32(in.varint()), count: in.uvarint()})
		}
		if !slices.IsSortedFunc(h.native, func(a, b nativeBucket) int { return int(a.index) - int(b.index) }) {
			return nil, fmt.Errorf("%w: buckets out of order", ErrCorrupt)
		}
		s.duration = h
	}
	return s, in.end()
}

// appendText appends a text with its length before it.
func appendText(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// decoder reads stored bytes. After the first error it reads zeros.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.err = ErrCorrupt
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) skip(size int) {
	if size <= 0 {
		d.rest, d.err = nil, ErrCorrupt
		return
	}
	d.rest = d.rest[size:]
}

func (d *decoder) text() string {
	size := d.uvarint()
	if size > uint64(len(d.rest)) {
		d.rest, d.err = nil, ErrCorrupt
		return ""
	}
	text := string(d.rest[:size])
	d.rest = d.rest[size:]
	return text
}

// end returns the first error, or one if there is more to read.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) > 0 {
		return ErrCorrupt
	}
	return d.err
}
