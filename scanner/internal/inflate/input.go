package inflate

import (
	"compress/flate"
	"errors"
	"io"
)

const (
	// inputSize is the size of the input's window in bytes.
	inputSize = 32 << 10
	// maxEmptyReads is the number of reads in a row that may bring nothing.
	maxEmptyReads = 100
)

var errInvalidRead = errors.New("inflate: the source's Read returned an impossible count")

// input takes bits and bytes from a source.
//
// Bits pass through a register, the next one lowest (RFC 1951, section 3.1.1). The register is filled from
// a window of the source. The source is read again only when all of the window is in the
// register, so the next window can replace it as a whole.
type input struct {
	src    io.Reader
	err    error // how src ended, nil as long as it may have more
	before int64 // number of bytes of src before buf[0]

	// buf[pos:end] has not been in the register. 0 ≤ pos ≤ end ≤ inputSize.
	pos, end int
	// The lowest nbits bits of bits are the next ones, the others are 0. nbits < 64.
	bits  uint64
	nbits uint

	buf [inputSize]byte
}

func (in *input) reset(src io.Reader) {
	in.src, in.err, in.before = src, nil, 0
	in.pos, in.end = 0, 0
	in.bits, in.nbits = 0, 0
}

// offset returns how many bytes of the source were taken, including one of which only some bits were.
func (in *input) offset() int64 { return in.before + int64(in.pos) - int64(in.nbits/8) }

// more replaces the window by the next one. It reports whether there is one.
func (in *input) more() bool {
	if in.err != nil {
		return false
	}
	in.before += int64(in.end)
	in.pos, in.end = 0, 0
	for range maxEmptyReads {
		n, err := in.src.Read(in.buf[:])
		if n < 0 || n > len(in.buf) { // the fast loop relies on end
			n, err = 0, errInvalidRead
		}
		in.end, in.err = n, err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	in.err = io.ErrNoProgress
	return false
}

// fill makes the register hold more than 56 bits, or all that are left.
func (in *input) fill() {
	for in.nbits <= 56 {
		if in.pos == in.end && !in.more() {
			return
		}
		in.bits |= uint64(in.buf[in.pos]) << in.nbits
		in.pos++
		in.nbits += 8
	}
}

// skip takes the next n bits. fill must have brought them if they exist.
func (in *input) skip(n uint) error {
	if n > in.nbits {
		return in.short()
	}
	in.bits >>= n
	in.nbits -= n
	return nil
}

// take takes and returns the next n bits, up to 32.
func (in *input) take(n uint) (uint32, error) {
	if in.nbits < n {
		in.fill()
	}
	v := uint32(in.bits & (1<<n - 1))
	return v, in.skip(n)
}

// align skips what is left of a byte that was begun.
func (in *input) align() {
	n := in.nbits % 8
	in.bits >>= n
	in.nbits -= n
}

// read takes bytes into p, at least one unless it fails. p must not be empty, and the next bit must be the
// first of a byte.
func (in *input) read(p []byte) (n int, err error) {
	for n < len(p) && in.nbits > 0 {
		p[n] = byte(in.bits)
		in.bits >>= 8
		in.nbits -= 8
		n++
	}
	if n > 0 {
		return n, nil
	}
	if in.pos == in.end && !in.more() {
		return 0, in.short()
	}
	n = copy(p, in.buf[in.pos:in.end])
	in.pos += n
	return n, nil
}

// atEnd reports whether the source has no more bytes. The next bit must be the first of a byte.
func (in *input) atEnd() bool { return in.nbits == 0 && in.pos == in.end && !in.more() }

// short returns the error of a source that ends too early.
func (in *input) short() error {
	if in.err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure of its own
		return io.ErrUnexpectedEOF
	}
	return in.err
}

// corrupt returns the error of an input that is no DEFLATE stream.
func (in *input) corrupt() error { return flate.CorruptInputError(in.offset()) }
