package cloudtrail

import "io"

// maxDepth is the number of objects and arrays that may stand in each other, the
// outermost included. It is encoding/json's.
const maxDepth = 10000

// scanner reads JSON by the grammar of RFC 8259. Like encoding/json it takes
// strings that are not UTF-8.
//
// Its methods are given the index in buf of the next byte, and return the index of
// the byte behind what they have passed over: so it stays in a register while the
// window moves. What CloudTrail writes, which is JSON without white space and nearly
// without escapes, has a short way through them, and everything else a general one.
//
// The scanner fails once and for all: the first error stays, and the input ends
// there. Then every loop over members or elements ends too, so that err need be
// looked at only after the last.
type scanner struct {
	window
	err     error
	depth   int
	shapes  shapes
	passed  []value // that do not matter, of an event: see shapes
	scratch []byte  // what text has unescaped since hold
}

func (s *scanner) reset(src io.Reader) {
	s.window.reset(src)
	s.err, s.depth = nil, 0
	s.shapes.reset()
}

// hold keeps the input from the next byte on, up to MaxEvent bytes. If there come
// more, the hold is lost.
func (s *scanner) hold(i int) {
	s.window.hold(i)
	s.scratch = s.scratch[:0]
}

// fail ends the input for what is wrong with the next byte, or for its absence. It
// ends the hold too, so that nobody looks at the string that is cut off.
func (s *scanner) fail(i int, msg string) (end int) {
	switch {
	case s.err != nil:
	case s.readErr != nil:
		s.err = s.readErr
	case i == s.end:
		s.err = &SyntaxError{Offset: s.offset(i), Msg: "unexpected end", err: io.ErrUnexpectedEOF}
	default:
		s.err = &SyntaxError{Offset: s.offset(i), Msg: msg}
	}
	s.release()
	return s.stop()
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek(i int) (next int, c byte) {
	if i == s.end {
		i, _ = s.more(i)
	}
	return i, s.buf[i]
}

// token passes over white space and returns the next byte, or 0 at the end.
func (s *scanner) token(i int) (next int, c byte) {
	if s.buf[i] <= ' ' {
		i = s.skipSpace(i)
	}
	return i, s.buf[i]
}

func (s *scanner) skipSpace(i int) (next int) {
	for {
		switch s.buf[i] {
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

// first passes over the bracket that opens an object or array and reports whether
// there is a member or element. If there is none it passes over the closing bracket
// too. Otherwise next must be called behind each, until there are no more:
//
//	for i, more := s.first(i, '}'); more; i, more = s.next(i, '}') {
//		i = s.skip(s.skipName(i))
//	}
func (s *scanner) first(i int, closing byte) (next int, more bool) {
	if s.depth == maxDepth {
		return s.fail(i, "nested too deep"), false
	}
	i, c := s.token(i + 1)
	if c == closing {
		return i + 1, false
	}
	s.depth++
	return i, true
}

// next passes over the comma behind a member or element, or over the bracket that
// closes the object or array, and reports whether it was a comma.
func (s *scanner) next(i int, closing byte) (next int, more bool) {
	i, c := s.token(i)
	switch c {
	case ',':
		return i + 1, true
	case closing:
		s.depth--
		return i + 1, false
	}
	return s.fail(i, "want a comma or a closing bracket"), false
}

// object is first if the next value is an object. Any other value it skips.
func (s *scanner) object(i int) (next int, more bool) {
	i, c := s.token(i)
	if c != '{' {
		return s.skip(i), false
	}
	return s.first(i, '}')
}

// array is object for arrays.
func (s *scanner) array(i int) (next int, more bool) {
	i, c := s.token(i)
	if c != '[' {
		return s.skip(i), false
	}
	return s.first(i, ']')
}

// skip passes over a value.
func (s *scanner) skip(i int) (next int) {
	if next, plain := skipPlain(s.buf, i); plain {
		s.pass(value{int32(i + 1 - s.held), int32(next - 1 - s.held), plainString})
		return next
	}
	i, c := s.token(i)
	switch c {
	case '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		v, i := s.value(i)
		s.pass(v)
		return i
	case '{':
		i, more := s.first(i, '}')
		for more {
			if i = s.skip(s.skipName(i)); s.buf[i] == ',' {
				i++
			} else {
				i, more = s.next(i, '}')
			}
		}
		return i
	case '[':
		i, more := s.first(i, ']')
		for more {
			i, more = s.next(s.skip(i), ']')
		}
		return i
	case 't':
		return s.skipLiteral(i, "true")
	case 'f':
		return s.skipLiteral(i, "false")
	case 'n':
		return s.skipLiteral(i, "null")
	}
	return s.fail(i, "want a value")
}

// pass takes note of a value that does not matter.
func (s *scanner) pass(v value) {
	if len(s.passed) < maxPassed {
		s.passed = append(s.passed, v)
	}
}

// skipName passes over a member's name and colon.
func (s *scanner) skipName(i int) (next int) {
	if next, plain := skipPlain(s.buf, i); plain && s.buf[next] == ':' {
		return next + 1
	}
	i, c := s.token(i)
	if c != '"' {
		return s.fail(i, "want a member's name")
	}
	i, _ = s.skipString(i)
	return s.skipColon(i)
}

func (s *scanner) skipColon(i int) (next int) {
	i, c := s.token(i)
	if c != ':' {
		return s.fail(i, "want a colon")
	}
	return i + 1
}

func (s *scanner) skipLiteral(i int, literal string) (next int) {
	for at := range len(literal) {
		var c byte
		if i, c = s.peek(i); c != literal[at] {
			return s.fail(i, "want "+literal)
		}
		i++
	}
	return i
}

func (s *scanner) skipNumber(i int) (next int) {
	i, c := s.peek(i)
	if c == '-' {
		i, c = s.peek(i + 1)
	}
	if c == '0' {
		i, c = s.peek(i + 1)
	} else {
		i, c = s.skipDigits(i)
	}
	if c == '.' {
		i, c = s.skipDigits(i + 1)
	}
	if c == 'e' || c == 'E' {
		if i, c = s.peek(i + 1); c == '+' || c == '-' {
			i++
		}
		i, _ = s.skipDigits(i)
	}
	return i
}

// skipDigits passes over one digit or more, and returns the byte behind them too.
func (s *scanner) skipDigits(i int) (next int, c byte) {
	if i, c = s.peek(i); !isDigit(c) {
		return s.fail(i, "want a digit"), 0
	}
	for isDigit(c) {
		i, c = s.peek(i + 1)
	}
	return i, c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// skipPlainNumber passes over digits at b[i] and a fraction of digits, if there are
// some. It passes over nothing if what is there is another thing in JSON, or none.
func skipPlainNumber(b []byte, i int) (next int) {
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
