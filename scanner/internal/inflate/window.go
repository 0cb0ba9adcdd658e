package inflate

import "hash/crc32"

const (
	// history is how far back a match may begin (RFC 1951, section 2).
	history = 32 << 10
	// fresh is how many bytes the window has room for besides its history. More would take more of the
	// processor's cache, fewer would move the history more often.
	fresh = 96 << 10

	outputLimit = history + fresh
	outputSize  = outputLimit + outputSlack
)

// window is the part of the output that is in memory.
type window struct {
	// buf[start:pos] belongs to the current member. buf[read:pos] has not been read. buf[summed:pos] is
	// not in sum and size. 0 ≤ start, read, summed ≤ pos ≤ outputSize.
	start, read, summed, pos int

	sum, size uint32 // the current member's CRC-32, and its size modulo 1<<32

	buf [outputSize]byte
}

func (w *window) reset() {
	w.start, w.read, w.summed, w.pos = 0, 0, 0, 0
	w.sum, w.size = 0, 0
}

// beginMember begins another member, whose matches cannot reach what came before.
func (w *window) beginMember() {
	w.start, w.summed = w.pos, w.pos
	w.sum, w.size = 0, 0
}

// full reports whether the window has to be read. Until then it has room for a round of the fast loop.
func (w *window) full() bool { return w.pos >= outputLimit }

// slide drops all but the history. All of the window must have been read and summed.
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
