package jsonscan

import "encoding/binary"

// MaxName is the number of bytes that a name may have, with its quotes and colon.
const MaxName = 32

// Name is the name of a member that matters, made ready for being compared.
type Name struct {
	Text string // eventTime
	Size int    // of "eventTime":
	// The bytes of "eventTime": as words, and a mask for what stands behind them.
	words, masks [MaxName / 8]uint64
}

// NamesOf returns the names of an object's members, which should be given in the
// order in which AWS writes them. None may be longer than MaxName with its quotes and
// colon.
func NamesOf(texts ...string) []Name {
	names := make([]Name, len(texts))
	for i, text := range texts {
		var quoted, mask [MaxName]byte
		n := Name{Text: text, Size: copy(quoted[:], `"`+text+`":`)}
		for at := range n.Size {
			mask[at] = 0xff
		}
		for at := range n.words {
			n.words[at] = binary.LittleEndian.Uint64(quoted[8*at:])
			n.masks[at] = binary.LittleEndian.Uint64(mask[8*at:])
		}
		names[i] = n
	}
	return names
}

// Begins reports whether b begins with the name in quotes and the colon.
func (n *Name) Begins(b *[MaxName]byte) bool {
	return (binary.LittleEndian.Uint64(b[0:])^n.words[0])&n.masks[0] == 0 &&
		(binary.LittleEndian.Uint64(b[8:])^n.words[1])&n.masks[1] == 0 &&
		(n.Size <= 16 || n.goesOn(b))
}

// goesOn is Begins for the bytes from the sixteenth on, which few names have.
func (n *Name) goesOn(b *[MaxName]byte) bool {
	return (binary.LittleEndian.Uint64(b[16:])^n.words[2])&n.masks[2] == 0 &&
		(binary.LittleEndian.Uint64(b[24:])^n.words[3])&n.masks[3] == 0
}

// None is the index of a name that is not among those looked for.
const None = -1

// Name passes over a member's name and colon, and returns which of names it is, or
// None. It must have been held. It compares names, from the one that is expected on
// and around, with what stands there, and reads that only if it is none of them or is
// written in another way.
func (s *Scanner) Name(i int, names []Name, expected int) (which, next int) {
	there := (*[MaxName]byte)(s.Buf[i:])
	for range names {
		if expected == len(names) {
			expected = 0
		}
		if n := &names[expected]; n.Begins(there) {
			return expected, i + n.Size
		}
		expected++
	}
	i, c := s.Token(i)
	if c != '"' {
		return None, s.Fail(i, "want a member's name")
	}
	v, i := s.Value(i)
	i = s.skipColon(i)
	text := s.Text(v)
	for which := range names {
		if string(text) == names[which].Text {
			return which, i
		}
	}
	return None, i
}
