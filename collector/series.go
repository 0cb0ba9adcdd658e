package collector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// A series is stored under a key of
//
//	family's name, CRC-32 of its labels' names, label values by label name
//
// and its state as
//
//	format, flags, created, last increment, what the family's kind counts
//
// A counter's is its value and, since format 2, the time of its latest exemplar.
// Texts have their length before them; numbers are varints, save for the CRC-32
// (IEEE, big endian, of the sorted names of the labels that set series apart,
// joined by newlines) and the two bytes format and flags. The order in which the
// catalogue lists labels does not matter; a family that got other labels is
// noticed. A key has at most nine texts, so it is well below the 32 KiB that a
// store must take.
const (
	stateFormat  = 2
	flagReleased = 1
	maxKey       = 9 * (2 + classify.MaxValue)
)

// Errors of a stored series that Load cannot take, wrapped in a StoredError.
var (
	ErrUnknownFamily = errors.New("no such metric family")
	ErrOtherLabels   = errors.New("the metric family has other labels now")
	ErrCorrupt       = errors.New("broken bytes")
)

// StoredError is a stored series that Load cannot take.
type StoredError struct {
	Family string // empty if the key does not contain it
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

// series is one label set of a family. Layout, key and labels never change.
type series struct {
	schema *schema
	key    string           // without the schema's prefix
	labels []*dto.LabelPair // by name; shared
	state  state

	// For the goroutine that stages only.
	change  int  // where the present stage has its change of the series, if it has one
	dropped bool // no longer the Collector's
}

// state is what a series counted. Scrapes copy it, so what it refers to is not
// changed.
type state struct {
	created  int64 // Unix milliseconds: when the series was born, at 0
	last     int64 // the log's progress at the last commit with an increment, in Unix seconds
	value    uint64
	duration *histogram // of KindHistogram
	exemplar exemplar   // of which only the time is stored
	released bool       // shows its value: the hold is over
	client   verdicts   // of KindInfo
}

// verdicts are what is known of a client version. The zero value is the best.
type verdicts struct {
	sigv4   classify.Verdict
	support classify.Support
}

// worse returns the worse of each of two verdicts.
func (v verdicts) worse(other verdicts) verdicts {
	return verdicts{max(v.sigv4, other.sigv4), max(v.support, other.support)}
}

// Verdicts are stored as one number: below, what was stored before there was a support.
const storedSupport = 4

func (v verdicts) stored() uint64 { return uint64(v.sigv4) + storedSupport*(1+uint64(v.support)) }

// readVerdicts reads what stored returned.
func readVerdicts(n uint64) (v verdicts, hasSupport bool) {
	v.sigv4 = classify.Verdict(min(n%storedSupport, uint64(classify.VerdictNo)))
	if n /= storedSupport; n > 0 {
		v.support = classify.Support(min(n-1, uint64(classify.SupportEnded)))
	}
	return v, n > 0
}

// exemplar is a request behind a counter's last increment.
type exemplar struct {
	requestID string // empty: there is none
	time      int64  // of the event, Unix seconds; where there is none, of the one before the start, or 0
	value     uint64 // that the request added
}

// replace takes a later exemplar, if there is one. One of the same second stays away:
// of two exemplars with one time, Prometheus takes the one that comes second for out of
// order. So it does after a restart with one that is no later than what was shown before.
func (e *exemplar) replace(later exemplar) {
	if later.requestID != "" && later.time > e.time {
		*e = later
	}
}

// appendKey appends the whole key, as stored.
func (s *series) appendKey(dst []byte) []byte {
	return append(append(dst, s.schema.prefix...), s.key...)
}

// decode reads a series as stored. Its labels are missing.
func (sc *schema) decode(key, value []byte) (*series, error) {
	own, ok := bytes.CutPrefix(key, sc.prefix)
	if !ok {
		return nil, ErrOtherLabels
	}
	if err := sc.checkKey(own); err != nil {
		return nil, err
	}
	state, err := decodeState(value, sc, own)
	if err != nil {
		return nil, err
	}
	return &series{schema: sc, key: string(own), state: state}, nil
}

// checkKey returns an error if key, without the prefix, is none of the schema's.
func (sc *schema) checkKey(key []byte) error {
	in := decoder{rest: key}
	for range sc.identity {
		if !utf8.Valid(in.text()) {
			return ErrCorrupt // a scrape of it would fail
		}
	}
	return in.end()
}

// familyName returns the family that a stored key belongs to.
func familyName(key []byte) (string, error) {
	in := decoder{rest: key}
	name := in.text()
	return string(name), in.err
}

// append appends the state as stored.
func (s *state) append(out []byte, k Kind) []byte {
	var flags byte
	if s.released {
		flags |= flagReleased
	}
	out = append(out, stateFormat, flags)
	out = binary.AppendVarint(out, s.created)
	out = binary.AppendVarint(out, s.last)
	switch k {
	case KindCounter:
		out = binary.AppendUvarint(out, s.value)
		out = binary.AppendVarint(out, s.exemplar.time)
	case KindInfo:
		out = binary.AppendUvarint(out, s.client.stored())
	case KindHistogram:
		h := s.duration
		out = binary.AppendUvarint(out, h.count)
		out = binary.AppendUvarint(out, h.sum)
		out = binary.AppendUvarint(out, h.zero)
		for _, n := range h.classic {
			out = binary.AppendUvarint(out, n)
		}
		filled := 0
		for range h.buckets() {
			filled++
		}
		out = binary.AppendUvarint(out, uint64(filled))
		for index, n := range h.buckets() {
			out = binary.AppendVarint(out, int64(index))
			out = binary.AppendUvarint(out, n)
		}
	}
	return out
}

// decodeState reads what append wrote.
func decodeState(value []byte, sc *schema, key []byte) (state, error) {
	in := decoder{rest: value}
	format := in.byte()
	if format == 0 || format > stateFormat {
		return state{}, fmt.Errorf("%w: format %d", ErrCorrupt, format)
	}
	s := state{released: in.byte()&flagReleased != 0, created: in.varint(), last: in.varint()}
	switch sc.kind {
	case KindCounter:
		s.value = in.uvarint()
		if s.exemplar.time = s.last; format > 1 {
			s.exemplar.time = in.varint()
		}
	case KindInfo:
		var hasSupport bool
		if s.client, hasSupport = readVerdicts(in.uvarint()); !hasSupport {
			labels := decoder{rest: key} // client and client_version
			s.client.support = classify.SupportOf(string(labels.text()), string(labels.text()))
		}
	case KindHistogram:
		h := &histogram{count: in.uvarint(), sum: in.uvarint(), zero: in.uvarint()}
		for i := range h.classic {
			h.classic[i] = in.uvarint()
		}
		least, most := int64(nativeIndex(1)), int64(nativeIndex(math.MaxInt64))
		for n := in.uvarint(); n > 0; n-- {
			index, count := in.varint(), in.uvarint()
			if index < least || index > most || count == 0 { // as is read where the bytes have ended
				return state{}, fmt.Errorf("%w: impossible buckets", ErrCorrupt)
			}
			h.add(int32(index), count)
			least = index + 1
		}
		s.duration = h
	}
	return s, in.end()
}

// appendText appends a text with its length before it.
func appendText[T string | []byte](dst []byte, text T) []byte {
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

// text returns a part of what is read.
func (d *decoder) text() []byte {
	size := d.uvarint()
	if size > uint64(len(d.rest)) {
		d.rest, d.err = nil, ErrCorrupt
		return nil
	}
	text := d.rest[:size]
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
