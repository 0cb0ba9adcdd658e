package cloudwatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// reference reads values with encoding/json. What single records, events and messages hold,
// the same code finds out as in the Decoder.
type reference struct {
	output
	messages
	envelopes bool
}

func referenceOf(data []byte) output {
	r := reference{messages: newMessages(), envelopes: true}
	filled := false
	for rest := data; ; {
		text := bytes.TrimLeft(rest, " \t\r\n")
		newLine := bytes.Contains(rest[:len(rest)-len(text)], []byte("\n"))
		var value json.RawMessage
		switch decoder := json.NewDecoder(bytes.NewReader(text)); {
		case len(text) == 0:
			return r.ended(filled)
		case !filled && bytes.HasPrefix(text, []byte("\ufeff")):
			rest = text[len("\ufeff"):]
		case text[0] == '{' && isObject(text):
			if filled = true; decoder.Decode(&value) != nil {
				return output{err: "syntax"}
			}
			r.value(value)
			rest = text[decoder.InputOffset():]
		case text[0] != '{' && filled && !newLine:
			return output{err: "syntax"}
		default:
			filled = true
			line, _, _ := bytes.Cut(text, []byte("\n"))
			rest = text[len(line):]
			r.line(line)
		}
	}
}

func (r *reference) ended(filled bool) output {
	var err error
	switch {
	case !filled || r.own:
	case r.envelopes:
		err = record.ErrOtherLog
	default:
		err = record.ErrNotLog
	}
	return r.output.end(r.messages.skipped, err)
}

func (r *reference) line(line []byte) {
	r.envelopes = false
	r.number++
	if ShowsLog(line) {
		r.malformed("")
	} else {
		r.messages.skipped.OtherLog++
	}
}

// hand hands a value to the decoder of its log.
func (r *reference) hand(d record.Decoder, raw json.RawMessage) {
	r.envelopes = false
	r.number++
	d.Reset(bytes.NewReader(raw))
	for d.Next() {
		r.own = true
		r.add(d.Record())
	}
	r.own = r.own || d.Err() == nil && raw[0] == '{'
	got := d.Skipped()
	r.messages.skipped.NotS3 += got.NotS3
	r.messages.skipped.NotRequest += got.NotRequest
	r.messages.skipped.OtherLog += got.OtherLog
	if got.Malformed > 0 {
		r.malformed("")
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of an object in their order; nil if it is none.
func membersOf(raw json.RawMessage) (all []member, isObject bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if opening, _ := decoder.Token(); opening != json.Delim('{') {
		return nil, false
	}
	for decoder.More() {
		name, _ := decoder.Token()
		m := member{name: fmt.Sprint(name)}
		_ = decoder.Decode(&m.value) // it was decoded before
		all = append(all, m)
	}
	return all, true
}

func (r *reference) value(raw json.RawMessage) {
	members, _ := membersOf(raw)
	control, known, envelope := false, false, false
	r.owner = r.owner[:0]
	for _, m := range members {
		var text string
		isString := m.value[0] == '"' && json.Unmarshal(m.value, &text) == nil
		switch {
		case !known && slices.Contains([]string{"schema_version_id", "bucket_arn", "bucket_name", "request_time"}, m.name):
			r.hand(accesslogjson.NewDecoder(nil), raw)
			return
		case !known && (m.name == "eventVersion" || m.name == "eventSource"):
			r.hand(cloudtrail.NewEventDecoder(nil), raw)
			return
		case m.name == "messageType" && isString:
			control = text == "CONTROL_MESSAGE"
		case m.name == "detail" && m.value[0] == '{':
			known, envelope = true, true
			for r.begin(m.value, 0); r.next(); {
				r.add(r.record)
			}
		case (m.name == "owner" || m.name == "account") && isString && len(text) <= longestOwner:
			r.owner = append(r.owner[:0], text...)
		case m.name == "logEvents" && m.value[0] == '[':
			known, envelope = true, true
			var events []json.RawMessage
			_ = json.Unmarshal(m.value, &events)
			for _, e := range events {
				if !control {
					r.event(e)
				}
			}
		case m.name == "Records" && m.value[0] == '[':
			known = true
			var events []json.RawMessage
			_ = json.Unmarshal(m.value, &events)
			r.own = r.own || len(events) == 0
			for _, e := range events {
				r.hand(cloudtrail.NewEventDecoder(nil), e)
			}
		}
	}
	r.envelopes = r.envelopes && envelope
	if !known {
		r.number++
		r.messages.skipped.OtherLog++
	}
}

func (r *reference) event(raw json.RawMessage) {
	fields, _ := membersOf(raw)
	for _, f := range fields {
		var text string
		if f.name != "message" || f.value[0] != '"' || json.Unmarshal(f.value, &text) != nil {
			continue
		}
		for r.begin([]byte(text), 0); r.next(); {
			r.add(r.record)
		}
	}
}
