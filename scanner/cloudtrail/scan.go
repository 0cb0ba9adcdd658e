package cloudtrail

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// maxDepth is the number of objects and arrays that may stand in each other, the
// outermost included. It is encoding/json's.
const maxDepth = 10000

// scanner reads JSON by the grammar of RFC 8259. Like encoding/json it takes
// strings that are not UTF-8.
//
// It fails once and for all: the first error stays, and the input ends there.
// Then every loop over members or elements ends too, so that err need be looked
// at only after the last.
type scanner struct {
	window
	err     error
	depth   int
	entered bool   // enter was called and next was not
	scratch []byte // what text has unescaped since hold
}

func (s *scanner) reset(src io.Reader) {
	s.window.reset(src)
	s.err, s.depth, s.entered = nil, 0, false
}

// hold keeps the input from the next byte on, up to MaxEvent bytes. If there come
// more, the hold is lost.
func (s *scanner) hold() {
	s.window.hold()
	s.scratch = s.scratch[:0]
}

// fail ends the input for what is wrong with the next byte, or for its absence. It
// ends the hold too, so that nobody looks at the string that is cut off.
func (s *scanner) fail(msg string) {
	switch {
	case s.err != nil:
	case s.readErr != nil:
		s.err = s.readErr
	case s.pos == s.end:
		s.err = &SyntaxError{Offset: s.offset(), Msg: "unexpected end", err: io.ErrUnexpectedEOF}
	default:
		s.err = &SyntaxError{Offset: s.offset(), Msg: msg}
	}
	s.stop()
	s.release()
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos == s.end && !s.more() {
		return 0
	}
	return s.buf[s.pos]
}

// token passes over white space and returns the next byte, or 0 at the end.
func (s *scanner) token() byte {
	if c := s.buf[s.pos]; c > ' ' { // mostly, and in line
		return c
	}
	return s.skipSpace()
}

func (s *scanner) skipSpace() byte {
	for {
		switch c := s.buf[s.pos]; {
		case c > ' ':
			return c
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			s.pos++
		case s.pos < s.end || !s.more():
			return c
		}
	}
}

// enter passes over the bracket that opens an object or array. Then next must be
// called before every member or element, up to the last:
//
//	for s.enter(); s.next('}'); {
//		s.name()
//		s.skip()
//	}
func (s *scanner) enter() {
	if s.depth == maxDepth {
		s.fail("nested too deep")
		return
	}
	s.pos++
	s.depth++
	s.entered = true
}

// next passes over what stands before a member or element, or over the bracket
// that closes the object or array, and reports whether there is a member or
// element.
func (s *scanner) next(closing byte) bool {
	entered := s.entered
	s.entered = false
	switch c := s.token(); {
	case c == closing:
		s.pos++
		s.depth--
		return false
	case entered:
		return true
	case c == ',':
		s.pos++
		return true
	}
	s.fail("want a comma or a closing bracket")
	return false
}

// object reports whether the next value is an object, which it enters. Any other
// value it skips.
func (s *scanner) object() bool { return s.enterIf('{') }

// array is object for arrays.
func (s *scanner) array() bool { return s.enterIf('[') }

func (s *scanner) enterIf(opening byte) bool {
	if s.token() != opening {
		s.skip()
		return false
	}
	s.enter()
	return s.err == nil
}

// name passes over a member's name and colon and returns the name, which must
// have been held: it is empty if the hold was lost. It is valid until the next
// call that reads.
func (s *scanner) name() []byte { return s.text(s.member()) }

// member passes over a member's name and colon.
func (s *scanner) member() (name value) {
	if s.token() != '"' {
		s.fail("want a member's name")
		return value{}
	}
	name = s.value()
	if s.token() != ':' {
		s.fail("want a colon")
		return value{}
	}
	s.pos++
	return name
}

// skip passes over a value.
func (s *scanner) skip() {
	switch c := s.token(); c {
	case '"':
		s.skipString()
	case '{':
		for s.enter(); s.next('}'); {
			s.member()
			s.skip()
		}
	case '[':
		for s.enter(); s.next(']'); {
			s.skip()
		}
	case 't':
		s.skipLiteral("true")
	case 'f':
		s.skipLiteral("false")
	case 'n':
		s.skipLiteral("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.skipNumber()
	default:
		s.fail("want a value")
	}
}

// skipString passes over a string and reports whether it has escapes.
func (s *scanner) skipString() (escaped bool) {
	s.pos++
	for {
		s.pos += plain(s.buf[s.pos:])
		switch s.buf[s.pos] {
		case '"':
			s.pos++
			return escaped
		case '\\':
			escaped = true
			s.pos++
			s.skipEscape()
		default:
			if s.pos < s.end || !s.more() {
				s.fail("control character in a string")
				return escaped
			}
		}
	}
}

// plain returns the number of bytes before the first quote, backslash or control
// character of b, which must have one.
//
// It looks at eight bytes at once. Subtracting n from every byte sets the high bit
// of those below n. A borrow may do so too, but only above the first of them, and
// bytes from 0x80 on, for which this is not true, are masked. That each byte is
// XORed with 2 first puts the quote, 0x22, right behind the control characters.
func plain(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	for i := 0; ; i += 8 {
		x := binary.LittleEndian.Uint64(b[i : i+8])
		quoteOrControl := (x ^ 0x02*ones) - 0x21*ones
		backslash := (x ^ '\\'*ones) - ones
		if found := (quoteOrControl | backslash) &^ x & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
}

// skipEscape passes over what follows a backslash.
func (s *scanner) skipEscape() {
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
	case 'u':
		s.pos++
		for range 4 {
			if !isHex(s.peek()) {
				s.fail("want a hexadecimal digit")
				return
			}
			s.pos++
		}
	default:
		s.fail("unknown escape")
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (s *scanner) skipLiteral(literal string) {
	for i := range len(literal) {
		if s.peek() != literal[i] {
			s.fail("want " + literal)
			return
		}
		s.pos++
	}
}

func (s *scanner) skipNumber() {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		s.skipDigits()
	}
	if s.peek() == '.' {
		s.pos++
		s.skipDigits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		s.skipDigits()
	}
}

// skipDigits passes over one digit or more.
func (s *scanner) skipDigits() {
	if !isDigit(s.peek()) {
		s.fail("want a digit")
		return
	}
	for isDigit(s.peek()) {
		s.pos++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
