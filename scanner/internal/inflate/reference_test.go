package inflate

import (
	"compress/flate"
	"compress/gzip"
	"hash/crc32"
	"io"
)

// verdict is what a decompressor makes of an input.
type verdict struct {
	plain string
	err   error
}

// reference decompresses gzip members slowly, bit by bit, without tables and windows, as the RFCs read.
type reference struct {
	data  []byte
	bit   int // how many bits were taken
	plain []byte
	begin int // of the current member in plain

	// What klauspost/compress treats in a way of its own:
	textCut   bool // the input ends in a name or comment
	emptyCode bool // a symbol was to be decoded by a code that has none
	// What compress/gzip does:
	reserved bool // a reserved flag was set
}

// gunzipSlowly returns what the members in data hold, and the error at their end or before.
func gunzipSlowly(data []byte) (v verdict, r *reference) {
	r = &reference{data: data}
	v.err = r.run(func() {
		for {
			r.header()
			r.begin = len(r.plain)
			r.deflate()
			r.trailer()
		}
	})
	v.plain = string(r.plain)
	return v, r
}

// inflateSlowly returns what a DEFLATE stream at the beginning of data holds, and how long the stream is. The error is nil if
// there is one.
func inflateSlowly(data []byte) (v verdict, n int) {
	r := &reference{data: data}
	v.err = r.run(r.deflate)
	v.plain = string(r.plain)
	return v, r.offset()
}

// failure is what the reference panics with.
type failure struct{ error }

func (r *reference) run(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(failure).error
		}
	}()
	f()
	return nil
}

func (r *reference) fail(err error) { panic(failure{err}) }
func (r *reference) offset() int    { return (r.bit + 7) / 8 }
func (r *reference) corrupt()       { r.fail(flate.CorruptInputError(r.offset())) }

// take takes n bits, the first one lowest.
func (r *reference) take(n int) (v int) {
	for i := range n {
		if r.bit/8 == len(r.data) {
			r.fail(io.ErrUnexpectedEOF)
		}
		v |= int(r.data[r.bit/8]>>(r.bit%8)&1) << i
		r.bit++
	}
	return v
}

func (r *reference) bytes(n int) []byte {
	r.bit = 8 * r.offset()
	from := r.offset()
	if from+n > len(r.data) {
		r.bit = 8 * len(r.data)
		r.fail(io.ErrUnexpectedEOF)
	}
	r.bit += 8 * n
	return r.data[from : from+n]
}

func (r *reference) header() {
	begin := r.offset()
	if begin == len(r.data) {
		r.fail(io.EOF)
	}
	fixed := r.bytes(10)
	if fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 {
		r.fail(gzip.ErrHeader)
	}
	if fixed[3]&4 != 0 {
		n := r.bytes(2)
		r.bytes(int(n[0]) + int(n[1])<<8)
	}
	for _, flag := range []byte{8, 16} {
		if fixed[3]&flag == 0 {
			continue
		}
		r.textCut = true
		for n := 1; r.bytes(1)[0] != 0; n++ {
			if n == 512 {
				r.fail(gzip.ErrHeader)
			}
		}
		r.textCut = false
	}
	if fixed[3]&2 != 0 {
		sum := crc32.ChecksumIEEE(r.data[begin:r.offset()])
		if b := r.bytes(2); b[0] != byte(sum) || b[1] != byte(sum>>8) {
			r.fail(gzip.ErrHeader)
		}
	}
	if fixed[3]&0xe0 != 0 {
		r.reserved = true
		r.fail(gzip.ErrHeader)
	}
}

func (r *reference) trailer() {
	b := r.bytes(8)
	member := r.plain[r.begin:]
	if le(b[:4]) != crc32.ChecksumIEEE(member) || le(b[4:]) != uint32(len(member)) {
		r.fail(gzip.ErrChecksum)
	}
}

func le(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func (r *reference) deflate() {
	for final := false; !final; {
		final = r.take(1) == 1
		switch r.take(2) {
		case 0:
			b := r.bytes(4)
			n := int(b[0]) | int(b[1])<<8
			if n^0xffff != int(b[2])|int(b[3])<<8 {
				r.corrupt()
			}
			for range n {
				r.plain = append(r.plain, r.bytes(1)...)
			}
		case 1:
			litlens, dists := fixedLens()
			r.symbols(r.code(litlens), r.code(dists))
		case 2:
			r.symbols(r.dynamic())
		default:
			r.corrupt()
		}
	}
}

func (r *reference) symbols(litlen, dist map[bitString]int) {
	for {
		symbol := r.symbol(litlen)
		if symbol < 256 {
			r.plain = append(r.plain, byte(symbol))
			continue
		}
		if symbol == 256 {
			return
		}
		length := r.number(lengthNumbers, symbol-257)
		from := len(r.plain) - r.number(distNumbers, r.symbol(dist))
		if from < r.begin {
			r.corrupt()
		}
		for i := range length {
			r.plain = append(r.plain, r.plain[from+i])
		}
	}
}
