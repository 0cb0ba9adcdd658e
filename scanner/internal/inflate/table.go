package inflate

import "math/bits"

// entry is what a table holds for the next bits of the input. There are three kinds:
//
//   - a literal, or two in a row: isLiteral, bits 24 to 27 the size of the first one's code, 16 to 23 the
//     second literal, 8 to 15 the first, 6 and 7 their number
//   - a length or a distance: bits 16 to 30 its base, 8 to 11 the size of its code
//   - anything else: isOther, and for a link bits 16 to 30 the index of another table, 8 to 11 its width
//
// Bits 0 to 5 are the number of bits to skip: those of the codes, and of the extra bits behind them.
type entry uint32

const (
	isLiteral entry = 1 << 31

	// isOther alone means that no code begins like this, or that of a symbol that must not occur.
	isOther entry = 1 << 15
	isLink  entry = 1 << 14 // the code is long, and is found in another table
	isEnd   entry = 1 << 13 // the block ends

	countShift = 6
)

func literalEntry(b byte) entry { return isLiteral | entry(b)<<8 | 1<<countShift }

func numberEntry(base uint16, extra uint8) entry { return entry(base)<<16 | entry(extra) }

// withCode returns a symbol's entry for a code of n bits.
func (e entry) withCode(n uint) entry {
	if e&isLiteral != 0 {
		return e | entry(n)<<24 | entry(n)
	}
	return e + (entry(n)<<8 | entry(n))
}

// size returns the number of bits to skip.
func (e entry) size() uint { return uint(e & 63) }

// literals returns the literals, the first one in the low byte.
func (e entry) literals() uint16 { return uint16(e >> 8) }

// count returns the number of literals.
func (e entry) count() int { return int(e >> countShift & 3) }

// firstSize returns the number of bits of the first literal's code.
func (e entry) firstSize() uint { return uint(e >> 24 & 15) }

// number returns the length or distance. b are the bits that the entry was found for.
func (e entry) number(b uint64) int {
	return int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
}

// linked returns the index of the entry that a link leads to. b are the bits behind those that it was found for.
func (e entry) linked(b uint64) uint32 {
	return uint32(e>>16) + uint32(b)&(1<<(e>>8&15)-1)
}

const (
	maxCode    = 15  // bits of the longest code (RFC 1951, section 3.2.7)
	maxSymbols = 288 // of the largest alphabet (section 3.2.6)
)

// build makes the table of a canonical Huffman code (RFC 1951, section 3.2.2). lens are the lengths of the
// symbols' codes in bits, 0 to 15, and symbols are the symbols' entries. The next width bits of the input are the
// index of an entry. If a code is longer, the entry is a link to a further table, behind the first 1<<width entries.
//
// build reports whether lens make a code: all bits must begin with one, and with one alone. Exceptions, for
// codes that are hardly used, are a single code of one bit, and no code at all; the other bits' entries are isOther.
func build(table []entry, width uint, lens []uint8, symbols []entry) bool {
	var count [maxCode + 1]int // of the codes of each length
	for _, n := range lens {
		count[n&maxCode]++
	}
	used := len(lens) - count[0]
	count[0] = 0

	var begin [maxCode + 2]int // of each length's symbols in sorted
	space := 0                 // number of sequences of maxCode bits that begin with a code
	for n := 1; n <= maxCode; n++ {
		begin[n+1] = begin[n] + count[n]
		space += count[n] << (maxCode - n)
	}
	var sorted [maxSymbols]uint16 // the symbols that have codes, in the order of these
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

// buildDegenerate makes a table of a single code, or of none.
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

// builder makes the tables of a complete code, in the order of the codes.
type builder struct {
	table   []entry
	width   uint
	symbols []entry
	sorted  []uint16          // the symbols whose codes are not in a table yet
	count   *[maxCode + 1]int // number of these for each length
	code    uint              // the next one, its first bit highest as in RFC 1951
	size    uint              // number of its bits
}

// next takes the next code. It returns the entry for what is behind the first skipped bits, and all bits, the first
// one lowest as in the input.
func (b *builder) next(skipped uint) (e entry, index int) {
	e = b.symbols[b.sorted[0]].withCode(b.size - skipped)
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

// buildShort makes the first table, except for its links. What follows a short code does not matter, so
// the table for codes of a length is doubled for those of the next length.
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

// buildLong makes the further tables, and the links. The codes of a table follow each other.
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

// runWidth returns the width of the further table for the next code, and for all that have the first b.width bits
// in common with it. As the code is complete, those fill the table.
func (b *builder) runWidth() uint {
	size := b.size
	left := 1 << (size - b.width)
	for left > b.count[size] {
		left = 2 * (left - b.count[size])
		size++
	}
	return size - b.width
}

// buildRun fills a further table.
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

// pair makes entries of two literals, where the bits for which a literal was found contain the code of another one
// too. It does not branch, as a processor could not predict where.
func pair(table []entry, width uint) {
	for i := 1<<width - 1; i >= 0; i-- { // downwards, so second is not a pair yet
		first := table[i]
		second := table[i>>first.size()]
		both := first + entry(second.firstSize()) + 1<<countShift | entry(second.literals()&0xff)<<16
		// The highest bit is set if both have at most width bits, and both are literals.
		fits := (both&63 - entry(width) - 1) & first & second >> 31
		table[i] = first ^ (first^both)&-fits
	}
}
