package inflate

import "io"

// Reader reads what is compressed in gzip members, one member after the other, as one stream. The zero value is ready
// for Reset, which must come first. A Reader has a size of some 190 KB, and allocates nothing but
// errors. It must not be used from several goroutines at once.
type Reader struct {
	err  error               // for when all of the window was read
	next func(*Reader) error // decodes what comes next in the input

	final  bool // the current block is the member's last
	stored int  // number of bytes that are still to come in a stored block

	in    input
	out   window
	codes codes
}

// Reset makes the Reader read from src, and reads the header of the first member. src is read in pieces of up to
// 32 KB, and to its end unless there is an error; it need not be buffered.
//
// Reset returns the same errors as Read: io.EOF if src is empty.
func (z *Reader) Reset(src io.Reader) error {
	z.in.reset(src)
	z.out.reset()
	z.next = (*Reader).readBlock
	z.err = z.readHeader()
	return z.err
}

// Read reads decompressed bytes into p. They are only certain to be right when Read has returned io.EOF, as the
// checksum comes last. Before an error come all bytes that precede it.
//
// The error is
//
//   - io.EOF at the end of src behind a member,
//   - io.ErrUnexpectedEOF at the end of src within one,
//   - compress/gzip.ErrHeader if no header of a member is where one must be, at the start or behind another member,
//   - compress/flate.CorruptInputError if a member is no DEFLATE stream,
//   - compress/gzip.ErrChecksum if a member's CRC-32 or size is not that of its bytes,
//   - io.ErrNoProgress if src returns nothing for too long,
//   - else the error of src, as it is.
func (z *Reader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for z.out.read == z.out.pos {
		if z.err != nil {
			return 0, z.err
		}
		z.decompress()
	}
	n = copy(p, z.out.buf[z.out.read:z.out.pos])
	z.out.read += n
	return n, nil
}

// decompress fills the window, all of which has been read.
func (z *Reader) decompress() {
	z.out.slide()
	for z.err == nil && !z.out.full() {
		z.err = z.next(z)
	}
	z.out.checksum()
}
