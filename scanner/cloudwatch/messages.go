package cloudwatch

import (
	"bytes"
	"errors"

	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// messages decodes messages of log groups, one after the other: those that are records of
// server access logs or events of CloudTrail. It is what decoders of all envelopes have in
// common.
type messages struct {
	access *accesslogjson.Decoder
	trail  *cloudtrail.Decoder

	decoder record.Decoder // of the message at hand; nil: there is none
	message bytes.Reader
	number  int64 // of the message, from 1
	offset  int64 // of the message in the object
	record  *record.Record

	own     bool // a message was one of a log that is read
	skipped record.Skipped
	owner   []byte // the account that the messages come from; empty if it is not known
	account []byte // what record.AccountID points to if it is the owner
}

func newMessages() messages {
	return messages{access: accesslogjson.NewDecoder(nil), trail: cloudtrail.NewEventDecoder(nil)}
}

func (m *messages) reset() {
	m.decoder, m.number = nil, 0
	m.own, m.skipped = false, record.Skipped{}
	m.owner = m.owner[:0]
}

func (m *messages) prefilter(candidate func(format record.Format, raw []byte) bool) {
	ask := func(format record.Format) func(raw []byte) bool {
		if candidate == nil {
			return nil
		}
		return func(raw []byte) bool {
			m.own = true
			return candidate(format, raw)
		}
	}
	m.access.Prefilter(ask(accesslogjson.Format))
	m.trail.Prefilter(ask(cloudtrail.Format))
}

// ofAnyFormat returns a prefilter that does not ask for the format.
func ofAnyFormat(candidate func(raw []byte) bool) func(format record.Format, raw []byte) bool {
	if candidate == nil {
		return nil
	}
	return func(_ record.Format, raw []byte) bool { return candidate(raw) }
}

// begin begins a message, which must stay as it is until next returns false.
func (m *messages) begin(text []byte, offset int64) {
	m.number++
	m.offset = offset
	text = bytes.TrimLeft(text, " \t\r\n")
	switch {
	case !isObject(text):
		m.skipped.OtherLog++
		return
	case isEvent(text):
		m.decoder = m.trail
	default:
		m.decoder = m.access
	}
	m.message.Reset(text)
	m.decoder.Reset(&m.message)
}

// isObject reports whether a message is an object of JSON, as far as its beginning shows it:
// {'a': 1} and {a=1} are none.
func isObject(text []byte) bool {
	if !bytes.HasPrefix(text, []byte("{")) {
		return false
	}
	inside := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(inside) == 0 || inside[0] == '"' || inside[0] == '}'
}

// isEvent reports whether a message is an event of CloudTrail's, as far as it takes to
// choose a decoder.
func isEvent(text []byte) bool {
	if bytes.HasPrefix(text, []byte(`{"schema_version_id"`)) { // mostly
		return false
	}
	// In a string, quotes would be escaped.
	return bytes.HasPrefix(text, []byte(`{"eventVersion"`)) ||
		bytes.Contains(text, []byte(`"eventSource"`)) && bytes.Contains(text, []byte(`"eventName"`))
}

// next moves to the next record of the message.
func (m *messages) next() bool {
	if m.decoder == nil {
		return false
	}
	if m.decoder.Next() {
		m.own = true
		m.record = m.decoder.Record()
		m.record.Number = m.number
		if len(m.record.AccountID) == 0 {
			m.account = append(m.account[:0], m.owner...)
			m.record.AccountID = m.account
		}
		return true
	}
	m.end()
	return false
}

// end takes note of what was in the message.
func (m *messages) end() {
	s, err := m.decoder.Skipped(), m.decoder.Err()
	m.decoder = nil
	switch {
	case err != nil && !errors.Is(err, record.ErrNotLog):
		m.own = true
		m.malformed("not valid JSON")
		return
	case s.Malformed > 0 && err == nil:
		m.malformed(s.First.Reason)
	}
	m.skipped.NotS3 += s.NotS3
	m.skipped.NotRequest += s.NotRequest
	m.skipped.OtherLog += s.OtherLog
	m.own = m.own || err == nil
}

// malformed counts the message last begun.
func (m *messages) malformed(reason string) {
	m.skipped.Malformed++
	if m.skipped.First == nil {
		m.skipped.First = &record.MalformedError{Number: m.number, Offset: m.offset, Reason: reason}
	}
}
