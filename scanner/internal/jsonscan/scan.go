package jsonscan

import (
	"bytes"
	"io"
)

// MaxDepth is the number of objects and arrays that may stand in each other, the
// outermost included. It is encoding/json's.
const MaxDepth = 10000

// MaxPassed is how many values Scanner.Passed has at most.
const MaxPassed = 64

// Scanner reads JSON by the grammar of RFC 8259. Like encoding/json it takes
// strings that are not UTF-8.
//
// Its methods are given the index in Buf of the next byte, and return the index of
// the byte behind what they have passed over: so it stays in a register while the
// window moves. What AWS writes, which is JSON without white space and nearly
// without escapes, has a short way through them, and everything else a general one.
//
// The Scanner fails once and for all: the first error stays, and the input ends
// there. Then every loop over members or elements ends too, so that Err need be
// looked at only after the last.
type Scanner struct {
	window
	// Err is why the input ended early: the reader's error as it is, or a *SyntaxError.
	Err error
	// Passed are values that Skip has passed over, up to MaxPassed of them. Whoever wants
	// them empties it before.
	Passed []Value

	// Scratch is what Text has unescaped since Hold.
	Scratch []byte

	depth int
}

// Reset makes the Scanner read from src, from index 0 on. Buffers stay.
func (s *Scanner) Reset(src io.Reader) {
	s.window.Reset(src)
	s.Err, s.depth = nil, 0
}

// Hold keeps the input from the next byte on, up to MaxHeld bytes. If there come
// more, the hold is lost.
func (s *Scanner) Hold(i int) {
	s.window.Hold(i)
	s.Scratch = s.Scratch[:0]
}

// Fail ends the input for what is wrong with the next byte, or for its absence. It
// ends the hold too, so that nobody looks at the string that is cut off.
func (s *Scanner) Fail(i int, msg string) (end int) {
	switch {
	case s.Err != nil:
	case s.ReadErr != nil:
		s.Err = s.ReadErr
	case i == s.End:
		s.Err = &SyntaxError{Offset: s.Offset(i), Msg: "unexpected end", err: io.ErrUnexpectedEOF}
	default:
		s.Err = &SyntaxError{Offset: s.Offset(i), Msg: msg}
	}
	s.Release()
	return s.Stop()
}

// Peek returns the next byte, or 0 at the end.
func (s *Scanner) Peek(i int) (next int, c byte) {
	if i == s.End {
		i, _ = s.more(i)
	}
	return i, s.Buf[i]
}

// Token passes over white space and returns the next byte, or 0 at the end.
func (s *Scanner) Token(i int) (next int, c byte) {
	if s.Buf[i] <= ' ' {
		i = s.skipSpace(i)
	}
	return i, s.Buf[i]
}

func (s *Scanner) skipSpace(i int) (next int) {
	for {
		switch s.Buf[i] {
		case ' ', '\n', '\r', '\t':
			i++
		case 0:
			var more bool
			if i, more = s.more(i); !more {
				return i
			}
		default:
			return i
		}
	}
}

// First passes over the bracket that opens an object or array and reports whether
// there is a member or element. If there is none it passes over the closing bracket
// too. Otherwise Next must be called behind each, until there are no more:
//
//	for i, more := s.First(i, '}'); more; i, more = s.Next(i, '}') {
//		i = s.Skip(s.SkipName(i))
//	}
func (s *Scanner) First(i int, closing byte) (next int, more bool) {
	if s.depth == MaxDepth {
		return s.Fail(i, "nested too deep"), false
	}
	i, c := s.Token(i + 1)
	if c == closing {
		return i + 1, false
	}
	s.depth++
	return i, true
}

// Next passes over the comma behind a member or element, or over the bracket that
// closes the object or array, and reports whether it was a comma.
func (s *Scanner) Next(i int, closing byte) (next int, more bool) {
	i, c := s.Token(i)
	switch c {
	case ',':
		return i + 1, true
	case closing:
		s.depth--
		return i + 1, false
	}
	return s.Fail(i, "want a comma or a closing bracket"), false
}

// Rewind returns where the hold begins: at an object that stands in no other one, and is to
// be read once more. There must be a hold.
func (s *Scanner) Rewind() (i int) {
	s.depth = 0
	return s.Held
}

// SkipLine passes over text that is no JSON, up to the line feed or the end.
func (s *Scanner) SkipLine(i int) (next int) {
	for {
		if n := bytes.IndexByte(s.Buf[i:s.End], '\n'); n >= 0 {
			return i + n
		}
		var more bool
		if i, more = s.more(s.End); !more {
			return i
		}
	}
}

// Object is First if the next value is an object. Any other value it skips.
func (s *Scanner) Object(i int) (next int, more bool) {
	i, c := s.Token(i)
	if c != '{' {
		return s.Skip(i), false
	}
	return s.First(i, '}')
}

// Array is Object for arrays.
func (s *Scanner) Array(i int) (next int, more bool) {
	i, c := s.Token(i)
	if c != '[' {
		return s.Skip(i), false
	}
	return s.First(i, ']')
}

// Skip passes over a value.
func (s *Scanner) Skip(i int) (next int) {
	if next, plain := SkipPlain(s.Buf, i); plain {
		s.Pass(Value{int32(i + 1 - s.Held), int32(next - 1 - s.Held), PlainString})
		return next
	}
	i, c := s.Token(i)
	switch c {
	case '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		v, i := s.Value(i)
		s.Pass(v)
		return i
	case '{':
		i, more := s.First(i, '}')
		for more {
			if i = s.Skip(s.SkipName(i)); s.Buf[i] == ',' {
				i++
			} else {
				i, more = s.Next(i, '}')
			}
		}
		return i
	case '[':
		i, more := s.First(i, ']')
		for more {
			i, more = s.Next(s.Skip(i), ']')
		}
		return i
	case 't':
		return s.skipLiteral(i, "true")
	case 'f':
		return s.skipLiteral(i, "false")
	case 'n':
		return s.skipLiteral(i, "null")
	}
	return s.Fail(i, "want a value")
}

// Pass takes note of a value that does not matter.
func (s *Scanner) Pass(v Value) {
	if len(s.Passed) < MaxPassed {
		s.Passed = append(s.Passed, v)
	}
}

// SkipName passes over a member's name and colon.
func (s *Scanner) SkipName(i int) (next int) {
	if next, plain := SkipPlain(s.Buf, i); plain && s.Buf[next] == ':' {
		return next + 1
	}
	i, c := s.Token(i)
	if c != '"' {
		return s.Fail(i, "want a member's name")
	}
	i, _ = s.skipString(i)
	return s.skipColon(i)
}

func (s *Scanner) skipColon(i int) (next int) {
	i, c := s.Token(i)
	if c != ':' {
		return s.Fail(i, "want a colon")
	}
	return i + 1
}

func (s *Scanner) skipLiteral(i int, literal string) (next int) {
	for at := range len(literal) {
		var c byte
		if i, c = s.Peek(i); c != literal[at] {
			return s.Fail(i, "want "+literal)
		}
		i++
	}
	return i
}

func (s *Scanner) skipNumber(i int) (next int) {
	i, c := s.Peek(i)
	if c == '-' {
		i, c = s.Peek(i + 1)
	}
	if c == '0' {
		i, c = s.Peek(i + 1)
	} else {
		i, c = s.skipDigits(i)
	}
	if c == '.' {
		i, c = s.skipDigits(i + 1)
	}
	if c == 'e' || c == 'E' {
		if i, c = s.Peek(i + 1); c == '+' || c == '-' {
			i++
		}
		i, _ = s.skipDigits(i)
	}
	return i
}

// skipDigits passes over one digit or more, and returns the byte behind them too.
func (s *Scanner) skipDigits(i int) (next int, c byte) {
	if i, c = s.Peek(i); !isDigit(c) {
		return s.Fail(i, "want a digit"), 0
	}
	for isDigit(c) {
		i, c = s.Peek(i + 1)
	}
	return i, c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// SkipPlainNumber passes over digits at b[i] and a fraction of digits, if there are
// some. It passes over nothing if what is there is another thing in JSON, or none.
func SkipPlainNumber(b []byte, i int) (next int) {
	next = i
	for isDigit(b[next]) {
		next++
	}
	if next > i+1 && b[i] == '0' {
		return i
	}
	if next > i && b[next] == '.' && isDigit(b[next+1]) {
		for next++; isDigit(b[next]); {
			next++
		}
	}
	return next
}
