package cloudwatch

import "github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"

// beginObject begins an object whose kind is not known yet, at its brace.
func (d *Decoder) beginObject(i int) {
	d.scanner.Hold(i)
	d.at, d.position, d.undecided = i, beforeMembers, true
	d.envelope, d.known, d.control = false, false, false
	d.expected = 0
	d.owner = d.owner[:0]
}

// hold keeps the input from i on, unless it is kept from the beginning of the object on.
func (d *Decoder) hold(i int) {
	if d.undecided = d.undecided && d.scanner.Holds(); !d.undecided {
		d.scanner.Hold(i)
	}
}

// release ends what hold has begun.
func (d *Decoder) release() {
	if !d.undecided {
		d.scanner.Release()
	}
}

// nextMember moves to the next member of an object, and reports whether there is one.
func (d *Decoder) nextMember() (more bool) {
	s := d.scanner
	if d.position == behindMember {
		d.at, more = s.Next(d.at, '}')
	} else if d.at, more = s.First(d.at, '}'); more && s.Buf[d.at] != '"' && s.Holds() && !s.AtEnd(d.at) {
		d.position = outside
		d.readLine(s.Rewind()) // as {'a': 1} or {a=1}
		return false
	}
	if more {
		d.position = behindMember
		return true
	}
	d.position = outside
	if s.Err == nil {
		d.endObject()
	}
	return false
}

// endObject takes note of an object's end.
func (d *Decoder) endObject() {
	d.envelopes = d.envelopes && d.envelope
	if !d.known {
		d.number++
		d.skipped.OtherLog++
	}
}

// readMember passes over a member of an object: up to the bracket of its log events or
// Records, or to the end of the whole object if that is a record or event. It reports whether
// that is a Record. A message may have begun.
func (d *Decoder) readMember() (found bool) {
	s := d.scanner
	d.hold(d.at)
	which, i := s.Name(d.at, names, d.expected)
	if d.expected = which + 1; which >= firstOfRecord && d.undecided && s.Holds() {
		d.likely, d.position = which, outside
		return d.readValue(s.Rewind(), d.shownBy(which))
	}
	d.release()
	i, opening := s.Token(i)
	switch {
	case which == logEvents && opening == '[':
		d.enter(beforeEvents, i)
		d.envelope = true
	case which == records && opening == '[':
		d.enter(beforeRecords, i)
	case which == detail && opening == '{':
		d.enter(behindMember, i)
		d.envelope = true
		d.readDetail(i)
	case (which == messageType || which == owner || which == account) && opening == '"':
		d.readName(i, which)
	default:
		if which >= firstOfRecord && !d.known {
			d.number++
			d.known = true
			d.tooLong(s.Offset(i))
		}
		d.at = s.Skip(i)
	}
	return false
}

// enter begins a part of an object, at i, that shows the object's kind.
func (d *Decoder) enter(p position, i int) {
	d.undecided, d.known = false, true
	d.scanner.Release()
	d.at, d.position = i, p
}

// readName passes over a string, and takes note of what it shows of the envelope.
func (d *Decoder) readName(i, which int) {
	s := d.scanner
	d.hold(i)
	v, next := s.Value(i)
	if text := s.Text(v); which == messageType {
		d.control = string(text) == "CONTROL_MESSAGE"
	} else if len(text) <= longestOwner {
		d.owner = append(d.owner[:0], text...)
	}
	d.release()
	d.at = next
}

const longestOwner = 64

// readDetail passes over the object in an envelope of EventBridge, and begins it as a
// message.
func (d *Decoder) readDetail(i int) {
	s := d.scanner
	offset := s.Offset(i)
	s.Hold(i)
	d.at = s.Skip(i)
	switch {
	case s.Err != nil:
	case !s.Holds():
		d.number++
		d.tooLong(offset)
	default:
		d.begin(s.Buf[s.Held:d.at], offset)
	}
}

// tooLong counts a message, or another value, that is longer than it may be.
func (d *Decoder) tooLong(offset int64) {
	d.offset, d.own = offset, true
	d.malformed("longer than a message may be")
}

// nextElement moves to the next element of Records or logEvents, and reports whether there
// is one.
func (d *Decoder) nextElement(before position) (more bool) {
	s := d.scanner
	if d.position == before {
		d.at, more = s.First(d.at, ']')
		d.own = d.own || !more && before == beforeRecords && s.Err == nil // a log file of nothing
	} else {
		d.at, more = s.Next(d.at, ']')
	}
	if d.position = behindMember; more {
		d.position = before + 1
	}
	return more
}

// readEvent goes on at the brace of a log event, or passes over what is none.
func (d *Decoder) readEvent() {
	s := d.scanner
	i, opening := s.Token(d.at)
	if d.at = i; opening == '{' && !d.control {
		d.position = beforeFields
		return
	}
	d.at = s.Skip(i)
}

// nextField moves to the next member of a log event, and reports whether there is one.
func (d *Decoder) nextField() (more bool) {
	if d.position == beforeFields {
		d.at, more = d.scanner.First(d.at, '}')
	} else {
		d.at, more = d.scanner.Next(d.at, '}')
	}
	if d.position = behindEvent; more {
		d.position = behindField
	}
	return more
}

// readField passes over a member of a log event. If it is a message, that is begun.
func (d *Decoder) readField() {
	s := d.scanner
	s.Hold(d.at)
	which, i := s.Name(d.at, eventNames, 0)
	s.Release()
	i, opening := s.Token(i)
	if which != message || opening != '"' {
		d.at = s.Skip(i)
		return
	}
	offset := s.Offset(i)
	s.Hold(i)
	var v jsonscan.Value
	v, d.at = s.Value(i)
	switch {
	case s.Err != nil:
	case !s.Holds():
		d.number++
		d.tooLong(offset)
	default:
		d.begin(s.Text(v), offset)
	}
}
