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

func fixedLens() (litlens, dists []uint8) {
	for _, run := range []struct {
		n   int
		len uint8
	}{{144, 8}, {112, 9}, {24, 7}, {8, 8}} {
		for range run.n {
			litlens = append(litlens, run.len)
		}
	}
	for range 32 {
		dists = append(dists, 5)
	}
	return litlens, dists
}

// bitString is a code, or the beginning of one, the first bit highest.
type bitString struct{ len, bits int }

// canonical returns the symbols by their codes (RFC 1951, section 3.2.2), whether these are a code or not.
func canonical(lens []uint8) map[bitString]int {
	code := make(map[bitString]int)
	next := 0
	for n := 1; n <= 15; n++ {
		next <<= 1
		for symbol, of := range lens {
			if int(of) == n {
				code[bitString{n, next}] = symbol
				next++
			}
		}
	}
	return code
}

// code returns the code of lens, or fails if it is none: there must be no sequence of bits that begins with no code or with
// two, but for a code of at most one symbol, of one bit.
func (r *reference) code(lens []uint8) map[bitString]int {
	code := canonical(lens)
	share := 0.0
	for c := range code {
		share += 1 / float64(int(1)<<c.len)
	}
	if _, single := code[bitString{1, 0}]; share != 1 && len(code) > 0 && (len(code) > 1 || !single) {
		r.corrupt()
	}
	return code
}

func (r *reference) symbol(code map[bitString]int) int {
	begin := r.bit
	if len(code) == 0 {
		r.emptyCode = true
		r.corrupt()
	}
	for c := (bitString{}); c.len < 15; {
		c = bitString{c.len + 1, c.bits<<1 | r.take(1)}
		if symbol, ok := code[c]; ok {
			return symbol
		}
		if len(code) == 1 {
			break
		}
	}
	r.bit = begin
	r.corrupt()
	return 0
}

func (r *reference) dynamic() (litlen, dist map[bitString]int) {
	litlens, dists, n := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if litlens > 286 || dists > 30 {
		r.corrupt()
	}
	precodeLens := make([]uint8, 19)
	for _, symbol := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:n] {
		precodeLens[symbol] = uint8(r.take(3))
	}
	precode := r.code(precodeLens)
	var lens []uint8
	for len(lens) < litlens+dists {
		symbol := r.symbol(precode)
		value, repeat := uint8(0), 1
		switch symbol {
		case 16:
			if len(lens) == 0 {
				r.corrupt()
			}
			value, repeat = lens[len(lens)-1], 3+r.take(2)
		case 17:
			repeat = 3 + r.take(3)
		case 18:
			repeat = 11 + r.take(7)
		default:
			value = uint8(symbol)
		}
		if len(lens)+repeat > litlens+dists {
			r.corrupt()
		}
		for range repeat {
			lens = append(lens, value)
		}
	}
	return r.code(lens[:litlens]), r.code(lens[litlens:])
}

// number is a row of the tables in RFC 1951, section 3.2.5.
type number struct{ extra, base int }

var (
	lengthNumbers = []number{
		{0, 3},
		{0, 4},
		{0, 5},
		{0, 6},
		{0, 7},
		{0, 8},
		{0, 9},
		{0, 10},
		{1, 11},
		{1, 13},
		{1, 15},
		{1, 17},
		{2, 19},
		{2, 23},
		{2, 27},
		{2, 31},
		{3, 35},
		{3, 43},
		{3, 51},
		{3, 59},
		{4, 67},
		{4, 83},
		{4, 99},
		{4, 115},
		{5, 131},
		{5, 163},
		{5, 195},
		{5, 227},
		{0, 258},
	}
	distNumbers = []number{
		{0, 1},
		{0, 2},
		{0, 3},
		{0, 4},
		{1, 5},
		{1, 7},
		{2, 9},
		{2, 13},
		{3, 17},
		{3, 25},
		{4, 33},
		{4, 49},
		{5, 65},
		{5, 97},
		{6, 129},
		{6, 193},
		{7, 257},
		{7, 385},
		{8, 513},
		{8, 769},
		{9, 1025},
		{9, 1537},
		{10, 2049},
		{10, 3073},
		{11, 4097},
		{11, 6145},
		{12, 8193},
		{12, 12289},
		{13, 16385},
		{13, 24577},
	}
)

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

func (r *reference) number(numbers []number, i int) int {
	if i >= len(numbers) {
		r.corrupt()
	}
	return numbers[i].base + r.take(numbers[i].extra)
}
