package inflate

import "math/bits"

// entry is what a table says of the code at the beginning of some bits. There are three kinds:
//
//   - One literal, or two in a row (isLiteral): bits 24 to 27 are the length of the first's code, 16 to 23 the second, 8
//     to 15 the first, 6 and 7 their number.
//   - A length or a distance: bits 16 to 30 are its base, 8 to 11 the length of its code.
//   - Something else (isOther): bits 16 to 30 and 8 to 11 are of a link.
//
// Bits 0 to 5 are how many bits the codes have, with the extra bits that follow a length's or a distance's.
type entry uint32

const (
	isLiteral entry = 1 << 31

	isOther entry = 1 << 15 // none of the other flags: no code, or the code of a symbol that must not occur
	isLink  entry = 1 << 14 // the code is a long one, and stands in another table
	isEnd   entry = 1 << 13 // the block ends

	countShift = 6
)

func literalEntry(b byte) entry { return isLiteral | entry(b)<<8 | 1<<countShift }

func numberEntry(base uint16, extra uint8) entry { return entry(base)<<16 | entry(extra) }

// withCode returns a symbol's entry, made without a code, with one of n bits.
func (e entry) withCode(n uint) entry {
	if e&isLiteral != 0 {
		return e | entry(n)<<24 | entry(n)
	}
	return e + (entry(n)<<8 | entry(n))
}

// size returns how many bits were looked up, with the extra bits behind them.
func (e entry) size() uint { return uint(e & 63) }

// literals returns the literals, the first one lowest.
func (e entry) literals() uint16 { return uint16(e >> 8) }

// count returns the number of literals.
func (e entry) count() int { return int(e >> countShift & 3) }

// firstSize returns how many bits the code of the first literal has.
func (e entry) firstSize() uint { return uint(e >> 24 & 15) }

// number returns the length or distance that the entry and the extra bits make, where b has been looked up.
func (e entry) number(b uint64) int {
	return int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
}

// linked returns the index of the entry that the entry links to, where b are the bits behind those looked up.
func (e entry) linked(b uint64) uint32 {
	return uint32(e>>16) + uint32(b)&(1<<(e>>8&15)-1)
}

const (
	maxCode    = 15  // length of the longest code (RFC 1951, section 3.2.7)
	maxSymbols = 288 // number of symbols of the largest alphabet
)

// build makes the table of a canonical Huffman code (RFC 1951, section 3.2.2): lens are the lengths of the symbols' codes, 0
// to 15, and symbols their entries. The first 1<<width entries of the table are found by the next width bits of the
// input. Longer codes stand in further tables behind it, to which its entries link.
//
// It reports whether the code is one: every sequence of bits must begin with exactly one code. There may also be a
// single code of one bit, or none at all. What has no code then is an entry isOther.
func build(table []entry, width uint, lens []uint8, symbols []entry) bool {
	var count [maxCode + 1]int // of the codes of each length
	for _, n := range lens {
		count[n&maxCode]++
	}
	used := len(lens) - count[0]
	count[0] = 0

	var begin [maxCode + 2]int // the first of each length in sorted
	space := 0                 // what is taken of all sequences of maxCode bits
	for n := 1; n <= maxCode; n++ {
		begin[n+1] = begin[n] + count[n]
		space += count[n] << (maxCode - n)
	}
	var sorted [maxSymbols]uint16 // the symbols in the order of their codes
	for symbol, n := range lens {
		if n != 0 {
			sorted[begin[n]] = uint16(symbol)
			begin[n]++
		}
	}
	if space != 1<<maxCode {
		return buildDegenerate(table[:1<<width], used, count[1], symbols[sorted[0]])
	}
	b := builder{table: table, width: width, symbols: symbols, sorted: sorted[:used], count: &count}
	b.buildShort()
	b.buildLong()
	return true
}

// buildDegenerate makes a table of one code, or of none.
func buildDegenerate(table []entry, used, ofOneBit int, symbol entry) bool {
	if used != ofOneBit || used > 1 {
		return false
	}
	for i := range table {
		table[i] = isOther
		if used == 1 && i&1 == 0 {
			table[i] = symbol.withCode(1)
		}
	}
	return true
}

// builder makes the table of a complete code, in the order of the codes.
type builder struct {
	table   []entry
	width   uint
	symbols []entry
	sorted  []uint16          // what is left of the symbols
	count   *[maxCode + 1]int // of the codes of each length that are left
	code    uint              // the next one, written as RFC 1951 does: its first bit highest
	size    uint              // its length
}

// next returns the entry of the next code, of which skip bits are left out, and its bits as they are looked up, the first one
// lowest.
func (b *builder) next(skip uint) (e entry, index int) {
	e = b.symbols[b.sorted[0]].withCode(b.size - skip)
	index = int(bits.Reverse16(uint16(b.code)) >> (16 - b.size))
	b.sorted = b.sorted[1:]
	b.count[b.size]--
	b.code++
	return e, index
}

// longer goes on to codes that are longer by a bit.
func (b *builder) longer() {
	b.size++
	b.code <<= 1
}

// buildShort makes the table of the codes that fit into it. Behind a short code anything may follow, so the table as it is
// when all codes of a length are there is doubled for the next length.
func (b *builder) buildShort() {
	for b.size < b.width {
		b.longer()
		half := 1 << (b.size - 1)
		copy(b.table[half:2*half], b.table[:half])
		for b.count[b.size] > 0 {
			e, i := b.next(0)
			b.table[i] = e
		}
	}
}

// buildLong makes the further tables. The codes of one are a run of those that are left.
func (b *builder) buildLong() {
	free := 1 << b.width
	b.longer()
	for len(b.sorted) > 0 {
		for b.count[b.size] == 0 {
			b.longer()
		}
		link := bits.Reverse16(uint16(b.code>>(b.size-b.width))) >> (16 - b.width)
		width := b.runWidth()
		b.table[link] = isOther | isLink | entry(free)<<16 | entry(width)<<8 | entry(b.width)
		b.buildRun(b.table[free : free+1<<width])
		free += 1 << width
	}
}

// runWidth returns how wide a table the codes need that have the first b.width bits in common with the next one. Together they
// are all codes that may follow these bits.
func (b *builder) runWidth() uint {
	size := b.size
	left := 1 << (size - b.width)
	for left > b.count[size] {
		left = 2 * (left - b.count[size])
		size++
	}
	return size - b.width
}

// buildRun makes a further table.
func (b *builder) buildRun(table []entry) {
	for left := len(table); left > 0; {
		for b.count[b.size] == 0 {
			b.longer()
		}
		step := 1 << (b.size - b.width)
		e, i := b.next(b.width)
		for i >>= b.width; i < len(table); i += step {
			table[i] = e
			left--
		}
	}
}

// pair turns entries of a literal into entries of two where the code of a second one is among the bits looked up.
//
// It does without branches, as no processor would guess them.
func pair(table []entry, width uint) {
	for i := 1<<width - 1; i >= 0; i-- { // downwards, so that second has one literal at most
		first := table[i]
		second := table[i>>first.size()]
		both := first + entry(second.firstSize()) + 1<<countShift | entry(second.literals()&0xff)<<16
		fits := (both&63 - entry(width) - 1) & first & second >> 31
		table[i] = first ^ (first^both)&-fits
	}
}
