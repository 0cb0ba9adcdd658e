package dedupe

import (
	"crypto/sha256"
	"encoding/binary"
)

// eventID is the ID of an event of CloudTrail: its UUID, or a hash of any other text.
type eventID [16]byte

func newEventID(text []byte) eventID {
	id, ok := parseUUID(text)
	if !ok {
		sum := sha256.Sum256(text)
		copy(id[:], sum[:])
	}
	return id
}

// parseUUID parses 20000000-0000-4000-8000-00000000000a.
func parseUUID(text []byte) (id eventID, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	a, okA := parseHex(binary.BigEndian.Uint32(text), binary.BigEndian.Uint32(text[4:]))
	b, okB := parseHex(binary.BigEndian.Uint32(text[9:]), binary.BigEndian.Uint32(text[14:]))
	c, okC := parseHex(binary.BigEndian.Uint32(text[19:]), binary.BigEndian.Uint32(text[24:]))
	d, okD := parseHex(binary.BigEndian.Uint32(text[28:]), binary.BigEndian.Uint32(text[32:]))
	binary.BigEndian.PutUint64(id[:], uint64(a)<<32|uint64(b))
	binary.BigEndian.PutUint64(id[8:], uint64(c)<<32|uint64(d))
	return id, okA && okB && okC && okD
}

// parseHex parses eight hexadecimal digits at once, one in each byte.
func parseHex(high, low uint32) (number uint32, ok bool) {
	const each = 0x0101010101010101
	text := uint64(high)<<32 | uint64(low)
	letters := text >> 6 & each
	digits := text&(0x0F*each) + 9*letters
	// They are digits if these would be written like that, in small letters.
	above9 := (digits + 6*each) >> 4 & each
	ok = digits&(0xF0*each) == 0 && digits+'0'*each+('a'-'9'-1)*above9 == text|letters<<5
	digits = (digits | digits>>4) & 0x00FF00FF00FF00FF
	digits = (digits | digits>>8) & 0x0000FFFF0000FFFF
	return uint32(digits | digits>>16), ok
}
