// Package cloudtrail decodes the log files of CloudTrail: JSON documents, each an
// object whose member Records is an array of events. What becomes a record is an event
// of S3 that is one request: of its buckets for general purpose, of directory buckets,
// of table buckets, of Outposts and of Object Lambda. The package is for programs
// outside of this module too.
//
// A log file has up to 50 MB of events of many services, and of most events
// nearly nothing matters. So the package reads them with jsonscan, and has three layers
// above that:
//
//   - An event is where the values that matter stand, in one pass, in any order
//     of the members. But a member is first taken for the one that CloudTrail writes
//     after the one before, and a guess that holds costs no reading of names.
//   - Shapes are how events were written that were read so. An event that is written
//     like one of them is compared with it, and only its values are looked for.
//   - Only of events of S3 these values are looked at, and make a record. They are
//     slices of the scanner's window unless a string has escapes.
//
// The scanner is strict, in what it skips too: what encoding/json refuses is a
// SyntaxError. But within the bounds of JSON hardly anything is taken for
// granted. The members of an event have changed their types over the years, and
// requestParameters holds what a client sent. So a member of the wrong type is
// one that is not there, except for those without which there is no record.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html.
package cloudtrail

import (
	"io"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxEvent is the number of bytes that an event may have, from brace to brace.
// Longer events are malformed. CloudTrail's have at most 256 KB.
const MaxEvent = jsonscan.MaxHeld

// Decoder is the record.Decoder of CloudTrail's log files. It holds a window of 64 KB,
// or of up to twice the longest event that it has met, but never more than MaxEvent, and
// as much again at most for strings that have escapes; and some 256 KB at most of what it
// has learned of how events are written.
type Decoder struct {
	scanner  scanner
	at       int      // where in the window the Decoder stands
	position position // and where in a document

	candidate func(raw []byte) bool // nil: every event is one
	bare      bool                  // documents are events

	documents int64 // begun
	isLog     bool  // the current document has a Records array
	notLog    bool  // a document had none
	err       error // errNotLog, once the input has ended

	number  int64 // of the events begun
	skipped record.Skipped
	event   event
	record  record.Record

	// What record.SharedEventID and record.Operation point to if they are no texts of the event.
	shared, operation []byte
}

// position is where in a document the Decoder stands.
type position uint8

const (
	outside       position = iota // of a document
	beforeMembers                 // of a document, at its brace
	behindMember                  // of a document
	beforeEvents                  // of a Records array, at its bracket
	behindEvent                   // of a Records array
)

// NewDecoder returns a Decoder that reads a decompressed log file from r. r may
// be nil if Reset is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	d := &Decoder{scanner: scanner{Scanner: new(jsonscan.Scanner)}}
	d.Reset(r)
	return d
}

// NewEventDecoder returns a Decoder for events that stand one behind the other, without
// Records arrays around them, as they come out of CloudWatch Logs. Objects that are no
// events of CloudTrail's count as OtherLog there.
func NewEventDecoder(r io.Reader) *Decoder {
	d := NewDecoder(r)
	d.bare = true
	return d
}

// NewValueDecoder returns a Decoder of events among the values that s comes to. Value takes
// the place of Next, and whoever has s resets it. Values that are no events of CloudTrail's
// count as OtherLog.
func NewValueDecoder(s *jsonscan.Scanner) *Decoder {
	return &Decoder{scanner: scanner{Scanner: s}, bare: true}
}

var _ record.Decoder = (*Decoder)(nil)

// Reset implements record.Decoder. What the Decoder has learned of how events are
// written stays.
func (d *Decoder) Reset(r io.Reader) {
	d.scanner.reset(r)
	d.at, d.position = 0, outside
	d.documents, d.isLog, d.notLog, d.err = 0, false, false, nil
	d.number = 0
	d.skipped = record.Skipped{}
}

// Prefilter implements record.Decoder. raw is an event from brace to brace: strings in
// it may have escapes, and there may be white space. What is saved is making records and
// what is done with them; the syntax is checked all the same. candidate is not asked for
// events longer than MaxEvent, which are malformed, nor for elements that are no objects.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) { d.candidate = candidate }

// Next implements record.Decoder.
func (d *Decoder) Next() bool {
	for {
		d.scanner.Release() // the event before
		if !d.findEvent() {
			return false
		}
		if d.readEvent() {
			return true
		}
	}
}

// Record implements record.Decoder. Of its text, escapes are decoded and bytes that are
// not UTF-8 are left as they are.
func (d *Decoder) Record() *record.Record { return &d.record }

// Err implements record.Decoder: the format's own error is a *SyntaxError. Input that is
// no log file is read to its end before that is found, so record.ErrNotLog means valid
// JSON. Several log files in a row are one log.
func (d *Decoder) Err() error {
	if d.scanner.Err != nil {
		return d.scanner.Err
	}
	return d.err
}

// Skipped implements record.Decoder.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }

// findEvent moves to the next element of a Records array. A document may have
// several ones, and then all of them count: the records of the first are out when
// the second is seen.
func (d *Decoder) findEvent() bool {
	if d.bare {
		return d.findBare()
	}
	s := &d.scanner
	for {
		var more bool
		switch d.position {
		case outside:
			if !d.findDocument() {
				return false
			}
			continue
		case beforeMembers:
			d.at, more = s.First(d.at, '}')
		case behindMember:
			d.at, more = s.Next(d.at, '}')
		case beforeEvents:
			d.at, more = s.First(d.at, ']')
		case behindEvent:
			d.at, more = s.Next(d.at, ']')
		}
		switch amongEvents := d.position >= beforeEvents; {
		case amongEvents && more:
			d.position = behindEvent
			return true
		case amongEvents:
			d.position = behindMember
		case more:
			d.readMember()
		default:
			d.notLog = d.notLog || !d.isLog
			d.position = outside
		}
	}
}

// findBare moves to the next document, which is an event.
func (d *Decoder) findBare() bool {
	s := &d.scanner
	d.at, _ = s.Token(d.at)
	switch {
	case s.Err != nil:
		return false
	case !s.AtEnd(d.at):
		return true
	case s.ReadErr != nil:
		d.at = s.Fail(d.at, "")
	case d.number > 0 && !d.isLog:
		d.err = errNotLog
	}
	return false
}

var documentNames = jsonscan.NamesOf("Records")

// readMember passes over a member of a document, or up to the bracket of a Records
// array.
func (d *Decoder) readMember() {
	s := &d.scanner
	s.Hold(d.at)
	which, i := s.Name(d.at, documentNames, 0)
	s.Release()
	i, opening := s.Token(i)
	if which == jsonscan.None || opening != '[' {
		d.at, d.position = s.Skip(i), behindMember
		return
	}
	d.isLog = true
	d.at, d.position = i, beforeEvents
}

// findDocument moves to the brace of the next document. Of the first document it is
// only asked to be JSON, of the others to be objects: several log files in a row are
// what several gzip members come to.
func (d *Decoder) findDocument() bool {
	s := &d.scanner
	i, opening := s.Token(d.at)
	d.at = i
	first := d.documents == 0
	switch {
	case s.AtEnd(i):
		if first || s.ReadErr != nil {
			d.at = s.Fail(i, "want a document")
		} else if d.notLog {
			d.err = errNotLog
		}
		return false
	case opening == '{':
		d.isLog = false
		d.position = beforeMembers
	case first:
		d.at = s.Skip(i)
		d.notLog = true
	default:
		d.at = s.Fail(i, "want another object or the end")
		return false
	}
	d.documents++
	return true
}

// Value passes over the value at i of the scanner, which has this number. It reports
// whether that is an event, and whether it is a Record.
func (d *Decoder) Value(i int, number int64) (next int, isLog, found bool) {
	d.at, d.number, d.isLog = i, number-1, false
	found = d.readEvent()
	return d.at, d.isLog, found
}

// readEvent reads an element of a Records array and reports whether it is a
// record. That an event is none of S3's is found before all else, so that no event
// of another service can be malformed.
func (d *Decoder) readEvent() bool {
	s, e := &d.scanner, &d.event
	d.number++
	i, opening := s.Token(d.at)
	offset := s.Offset(i)
	if opening != '{' {
		d.at = s.Skip(i)
		d.malformed(offset, "not an object")
		return false
	}
	s.Hold(i)
	d.at = s.event(i, e)
	if s.Err != nil {
		return false
	}
	if !s.Holds() {
		d.malformed(offset, "longer than an event may be")
		return false
	}
	source := s.Text(e[eventSource])
	if d.bare && len(source) == 0 && e[eventVersion].Kind == jsonscan.Absent {
		d.skipped.OtherLog++
		return false
	}
	d.isLog = d.isLog || d.bare
	switch {
	case d.candidate != nil && !d.candidate(s.Buf[s.Held:d.at:d.at]):
		return false
	case len(source) > 0 && !isS3(source):
		d.skipped.NotS3++
		return false
	case isNoRequest(s.Text(e[eventCategory]), s.Text(e[eventType]), e):
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
	d.record.Raw, d.record.Number = s.Buf[s.Held:d.at:d.at], d.number
	return true
}

// malformed counts the event last begun, which starts at offset.
func (d *Decoder) malformed(offset int64, reason string) {
	d.skipped.Malformed++
	if d.skipped.First == nil {
		d.skipped.First = &record.MalformedError{Number: d.number, Offset: offset, Reason: reason}
	}
}
