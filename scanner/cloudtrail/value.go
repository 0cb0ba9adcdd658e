package cloudtrail

// kind says what a member's value is, as far as that matters.
type kind uint8

const (
	absent kind = iota // or null
	other              // an object, an array, true or false
	number             // by the grammar of JSON
	plainString
	escapedString // a string that has escapes
)

// value is a string or number of an event, by its offsets in the input, without
// the quotes. So it stays true when the window moves, and is decoded only if
// somebody asks.
type value struct {
	kind     kind
	from, to int64
}

func (v value) isString() bool { return v.kind >= plainString }

// value passes over a value, and returns it if it is a string or number.
func (s *scanner) value() value {
	c := s.token()
	from := s.offset()
	if c == '"' {
		k := plainString
		if s.skipString() {
			k = escapedString
		}
		return value{k, from + 1, s.offset() - 1}
	}
	s.skip()
	switch {
	case c == 'n':
		return value{}
	case c == '-' || isDigit(c):
		return value{number, from, s.offset()}
	}
	return value{kind: other}
}

// text returns what a string says, and nothing if v is no string or the hold was
// lost. It points into the window, or, if the string has escapes, into a buffer
// that is reused after the next hold.
func (s *scanner) text(v value) []byte {
	if !v.isString() {
		return nil
	}
	raw := s.bytes(v.from, v.to)
	if v.kind == plainString {
		return raw
	}
	start := len(s.scratch)
	s.scratch = appendUnescaped(s.scratch, raw)
	return s.scratch[start:]
}
