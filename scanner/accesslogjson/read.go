package accesslogjson

import (
	"bytes"
	"strconv"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// values are what the members of an object hold. They are valid as long as the object is
// held.
type values struct {
	texts       [members][]byte // nil for nothing, and of members that hold no text
	counts      [members]int64  // record.Unknown for nothing, outOfRange
	mistyped    memberSet       // of the members for texts, those that hold something else
	aclRequired record.Answer
}

// What stands for the number of a member that has none.
const (
	outOfRange = -2 // it is larger than any request's
	noNumber   = -3 // it is something else than a number of zero or more, or digits
)

// read passes over an object, which must have been held, and sets isRecord and, if it is a
// record, values.
func (d *Decoder) read(i int) (next int) {
	s := d.scanner
	if size := d.readUsual(s.Buf[i:]); size > 0 {
		d.isRecord = true
		return i + size
	}
	s.Hold(i) // and forget what was unescaped
	if i = d.readAny(i); s.Err == nil && s.Holds() {
		d.resolve()
	}
	return i
}

// readUsual is read for nearly all records: those whose members, all or some of them, are in
// the order that is expected, without others and without white space. It returns 0 if the
// object is written in another way, does not end in b, is no record, or if a member is of
// another type than it should be. Then values have anything.
func (d *Decoder) readUsual(b []byte) (size int) {
	v := &d.values
	v.aclRequired, v.mistyped = record.No, 0
	i := 0
	for _, at := range d.order {
		name := &names[at]
		if i > len(b)-1-jsonscan.MaxName || b[i] != ',' && i > 0 || !name.Begins((*[jsonscan.MaxName]byte)(b[i+1:])) {
			v.texts[at], v.counts[at] = nil, record.Unknown
			continue
		}
		i += 1 + name.Size
		switch {
		case b[i] == '"' && kinds[at] <= unread:
			from := i + 1
			if i = jsonscan.IndexSpecial(b, from); b[i] != '"' {
				if i = d.readEscaped(b, from, i, at); i == 0 {
					return 0
				}
			} else if kinds[at] == aText {
				v.texts[at] = something(b[from:i:i])
			}
			i++
		case b[i] == 'n' && string(b[i:i+len("null")]) == "null":
			v.texts[at], v.counts[at] = nil, record.Unknown
			i += len("null")
		case kinds[at] == aCount && '0' <= b[i] && b[i] <= '9':
			v.counts[at], i = readCount(b, i)
		case string(b[i:i+len("false")]) == "false" && kinds[at] == anAnswer:
			i += len("false")
		case string(b[i:i+len("true")]) == "true" && kinds[at] == anAnswer:
			v.aclRequired = record.Yes
			i += len("true")
		default:
			return 0
		}
	}
	if b[i] != '}' || v.texts[bucketName] == nil || v.texts[requestTime] == nil {
		return 0
	}
	return i + 1
}

// readEscaped is readUsual for a text from b[from] on of which b[i] is the first byte that
// may begin an escape.
func (d *Decoder) readEscaped(b []byte, from, i int, at uint8) (end int) {
	end, kind := jsonscan.SkipRest(b, i)
	if kind == jsonscan.Absent {
		return 0
	}
	if kinds[at] == aText {
		d.values.texts[at] = something(d.scanner.Text(jsonscan.Value{From: int32(from), To: int32(end), Kind: jsonscan.EscapedString}))
	}
	return end
}

// readCount passes over a number that begins with a digit, of digits alone and so few that
// it cannot overflow. If there is another one, what it passes over is followed by neither
// a comma nor a brace.
func readCount(b []byte, i int) (n int64, next int) {
	from := i
	for '0' <= b[i] && b[i] <= '9' {
		n = 10*n + int64(b[i]-'0')
		i++
	}
	if i-from > maxDigits || i > from+1 && b[from] == '0' {
		return 0, from
	}
	return n, i
}

// maxDigits is how many digits a number may have that cannot overflow.
const maxDigits = 18

// something returns text, or nil if that is what stands for nothing.
func something(text []byte) []byte {
	if len(text) <= 1 && access.IsNothing(text) {
		return nil
	}
	return text
}

// readAny is read for an object that is written in any way. It sets members: those that
// are absent, or of a type that they should not have, are values that are no strings or
// numbers. Of members that stand there twice the last one counts, as in encoding/json.
func (d *Decoder) readAny(i int) (next int) {
	s := d.scanner
	d.members = [members]jsonscan.Value{}
	s.Passed = s.Passed[:0]
	var found foundOrder
	which := -1
	i, more := s.First(i, '}')
	for more {
		i, _ = s.Token(i)
		if which, i = s.Name(i, names, which+1); which == jsonscan.None {
			i = s.Skip(i)
		} else {
			d.members[which], i = s.Value(i)
		}
		found.add(which)
		i, more = s.Next(i, '}')
	}
	found.complete(&d.order)
	return i
}

// resolve sets isRecord and values to what members make of them: a record of the log
// names a bucket, and a time or a schema version, in whatever way.
func (d *Decoder) resolve() {
	s, m, v := d.scanner, &d.members, &d.values
	d.isRecord = (m[bucketName].Kind != jsonscan.Absent || m[bucketARN].Kind != jsonscan.Absent) &&
		(m[requestTime].Kind != jsonscan.Absent || m[schemaVersion].Kind != jsonscan.Absent)
	if !d.isRecord {
		return
	}
	v.mistyped = 0
	for at := range m {
		v.texts[at] = something(s.Text(m[at]))
		if kinds[at] == aText && m[at].Kind != jsonscan.Absent && !m[at].IsString() {
			v.mistyped |= setOf(at)
		}
		if kinds[at] == aCount {
			v.counts[at] = d.count(m[at], v.texts[at])
		}
	}
	switch acl := m[aclRequired]; {
	case s.IsTrue(acl):
		v.aclRequired = record.Yes
	case v.texts[aclRequired] != nil:
		v.aclRequired = access.ACLRequired(v.texts[aclRequired])
	case acl.Kind == jsonscan.Absent, acl.IsString(), s.IsFalse(acl):
		v.aclRequired = record.No
	default:
		v.aclRequired = record.AnswerUnknown
	}
}

// count returns the number that a member holds, as a number or as a text of digits.
func (d *Decoder) count(v jsonscan.Value, text []byte) int64 {
	switch {
	case v.Kind == jsonscan.Absent, v.IsString() && text == nil:
		return record.Unknown
	case v.Kind == jsonscan.Number:
		n, ok := d.scanner.Count(v)
		switch {
		case !ok:
			return outOfRange
		case n < 0:
			return noNumber
		}
		return n
	case len(text) == 0 || len(bytes.Trim(text, "0123456789")) > 0:
		return noNumber
	case len(text) > maxDigits:
		return outOfRange
	}
	n, _ := strconv.ParseInt(string(text), 10, 64) // it is in range
	return n
}
