package jsonscan

// Kind is what a member's value is, as far as that matters.
type Kind uint8

// The kinds.
const (
	Absent Kind = iota // or null
	Other              // an object, an array, true or false
	Number             // by the grammar of JSON
	PlainString
	EscapedString // a string that has escapes
)

// Value is a string or number of an object, by the distances of its first and last
// byte from the first that is held, without the quotes. So it stays true when the
// window moves, and is decoded only if somebody asks. It means nothing once the hold is
// lost.
type Value struct {
	From, To int32
	Kind     Kind
}

// IsString reports whether the value is a string.
func (v Value) IsString() bool { return v.Kind >= PlainString }

// Value passes over a value, and returns it if it is a string or number.
func (s *Scanner) Value(i int) (v Value, next int) {
	if next, plain := SkipPlain(s.Buf, i); plain {
		return Value{int32(i + 1 - s.Held), int32(next - 1 - s.Held), PlainString}, next
	}
	switch c := s.Buf[i]; {
	case c == 'n' && string(s.Buf[i:i+len("null")]) == "null":
		return Value{}, i + len("null")
	case isDigit(c):
		// What stands behind shows that the window does not end within the number.
		if next = SkipPlainNumber(s.Buf, i); s.Buf[next] == ',' || s.Buf[next] == '}' {
			return Value{int32(i - s.Held), int32(next - s.Held), Number}, next
		}
	}
	return s.anyValue(i)
}

func (s *Scanner) anyValue(i int) (v Value, next int) {
	i, c := s.Token(i)
	v.From = int32(i - s.Held)
	switch {
	case c == '"':
		i, escaped := s.skipString(i)
		v.Kind = PlainString
		if escaped {
			v.Kind = EscapedString
		}
		v.From, v.To = v.From+1, int32(i-1-s.Held)
		return v, i
	case c == '-' || isDigit(c):
		i = s.skipNumber(i)
		v.Kind, v.To = Number, int32(i-s.Held)
		return v, i
	case c == 'n':
		return Value{}, s.Skip(i)
	}
	v.Kind, v.To = Other, v.From
	return v, s.Skip(i)
}

// Moved returns the value by its distances from a place that is so many bytes before.
func (v Value) Moved(by int) Value {
	v.From, v.To = v.From+int32(by), v.To+int32(by)
	return v
}

// Bytes returns a value as it stands, and nothing if the hold was lost. It is valid
// until the scanner goes on.
func (s *Scanner) Bytes(v Value) []byte {
	if !s.Holds() {
		return nil
	}
	to := s.Held + int(v.To)
	return s.Buf[s.Held+int(v.From) : to : to]
}

// Text returns what a string stands for, and nothing if v is no string or the hold was
// lost. It points into the window, or, if the string has escapes, into a buffer
// that is reused after the next hold.
func (s *Scanner) Text(v Value) []byte {
	switch v.Kind {
	case PlainString:
		return s.Bytes(v)
	case EscapedString:
		start := len(s.Scratch)
		s.Scratch = appendUnescaped(s.Scratch, s.Bytes(v))
		return s.Scratch[start:]
	}
	return nil
}

// IsTrue reports whether v is the literal true.
func (s *Scanner) IsTrue(v Value) bool { return s.begins(v, 't') }

// IsFalse reports whether v is the literal false.
func (s *Scanner) IsFalse(v Value) bool { return s.begins(v, 'f') }

func (s *Scanner) begins(v Value, c byte) bool {
	return v.Kind == Other && s.Holds() && s.Buf[s.Held+int(v.From)] == c
}
