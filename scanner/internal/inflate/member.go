package inflate

import (
	"compress/gzip"
	"hash/crc32"
)

// The flags of a header (RFC 1952, section 2.3.1). A reader can ignore FTEXT.
const (
	flagHeaderCRC = 1 << 1
	flagExtra     = 1 << 2
	flagName      = 1 << 3
	flagComment   = 1 << 4
	flagsReserved = 7 << 5
)

// maxText is how many bytes a name or a comment may have, including its zero byte. RFC 1952 has no limit;
// compress/gzip and klauspost/compress have this one.
const maxText = 512

// readHeader reads the header of a member (RFC 1952, section 2.3), and keeps nothing of it. The error
// is the source's if that has ended.
func (z *Reader) readHeader() error {
	if z.in.atEnd() {
		return z.in.err
	}
	h := header{in: &z.in}
	// Fewer than ten bytes are a header that is cut short, whatever they are.
	var fixed [10]byte // ID1, ID2, CM, FLG, MTIME, XFL, OS
	for i := range fixed {
		fixed[i] = h.byte()
	}
	if h.err != nil {
		return h.err
	}
	if fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 {
		return gzip.ErrHeader
	}
	return h.readOptional(fixed[3])
}

// header reads a header's fields. After an error it reads nothing.
type header struct {
	in  *input
	sum uint32 // CRC-32 of all bytes read
	err error
}

// byte takes a byte, 0 after an error.
func (h *header) byte() byte {
	if h.err != nil {
		return 0
	}
	var v uint32
	v, h.err = h.in.take(8)
	h.sum = ^h.sum
	h.sum = ^(crc32.IEEETable[byte(h.sum)^byte(v)] ^ h.sum>>8)
	return byte(v)
}

// readOptional reads the fields that exist according to the flags.
func (h *header) readOptional(flags byte) error {
	if flags&flagExtra != 0 {
		h.skipExtra()
	}
	if flags&flagName != 0 {
		h.skipText()
	}
	if flags&flagComment != 0 {
		h.skipText()
	}
	if flags&flagHeaderCRC != 0 {
		h.check()
	}
	if h.err == nil && flags&flagsReserved != 0 {
		h.err = gzip.ErrHeader
	}
	return h.err
}

// skipExtra reads the field of FEXTRA.
func (h *header) skipExtra() {
	low, high := h.byte(), h.byte()
	for range int(high)<<8 | int(low) {
		h.byte()
	}
}

// skipText reads the field of FNAME or FCOMMENT.
func (h *header) skipText() {
	for range maxText {
		if h.byte() == 0 {
			return
		}
	}
	h.err = gzip.ErrHeader
}

// check reads the field of FHCRC.
func (h *header) check() {
	sum := uint16(h.sum)
	low, high := h.byte(), h.byte()
	if h.err == nil && uint16(high)<<8|uint16(low) != sum {
		h.err = gzip.ErrHeader
	}
}

// endMember reads the trailer of a member (RFC 1952, section 2.3.1) and the header of the next.
func (z *Reader) endMember() error {
	z.in.align()
	sum, err := z.in.take(32)
	if err != nil {
		return err
	}
	size, err := z.in.take(32)
	if err != nil {
		return err
	}
	z.out.checksum()
	if sum != z.out.sum || size != z.out.size {
		return gzip.ErrChecksum
	}
	z.out.beginMember()
	z.next = (*Reader).readBlock
	return z.readHeader()
}
