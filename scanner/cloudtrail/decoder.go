// Package cloudtrail decodes the log files of CloudTrail: JSON documents, each an
// object whose member Records is an array of events.
//
// A log file has up to 50 MB of events of many services, and of most events
// nearly nothing matters. So the package has a JSON scanner of its own, in four
// layers:
//
//   - The window is the part of the input that is in memory. It moves along, and
//     grows only if one event does not fit.
//   - The scanner knows JSON. It passes over values, and says of a string or
//     number where it stands.
//   - An event is where the values that matter stand, in one pass, in any order
//     of the members.
//   - Only of events of S3 these values are looked at, and make a record. They are
//     slices of the window unless a string has escapes.
//
// The scanner is strict, in what it skips too: what encoding/json refuses is a
// SyntaxError. But within the bounds of JSON hardly anything is taken for
// granted. The members of an event have changed their types over the years, and
// requestParameters holds what a client sent. So a member of the wrong type is
// one that was not told, except for those without which there is no record.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html.
package cloudtrail

import (
	"io"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxEvent is the number of bytes that an event may have, from brace to brace.
// Longer events are malformed. CloudTrail's have at most 256 KB.
const MaxEvent = 1 << 20

// Decoder reads the records of one log file after the other. It holds a window of
// 64 KB, or of up to twice the longest event that it has met, but never more than
// MaxEvent, and as much again at most for strings that have escapes. It allocates
// nothing for a record. A Decoder must not be used from several goroutines at once.
//
// Input that has an error gives no reliable record: what Next has found before
// should be discarded then.
type Decoder struct {
	scanner scanner
	place   place

	documents int64 // begun
	isLog     bool  // the current document has a Records array
	notLog    bool  // a document had none
	err       error // ErrNotLog, once the input has ended

	number  int64 // of the events begun
	skipped record.Skipped
	event   event
	record  record.Record
}

// place is where in the input the Decoder stands.
type place uint8

const (
	outside    place = iota // of a document
	inDocument              // between the members of a document
	inRecords               // between the elements of a Records array
)

// NewDecoder returns a Decoder that reads a decompressed log file from r. r may
// be nil if Reset is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	d := new(Decoder)
	d.Reset(r)
	return d
}

// Reset makes the Decoder read from r as if it were new, and keeps its buffers.
func (d *Decoder) Reset(r io.Reader) {
	d.scanner.reset(r)
	d.place = outside
	d.documents, d.isLog, d.notLog, d.err = 0, false, false, nil
	d.number = 0
	d.skipped = record.Skipped{}
}

// Next reads up to the next record and reports whether there is one. It is false
// at the end and at an error; Err tells which. Events that are no record are
// passed over and counted.
func (d *Decoder) Next() bool {
	d.scanner.release()
	for d.findEvent() {
		if d.readEvent() {
			return true
		}
	}
	return false
}

// Record returns the record that Next found. It and all that it points to are
// valid until the next call of Next or Reset. Of its text, escapes are decoded
// and bytes that are not UTF-8 are left as they are.
func (d *Decoder) Record() *record.Record { return &d.record }

// Err returns nil if the input was read to its end and is a log file, or several
// ones in a row, else a *SyntaxError, ErrNotLog, or the reader's error as it is.
// Input that is no log file is read to its end before that is said, so ErrNotLog
// means valid JSON.
func (d *Decoder) Err() error {
	if d.scanner.err != nil {
		return d.scanner.err
	}
	return d.err
}

// Skipped returns how many events since Reset were no record, by reason, and the
// first that was malformed.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }

// findEvent moves to the next element of a Records array. A document may have
// several ones, and then all of them count: the records of the first are out when
// the second is seen.
func (d *Decoder) findEvent() bool {
	s := &d.scanner
	for {
		switch d.place {
		case outside:
			if !d.findDocument() {
				return false
			}
		case inDocument:
			if !s.next('}') {
				d.notLog = d.notLog || !d.isLog
				d.place = outside
				continue
			}
			s.hold()
			isRecords := string(s.name()) == "Records"
			s.release()
			if !isRecords {
				s.skip()
			} else if s.array() {
				d.isLog = true
				d.place = inRecords
			}
		case inRecords:
			if s.next(']') {
				return true
			}
			d.place = inDocument
		}
	}
}

// findDocument moves into the next document. Of the first document it is only
// asked to be JSON, of the others to be objects: several log files in a row are
// what several gzip members come to.
func (d *Decoder) findDocument() bool {
	s := &d.scanner
	opening := s.token()
	first := d.documents == 0
	switch {
	case s.atEnd():
		if first || s.readErr != nil {
			s.fail("want a document")
		} else if d.notLog {
			d.err = ErrNotLog
		}
		return false
	case opening == '{':
		s.enter()
		d.isLog = false
		d.place = inDocument
	case first:
		s.skip()
		d.notLog = true
	default:
		s.fail("want another object or the end")
		return false
	}
	d.documents++
	return true
}

// readEvent reads an element of a Records array and reports whether it is a
// record. That an event is none of S3's is found before all else, so that no event
// of another service can be malformed.
func (d *Decoder) readEvent() bool {
	s := &d.scanner
	d.number++
	opening := s.token()
	offset := s.offset()
	if opening != '{' {
		s.skip()
		d.malformed(offset, "not an object")
		return false
	}
	s.hold()
	e := &d.event
	s.event(e)
	if s.err != nil {
		return false
	}
	if !s.holds() {
		d.malformed(offset, "longer than an event may be")
		return false
	}
	source := s.text(e.source)
	switch {
	case len(source) > 0 && !isS3(source):
		d.skipped.NotS3++
		return false
	case isNoRequest(s.text(e.category), s.text(e.eventType)):
		d.skipped.NotRequest++
		return false
	case len(source) == 0:
		d.malformed(offset, "no eventSource")
		return false
	}
	if reason := d.fill(e); reason != "" {
		d.malformed(offset, reason)
		return false
	}
	return true
}

// malformed counts the event last begun, which starts at offset.
func (d *Decoder) malformed(offset int64, reason string) {
	d.skipped.Malformed++
	if d.skipped.First == nil {
		d.skipped.First = &record.MalformedError{Number: d.number, Offset: offset, Reason: reason}
	}
}
