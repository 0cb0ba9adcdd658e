package inflate

import "io"

// Reader decompresses gzip members, one behind the other, to a single stream. Reset must come first; it makes a
// zero Reader ready. A Reader has 186 KB, and allocates nothing except errors. It must not be used from
// several goroutines at once.
type Reader struct {
	err  error               // of Read, once all of the window has been read
	next func(*Reader) error // decodes the next part of the input

	final  bool // the current block is the member's last
	stored int  // number of bytes that are left in a stored block

	in    input
	out   window
	codes codes
}

// Reset makes the Reader decompress src, and reads the first member's header. src need not be buffered: the
// Reader asks for 32 KB at once. It reads src to the end, or somewhat too far if there is an error.
//
// Reset returns the errors of Read, io.EOF if src is empty.
func (z *Reader) Reset(src io.Reader) error {
	z.in.reset(src)
	z.out.reset()
	z.next = (*Reader).readBlock
	z.err = z.readHeader()
	return z.err
}

// Read reads decompressed bytes into p. They can be wrong until Read returns io.EOF, as a member's checksum
// comes behind it. Read returns all bytes in front of an error before it returns the error:
//
//   - io.EOF if src ends behind a member,
//   - io.ErrUnexpectedEOF if src ends within a member,
//   - [compress/gzip.ErrHeader] if src does not begin with a member's header, or goes on behind a member
//     with something else,
//   - [compress/flate.CorruptInputError] if a member contains no DEFLATE stream,
//   - [compress/gzip.ErrChecksum] if a member's bytes do not have the CRC-32 or the size in its trailer,
//   - [io.ErrNoProgress] if src has returned no byte a hundred times,
//   - the error of src otherwise, unchanged.
//
// After an error Read returns it again.
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

// decompress fills the window. All of it must have been read.
func (z *Reader) decompress() {
	z.out.slide()
	for z.err == nil && !z.out.full() {
		z.err = z.next(z)
	}
	z.out.checksum()
}
