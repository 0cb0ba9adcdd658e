// Package cloudwatch decodes what CloudWatch's deliveries, and those behind them, write as
// JSON: server access logs and events of CloudTrail, in any of the forms in which they may
// lie in an object with any name, and in any order in one object.
//
// CloudWatch's log delivery writes records of server access logs as they are. A subscription
// filter of a log group sends envelopes like
//
//	{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"…","logStream":"…","subscriptionFilters":["…"],
//	 "logEvents":[{"id":"…","timestamp":1782980142318,"message":"{\"schema_version_id\":\"V_1_0\",…}"}]}
//
// which Firehose writes one behind the other, each of them compressed by itself, or only
// their messages. Objects with the messageType CONTROL_MESSAGE only show that the way is
// open. EventBridge sends events of CloudTrail in an envelope of its own, which holds one:
//
//	{"version":"0","id":"…","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","detail":{…}}
//
// And who copies log files of CloudTrail may copy them to any place.
//
// Several of these may be sent to one place, and messages of many log groups, and thus of
// logs that nobody here reads, lines of text among them. So each value decides for itself
// which log it is of. What is of none is passed over, and counts as record.SkipOtherLog.
//
// An export task writes lines instead, of a time and a message: see ExportDecoder.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html,
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html and
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html.
package cloudwatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxMessage is the number of bytes that a message may have, as it stands in the envelope,
// and a line of text. Longer ones are malformed.
const MaxMessage = jsonscan.MaxHeld - 2 // and its quotes

// Decoder is the record.Decoder of objects, and lines of text between them, that lie one
// behind the other. The first member of an object that only one kind of it has shows which
// kind it is. What begins in a line of its own and is no object is text up to the
// end of that line, and so is what begins with a brace that no quote or brace follows.
//
// It holds a window of 64 KB, or of up to twice the longest record or message that it has
// met, but never more than MaxMessage, and as much again at most for text that has escapes,
// beside the decoders of both logs.
type Decoder struct {
	scanner  *jsonscan.Scanner
	at       int      // where in the window the Decoder stands
	position position // and where in a value
	access   *accesslogjson.Decoder
	trail    *cloudtrail.Decoder // of events outside of messages

	likely    int  // the member by which a value before has shown that it is a record or event
	expected  int  // the member that is likely to come next
	undecided bool // the kind of the value is not known, and it is held from its beginning
	control   bool // the value is no more than a control message
	filled    bool // there was a value
	envelopes bool // and each of them was an envelope
	envelope  bool // the object has log events, or a detail
	known     bool // or Records, or it is too long for all of these
	err       error

	messages
}

// position is where in a value the Decoder stands.
type position uint8

const (
	outside       position = iota // of a value
	beforeMembers                 // of an object, at its brace
	behindMember                  // of an object
	beforeRecords                 // of Records, at its bracket
	behindRecord                  // of Records
	beforeEvents                  // of logEvents, at its bracket
	behindEvent                   // of logEvents
	beforeFields                  // of a log event, at its brace
	behindField                   // of a log event
)

// NewDecoder returns a Decoder that reads decompressed values from r. r may be nil if Reset
// is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	s := new(jsonscan.Scanner)
	d := &Decoder{
		scanner: s, access: accesslogjson.NewValueDecoder(s), trail: cloudtrail.NewValueDecoder(s),
		likely: schemaVersion, messages: newMessages(),
	}
	d.Reset(r)
	return d
}

var _ record.Decoder = (*Decoder)(nil)

var errNotLog = fmt.Errorf("no value is of a log that is read: %w", record.ErrNotLog)

// Reset implements record.Decoder.
func (d *Decoder) Reset(r io.Reader) {
	d.access.Reset(r) // and the scanner
	d.trail.Reset(r)
	d.at, d.position = 0, outside
	d.filled, d.envelopes, d.err = false, true, nil
	d.reset()
}

// Prefilter implements record.Decoder. raw is a record from brace to brace, in which strings
// may have escapes; that of a message is without the escapes that it has in the envelope.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) {
	d.PrefilterByFormat(ofAnyFormat(candidate))
}

// PrefilterByFormat is Prefilter with a candidate that is told how raw is written: as
// accesslogjson.Format or cloudtrail.Format.
func (d *Decoder) PrefilterByFormat(candidate func(format record.Format, raw []byte) bool) {
	d.prefilter(candidate)
	if candidate == nil {
		d.access.Prefilter(nil)
		d.trail.Prefilter(nil)
		return
	}
	d.access.Prefilter(func(raw []byte) bool { return candidate(accesslogjson.Format, raw) })
	d.trail.Prefilter(func(raw []byte) bool { return candidate(cloudtrail.Format, raw) })
}

// Next implements record.Decoder.
func (d *Decoder) Next() bool {
	for {
		if d.next() {
			return true
		}
		d.scanner.Release() // the record or message before
		if d.find() {
			return true
		}
		if d.decoder == nil {
			return false
		}
	}
}

// Record implements record.Decoder. AccountID is the owner of the log group where a message
// names none and the envelope names the owner before the messages; else, that of a record of
// a server access log is empty.
func (d *Decoder) Record() *record.Record { return d.record }

// Err implements record.Decoder: the format's own error is a *jsonscan.SyntaxError. It wraps
// record.ErrNotLog too if no value before was of a log that is read. Sound envelopes of other
// logs alone are record.ErrOtherLog. A message is never an error.
func (d *Decoder) Err() error { return d.err }

// Skipped implements record.Decoder.
func (d *Decoder) Skipped() record.Skipped {
	all := d.skipped
	for _, part := range []record.Skipped{d.access.Skipped(), d.trail.Skipped()} {
		all.Malformed += part.Malformed
		all.NotS3 += part.NotS3
		all.NotRequest += part.NotRequest
		all.OtherLog += part.OtherLog
		if first := part.First; first != nil && (all.First == nil || first.Number < all.First.Number) {
			all.First = first
		}
	}
	return all
}

// find moves to the next record outside of messages, and reports whether there is one before
// the next message, which it begins, and before the end.
func (d *Decoder) find() (found bool) {
	for more := true; more && !found && d.decoder == nil; {
		switch d.position {
		case outside:
			found, more = d.findValue()
		case beforeMembers, behindMember:
			found = d.nextMember() && d.readMember()
		case beforeRecords, behindRecord:
			found = d.nextElement(beforeRecords) && d.readValue(d.at, d.trail)
		case beforeEvents, behindEvent:
			if d.nextElement(beforeEvents) {
				d.readEvent()
			}
		case beforeFields, behindField:
			if d.nextField() {
				d.readField()
			}
		}
	}
	return found
}

// findValue moves to the brace of the next object, or behind that object if its first member
// shows that it is a record or event. It reports whether it is a Record, and whether it is
// there at all.
func (d *Decoder) findValue() (found, more bool) {
	s := d.scanner
	s.Hold(d.at)
	i, opening := s.Token(d.at)
	switch {
	case s.Err != nil || s.AtEnd(i):
		d.end(i)
		return false, false
	case opening != '{':
		d.readText(i)
		return false, true
	}
	d.filled = true
	if names[d.likely].Begins((*[jsonscan.MaxName]byte)(s.Buf[i+1:])) { // mostly
		return d.readValue(i, d.shownBy(d.likely)), true
	}
	d.beginObject(i)
	return false, true
}

// valueDecoder is the decoder of a log.
type valueDecoder interface {
	Value(i int, number int64) (next int, isLog, found bool)
	Record() *record.Record
}

// shownBy returns the decoder of the values that a member shows.
func (d *Decoder) shownBy(member int) valueDecoder {
	if member < firstOfEvent {
		return d.access
	}
	return d.trail
}

// readValue passes over a value that the decoder knows, and reports whether it is a Record.
func (d *Decoder) readValue(i int, decoder valueDecoder) (found bool) {
	d.envelopes = false
	d.number++
	var isLog bool
	d.at, isLog, found = decoder.Value(i, d.number)
	d.own = d.own || isLog
	if found {
		d.record = decoder.Record()
	}
	return found
}

// readText passes over what is no object: a line of text.
func (d *Decoder) readText(i int) {
	s := d.scanner
	switch {
	case !d.filled && d.skipMark(i):
		return
	case d.filled && s.Holds() && bytes.IndexByte(s.Buf[s.Held:i], '\n') < 0: // it would be damage
		d.at = s.Fail(i, "want an object, or text in a line of its own")
		return
	case !d.filled:
		i = s.Held
	}
	d.filled = true
	d.readLine(i)
}

// skipMark passes over a byte order mark, and reports whether there is one. What is at i is
// held.
func (d *Decoder) skipMark(i int) bool {
	s := d.scanner
	s.Hold(i)
	for _, want := range []byte("\ufeff") {
		var c byte
		if i, c = s.Peek(i); c != want {
			return false
		}
		i++
	}
	d.at = i
	return true
}

// readLine passes over a line of text.
func (d *Decoder) readLine(i int) {
	s := d.scanner
	d.envelopes = false
	d.number++
	d.offset = s.Offset(i)
	s.Hold(i)
	d.at = s.SkipLine(i)
	switch {
	case !s.Holds():
		d.malformed("longer than a message may be")
	case ShowsLog(s.Buf[s.Held:d.at]):
		d.malformed("a record of a log within a line of text")
	default:
		d.skipped.OtherLog++
	}
}

// end takes note of the input's end, at i.
func (d *Decoder) end(i int) {
	s := d.scanner
	if s.ReadErr != nil {
		s.Fail(i, "")
	}
	switch {
	case s.Err != nil && (d.own || !errors.As(s.Err, new(*jsonscan.SyntaxError))):
		d.err = s.Err
	case s.Err != nil:
		d.err = fmt.Errorf("%w; %w", s.Err, errNotLog)
	case !d.filled || d.own:
	case d.envelopes:
		d.err = record.ErrOtherLog
	default:
		d.err = errNotLog
	}
}
