// Package cloudwatch decodes what CloudWatch Logs sends of its log groups: envelopes of
// JSON, whose messages are records of server access logs in JSON or events of CloudTrail.
//
// A subscription filter sends objects like
//
//	{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"…","logStream":"…","subscriptionFilters":["…"],
//	 "logEvents":[{"id":"…","timestamp":1782980142318,"message":"{\"schema_version_id\":\"V_1_0\",…}"}]}
//
// which Firehose writes one behind the other, each of them compressed by itself. Objects
// with the messageType CONTROL_MESSAGE only show that the way is open. One object may hold
// messages of many log groups, and thus of logs that nobody here reads: they are passed
// over and count as record.SkipOtherLog.
//
// EventBridge sends events of CloudTrail in an envelope of its own, which holds one:
//
//	{"version":"0","id":"…","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","detail":{…}}
//
// It is read here too, as its messages are the same.
//
// An export task writes lines instead, of a time and a message: see ExportDecoder.
//
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html,
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html and
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html.
package cloudwatch

import (
	"fmt"
	"io"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxMessage is the number of bytes that a message may have, as it stands in the envelope.
// Longer ones are malformed.
const MaxMessage = jsonscan.MaxHeld - 2 // and its quotes

// Decoder is the record.Decoder of what subscription filters send. It holds a window of
// 64 KB, or of up to twice the longest message that it has met, but never more than
// MaxMessage, and as much again at most for its text, beside the decoders of both logs.
type Decoder struct {
	scanner  jsonscan.Scanner
	at       int      // where in the window the Decoder stands
	position position // and where in an envelope

	control   bool // the envelope is no more than a control message
	filled    bool // there was a value
	envelopes bool // and each of them was an envelope
	envelope  bool // the current document has log events, or a detail
	err       error

	messages
}

// position is where in an envelope the Decoder stands.
type position uint8

const (
	outside       position = iota // of an envelope
	beforeMembers                 // of an envelope, at its brace
	behindMember                  // of an envelope
	beforeEvents                  // of logEvents, at its bracket
	behindEvent                   // of logEvents
	beforeFields                  // of a log event, at its brace
	behindField                   // of a log event
)

// NewDecoder returns a Decoder that reads decompressed envelopes from r. r may be nil if
// Reset is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	d := &Decoder{messages: newMessages()}
	d.Reset(r)
	return d
}

var _ record.Decoder = (*Decoder)(nil)

var errNotLog = fmt.Errorf("no value is an envelope of CloudWatch Logs: %w", record.ErrNotLog)

// Reset implements record.Decoder.
func (d *Decoder) Reset(r io.Reader) {
	d.scanner.Reset(r)
	d.at, d.position = 0, outside
	d.filled, d.envelopes, d.err = false, true, nil
	d.reset()
}

// Prefilter implements record.Decoder. raw is the record of a message, without the escapes
// that it has in the envelope.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) { d.prefilter(candidate) }

// Next implements record.Decoder.
func (d *Decoder) Next() bool {
	for {
		if d.next() {
			return true
		}
		d.scanner.Release() // the message before
		if !d.findMessage() {
			return false
		}
	}
}

// Record implements record.Decoder. AccountID is the owner of the log group where the
// message names none and the envelope names the owner before the messages.
func (d *Decoder) Record() *record.Record { return d.record }

// Err implements record.Decoder: the format's own error is a *jsonscan.SyntaxError. Sound
// envelopes of other logs alone are record.ErrOtherLog. A message is never an error.
func (d *Decoder) Err() error {
	if d.scanner.Err != nil {
		return d.scanner.Err
	}
	return d.err
}

// Skipped implements record.Decoder.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }

// The names of members that matter, in the order in which AWS writes them, with those
// between them.
const (
	messageType = iota
	owner
	logGroup
	logStream
	filters
	logEvents
	account // EventBridge's
	detail
)

const (
	eventID = iota
	timestamp
	message
)

var (
	envelopeNames = jsonscan.NamesOf("messageType", "owner", "logGroup", "logStream", "subscriptionFilters", "logEvents", "account", "detail")
	eventNames    = jsonscan.NamesOf("id", "timestamp", "message")
)

// IsEnvelope reports whether an object with these members, of which there may be more, is
// likely to be an envelope.
func IsEnvelope(members []string) bool {
	has := func(name string) bool { return slices.Contains(members, name) }
	return has("messageType") && (has("logGroup") || has("owner")) || has("detail-type") && has("detail")
}

// findMessage moves to the next message, and begins it.
func (d *Decoder) findMessage() bool {
	s := &d.scanner
	for {
		var more bool
		switch d.position {
		case outside:
			if !d.findEnvelope() {
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
		case beforeFields:
			d.at, more = s.First(d.at, '}')
		case behindField:
			d.at, more = s.Next(d.at, '}')
		}
		switch {
		case d.position >= beforeFields && !more:
			d.position = behindEvent
		case d.position >= beforeFields:
			if d.readField() {
				return true
			}
		case d.position >= beforeEvents && !more:
			d.position = behindMember
		case d.position >= beforeEvents:
			d.readEvent()
		case more:
			if d.readMember() {
				return true
			}
		default:
			d.envelopes = d.envelopes && d.envelope
			d.position = outside
		}
	}
}

// findEnvelope moves to the brace of the next envelope.
func (d *Decoder) findEnvelope() bool {
	s := &d.scanner
	var opening byte
	d.at, opening = s.Token(d.at)
	switch {
	case s.Err != nil:
		return false
	case s.AtEnd(d.at):
		d.end()
		return false
	}
	d.filled = true
	if opening != '{' {
		d.envelopes = false
		d.at = s.Skip(d.at)
		return s.Err == nil
	}
	d.envelope, d.control = false, false
	d.owner = d.owner[:0]
	d.position = beforeMembers
	return true
}

// end takes note of the input's end.
func (d *Decoder) end() {
	s := &d.scanner
	switch {
	case s.ReadErr != nil:
		s.Fail(d.at, "")
	case !d.filled || d.own:
	case d.envelopes:
		d.err = record.ErrOtherLog
	default:
		d.err = errNotLog
	}
}

// readMember passes over a member of an envelope, or up to the bracket of its log events.
// It reports whether it is a message, which is begun.
func (d *Decoder) readMember() bool {
	s := &d.scanner
	d.position = behindMember
	s.Hold(d.at)
	which, i := s.Name(d.at, envelopeNames, 0)
	s.Release()
	i, opening := s.Token(i)
	switch {
	case which == logEvents && opening == '[':
		d.at, d.position, d.envelope = i, beforeEvents, true
	case which == detail && opening == '{':
		d.envelope = true
		return d.readDetail(i)
	case (which == messageType || which == owner || which == account) && opening == '"':
		s.Hold(i)
		v, next := s.Value(i)
		if which == messageType {
			d.control = string(s.Text(v)) == "CONTROL_MESSAGE"
		} else if text := s.Text(v); len(text) <= longestOwner {
			d.owner = append(d.owner[:0], text...)
		}
		s.Release()
		d.at = next
	default:
		d.at = s.Skip(i)
	}
	return false
}

// readDetail passes over the object in an envelope of EventBridge, and begins it as a
// message.
func (d *Decoder) readDetail(i int) bool {
	s := &d.scanner
	offset := s.Offset(i)
	s.Hold(i)
	d.at = s.Skip(i)
	switch {
	case s.Err != nil:
		return false
	case !s.Holds():
		d.tooLong(offset)
		return false
	}
	d.begin(s.Buf[s.Held:d.at], offset)
	return true
}

// tooLong counts a message that is longer than one may be.
func (d *Decoder) tooLong(offset int64) {
	d.number++
	d.offset, d.own = offset, true
	d.malformed("longer than a message may be")
}

const longestOwner = 64

// readEvent goes on at the brace of a log event, or passes over what is none.
func (d *Decoder) readEvent() {
	s := &d.scanner
	i, opening := s.Token(d.at)
	if d.at = i; opening == '{' && !d.control {
		d.position = beforeFields
		return
	}
	d.at, d.position = s.Skip(i), behindEvent
}

// readField passes over a member of a log event, and reports whether it is a message,
// which is begun.
func (d *Decoder) readField() bool {
	s := &d.scanner
	d.position = behindField
	s.Hold(d.at)
	which, i := s.Name(d.at, eventNames, 0)
	s.Release()
	i, opening := s.Token(i)
	if which != message || opening != '"' {
		d.at = s.Skip(i)
		return false
	}
	offset := s.Offset(i)
	s.Hold(i)
	v, next := s.Value(i)
	d.at = next
	switch {
	case s.Err != nil:
		return false
	case !s.Holds():
		d.tooLong(offset)
		return false
	}
	d.begin(s.Text(v), offset)
	return true
}
