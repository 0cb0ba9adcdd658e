package cloudtrail

// kind is what a member's value is, as far as that matters.
type kind uint8

const (
	absent kind = iota // or null
	other              // an object, an array, true or false
	number             // by the grammar of JSON
	plainString
	escapedString // a string that has escapes
)

// value is a string or number of an event, by the distances of its first and last
// byte from the event's, without the quotes. So it stays true when the window moves,
// and is decoded only if somebody asks. It means nothing once the hold is lost.
type value struct {
	from, to int32
	kind     kind
}

func (v value) isString() bool { return v.kind >= plainString }

// value passes over a value, and returns it if it is a string or number.
func (s *scanner) value(i int) (v value, next int) {
	if next, plain := skipPlain(s.buf, i); plain {
		return value{int32(i + 1 - s.held), int32(next - 1 - s.held), plainString}, next
	}
	return s.anyValue(i)
}

func (s *scanner) anyValue(i int) (v value, next int) {
	i, c := s.token(i)
	v.from = int32(i - s.held)
	switch {
	case c == '"':
		i, escaped := s.skipString(i)
		v.kind = plainString
		if escaped {
			v.kind = escapedString
		}
		v.from, v.to = v.from+1, int32(i-1-s.held)
		return v, i
	case c == '-' || isDigit(c):
		i = s.skipNumber(i)
		v.kind, v.to = number, int32(i-s.held)
		return v, i
	case c == 'n':
		return value{}, s.skip(i)
	}
	v.kind, v.to = other, v.from
	return v, s.skip(i)
}

// moved returns the value by its distances from a place that is so many bytes before.
func (v value) moved(by int) value {
	v.from, v.to = v.from+int32(by), v.to+int32(by)
	return v
}

// bytes returns a value as it stands, and nothing if the hold was lost. It is valid
// until the next call of more.
func (s *scanner) bytes(v value) []byte {
	if !s.holds() {
		return nil
	}
	to := s.held + int(v.to)
	return s.buf[s.held+int(v.from) : to : to]
}

// text returns what a string stands for, and nothing if v is no string or the hold was
// lost. It points into the window, or, if the string has escapes, into a buffer
// that is reused after the next hold.
func (s *scanner) text(v value) []byte {
	switch v.kind {
	case plainString:
		return s.bytes(v)
	case escapedString:
		start := len(s.scratch)
		s.scratch = appendUnescaped(s.scratch, s.bytes(v))
		return s.scratch[start:]
	}
	return nil
}
