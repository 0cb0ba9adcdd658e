package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// SkipPlain passes over the string that begins at b[i], if there is one, it has no
// escapes, and ends in b. If not, what is there is left to skipString and its like.
// At the end of b there must be the padding.
func SkipPlain(b []byte, i int) (next int, plain bool) {
	if b[i] != '"' {
		return i, false
	}
	if i = IndexSpecial(b, i+1); b[i] != '"' {
		return i, false
	}
	return i + 1, true
}

// skipString passes over a string and reports whether it has escapes.
func (s *Scanner) skipString(i int) (next int, escaped bool) {
	i++
	for {
		i = IndexSpecial(s.Buf, i)
		switch s.Buf[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			i = s.skipEscape(i + 1)
		default:
			var more bool
			if i, more = s.more(i); !more {
				return s.Fail(i, "control character in a string"), escaped
			}
		}
	}
}

// SkipRest passes over the rest of a string, b[i:], up to its closing quote, and returns
// of which kind it is: none if it is no string, or does not end in b. At the end of b
// there must be the padding.
func SkipRest(b []byte, i int) (next int, k Kind) {
	k = PlainString
	for {
		i = IndexSpecial(b, i)
		switch b[i] {
		case '"':
			return i, k
		case '\\':
			k = EscapedString
			size := escapeSize(b[i:])
			if size == 0 {
				return i, Absent
			}
			i += size
		default:
			return i, Absent
		}
	}
}

// escapeSize returns the size of the escape that b begins with, or 0 if that is none.
func escapeSize(b []byte) int {
	switch {
	case isShortEscape(b[1]):
		return 2
	case b[1] == 'u' && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) && isHex(b[5]):
		return 6
	}
	return 0
}

// IndexSpecial returns the index of the first quote, backslash or control character
// of b from i on, which the padding is too. It looks at eight bytes a turn; that i is
// not negative is shown to the compiler, which then checks no bounds.
func IndexSpecial(b []byte, i int) int {
	for i = max(i, 0); i <= len(b)-8; i += 8 {
		if found := special(binary.LittleEndian.Uint64(b[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return len(b)
}

// special returns x with nothing but the high bits of those bytes that are a quote,
// a backslash or a control character, the first of which is reliable.
//
// Subtracting n from every byte sets the high bit of those below n. A borrow may do
// so too, but only above the first of them, and bytes from 0x80 on, for which this is
// not true, are masked. That each byte is XORed with 2 first puts the quote, 0x22,
// right behind the control characters.
func special(x uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	quoteOrControl := (x ^ 0x02*ones) - 0x21*ones
	backslash := (x ^ '\\'*ones) - ones
	return (quoteOrControl | backslash) &^ x & highs
}

// skipEscape passes over what follows a backslash.
func (s *Scanner) skipEscape(i int) (next int) {
	i, c := s.Peek(i)
	switch {
	case isShortEscape(c):
		return i + 1
	case c == 'u':
		i++
		for range 4 {
			if i, c = s.Peek(i); !isHex(c) {
				return s.Fail(i, "want a hexadecimal digit")
			}
			i++
		}
		return i
	}
	return s.Fail(i, "unknown escape")
}

// isShortEscape reports whether c makes an escape with the backslash before it alone.
func isShortEscape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
