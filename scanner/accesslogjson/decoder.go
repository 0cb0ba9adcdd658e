// Package accesslogjson decodes S3's server access logs in JSON, as CloudWatch's log
// delivery writes them since 2026: an object a request, of 29 members that correspond to
// the fields of the text format of package accesslog.
//
// AWS documents the members, but neither how the objects are divided nor how a member
// that holds nothing is written. So everything is taken that is possible: objects on
// lines of their own, one behind the other, or printed over many lines; members in any
// order; and a member that is absent, null, empty or a dash holds nothing. Numbers may be
// written as text of digits. A member of another type than it should have holds nothing
// either, unless the record would pass for another one then, which makes it malformed:
// http_status may be null, but is never something else than a number of zero or more, as that
// would be a success; and those that show who came, and by what credentials (requester,
// operation, request_uri, error_code, signature_version, authentication_type), are texts or
// null, as without them a signed request would be unsigned. All members count as AWS has promised them and no others: a new schema
// version may bring more.
//
// The account and the Region of the bucket are in no member. The Region in source_region
// is that of the caller.
//
// How a key is encoded is not documented. It is taken as it stands.
//
// Records are read in one of two ways. Nearly all of a log are written without white
// space and with their members in the order of the record before, and have a short way on
// which nothing is looked up. All others are read with jsonscan, and show the order for
// the next one.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html.
package accesslogjson

import (
	"fmt"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxRecord is the number of bytes that a record may have, from brace to brace. Longer
// ones are malformed. A request's headers are limited to 8 KB, and so is what of them is
// in a record.
const MaxRecord = jsonscan.MaxHeld

// SyntaxError is the error of input that is not valid JSON, or that ends too early.
type SyntaxError = jsonscan.SyntaxError

// Decoder is the record.Decoder of server access logs in JSON. It holds a window of 64 KB,
// or of up to twice the longest record that it has met, but never more than MaxRecord, and
// as much again at most for strings that have escapes.
type Decoder struct {
	scanner *jsonscan.Scanner
	at      int // where in the window the Decoder stands

	candidate func(raw []byte) bool // nil: every record is one

	filled bool // there was a value
	isLog  bool // and one that was a record of the log
	err    error

	number   int64 // of the values begun
	skipped  record.Skipped
	order    order
	members  [members]jsonscan.Value // of an object that is written in another way than usual
	isRecord bool                    // the object is a record
	values   values
	record   record.Record
	service  [len(access.Service)]byte // what record.Requester points to if no member names it
}

// NewDecoder returns a Decoder that reads decompressed records from r. r may be nil if
// Reset is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	d := NewValueDecoder(new(jsonscan.Scanner))
	d.Reset(r)
	return d
}

// NewValueDecoder returns a Decoder of some of the values that s comes to. Value takes the
// place of Next, and whoever has s resets it.
func NewValueDecoder(s *jsonscan.Scanner) *Decoder {
	return &Decoder{scanner: s, order: documented()}
}

var _ record.Decoder = (*Decoder)(nil)

var errNotLog = fmt.Errorf("no value is a record of a server access log: %w", record.ErrNotLog)

// Reset implements record.Decoder.
func (d *Decoder) Reset(r io.Reader) {
	d.scanner.Reset(r)
	d.at = 0
	d.filled, d.isLog, d.err = false, false, nil
	d.number = 0
	d.skipped = record.Skipped{}
}

// Prefilter implements record.Decoder. raw is an object from brace to brace: strings in
// it may have escapes, and there may be white space. candidate is not asked for objects
// longer than MaxRecord, which are malformed, nor for those that are of no server access
// log.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) { d.candidate = candidate }

// Next implements record.Decoder. Objects that are records of another log count as
// OtherLog.
func (d *Decoder) Next() bool {
	s := d.scanner
	for {
		s.Release() // the record before
		i, opening := s.Token(d.at)
		if d.at = i; s.AtEnd(i) || s.Err != nil {
			d.end(i)
			return false
		}
		d.filled = true
		d.number++
		if opening == '{' {
			if d.object(i) {
				return true
			}
			continue
		}
		offset := s.Offset(i)
		if d.at = s.Skip(i); s.Err == nil {
			d.malformed(offset, "not an object")
		}
	}
}

// Value passes over the object at i of the scanner, which is the value with this number. It
// reports whether that is of the log, and whether it is a Record.
func (d *Decoder) Value(i int, number int64) (next int, isLog, found bool) {
	d.number, d.isLog = number, false
	found = d.object(i)
	return d.at, d.isLog, found
}

// object passes over the object at i, and reports whether it is a Record.
func (d *Decoder) object(i int) bool {
	s := d.scanner
	offset := s.Offset(i)
	s.Hold(i)
	d.at = d.read(i)
	switch {
	case s.Err != nil:
	case !s.Holds():
		d.malformed(offset, "longer than a record may be")
	case !d.isRecord:
		d.skipped.OtherLog++
	case d.candidate != nil && !d.candidate(s.Buf[s.Held:d.at:d.at]):
		d.isLog = true
	default:
		d.isLog = true
		reason := d.fill()
		if reason == "" {
			d.record.Raw, d.record.Number = s.Buf[s.Held:d.at:d.at], d.number
			return true
		}
		d.malformed(offset, reason)
	}
	return false
}

// end takes note of the input's end, at i.
func (d *Decoder) end(i int) {
	s := d.scanner
	if s.Err == nil && s.ReadErr != nil {
		s.Fail(i, "")
	}
	if d.filled && !d.isLog {
		d.err = errNotLog
	}
}

// Record implements record.Decoder. AccountID and Region are empty: no member names them.
// Of its text, escapes are decoded and bytes that are not UTF-8 are left as they are.
func (d *Decoder) Record() *record.Record { return &d.record }

// Err implements record.Decoder: the format's own error is a *SyntaxError.
func (d *Decoder) Err() error {
	if d.scanner.Err != nil {
		return d.scanner.Err
	}
	return d.err
}

// Skipped implements record.Decoder.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }

// malformed counts the value last begun, which starts at offset.
func (d *Decoder) malformed(offset int64, reason string) {
	d.skipped.Malformed++
	if d.skipped.First == nil {
		d.skipped.First = &record.MalformedError{Number: d.number, Offset: offset, Reason: reason}
	}
}
