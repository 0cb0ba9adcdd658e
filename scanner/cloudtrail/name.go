package cloudtrail

import "encoding/binary"

// maxName is the number of bytes that a name may have, with its quotes and colon.
const maxName = 32

// name is the name of a member that matters, made ready for being compared.
type name struct {
	text string // eventTime
	size int    // of "eventTime":
	// The bytes of "eventTime": as words, and a mask for what stands behind them.
	words, masks [maxName / 8]uint64
}

// namesOf returns the names of an object's members, which should be given in the
// order in which CloudTrail writes them.
func namesOf(texts ...string) []name {
	names := make([]name, len(texts))
	for i, text := range texts {
		var quoted, mask [maxName]byte
		n := name{text: text, size: copy(quoted[:], `"`+text+`":`)}
		for at := range n.size {
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

// begins reports whether b begins with the name in quotes and the colon.
func (n *name) begins(b *[maxName]byte) bool {
	return (binary.LittleEndian.Uint64(b[0:])^n.words[0])&n.masks[0] == 0 &&
		(binary.LittleEndian.Uint64(b[8:])^n.words[1])&n.masks[1] == 0 &&
		(n.size <= 16 || n.goesOn(b))
}

// goesOn is begins for the bytes from the sixteenth on, which few names have.
func (n *name) goesOn(b *[maxName]byte) bool {
	return (binary.LittleEndian.Uint64(b[16:])^n.words[2])&n.masks[2] == 0 &&
		(binary.LittleEndian.Uint64(b[24:])^n.words[3])&n.masks[3] == 0
}

// none is the index of a name that is not among those looked for.
const none = -1

// name passes over a member's name and colon, and returns which of names it is, or
// none. It must have been held. It compares names, from the one that is expected on
// and around, with what stands there, and reads that only if it is none of them or is
// written in another way.
func (s *scanner) name(i int, names []name, expected int) (which, next int) {
	there := (*[maxName]byte)(s.buf[i:])
	for range names {
		if expected == len(names) {
			expected = 0
		}
		if n := &names[expected]; n.begins(there) {
			return expected, i + n.size
		}
		expected++
	}
	i, c := s.token(i)
	if c != '"' {
		return none, s.fail(i, "want a member's name")
	}
	v, i := s.value(i)
	i = s.skipColon(i)
	text := s.text(v)
	for which := range names {
		if string(text) == names[which].text {
			return which, i
		}
	}
	return none, i
}
