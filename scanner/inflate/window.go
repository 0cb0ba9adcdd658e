package inflate

import "hash/crc32"

const (
	// history is how far back a match may begin (RFC 1951, section 2).
	history = 32 << 10
	// fresh is how many bytes the window holds besides its history when it is full. More would cost
	// memory and caches, less would move the history more often.
	fresh = 96 << 10

	outputLimit = history + fresh
	outputSize  = outputLimit + outputSlack
)

// window is the part of the output that is in memory.
type window struct {
	// buf[start:pos] is of the current member, buf[read:pos] is still to be read, and sum and size do not
	// contain buf[summed:pos] yet. 0 ≤ start, read, summed ≤ pos ≤ outputSize.
	start, read, summed, pos int

	sum, size uint32 // CRC-32 of the current member, its size modulo 1<<32

	buf [outputSize]byte
}

func (w *window) reset() {
	w.start, w.read, w.summed, w.pos = 0, 0, 0, 0
	w.sum, w.size = 0, 0
}

// beginMember begins another member. It is none of the matches' business what came before.
func (w *window) beginMember() {
	w.start, w.summed = w.pos, w.pos
	w.sum, w.size = 0, 0
}

// full reports whether the window has no room for a symbol more. As long as it has, it has
// room for the longest.
func (w *window) full() bool { return w.pos >= outputLimit }

// slide drops what has been read and is no history. All must have been read and summed.
func (w *window) slide() {
	keep := min(w.pos-w.start, history)
	copy(w.buf[:keep], w.buf[w.pos-keep:w.pos])
	w.start, w.read, w.summed, w.pos = 0, keep, keep, keep
}

// checksum brings sum and size up to date.
func (w *window) checksum() {
	w.sum = crc32.Update(w.sum, crc32.IEEETable, w.buf[w.summed:w.pos])
	w.size += uint32(w.pos - w.summed)
	w.summed = w.pos
}
