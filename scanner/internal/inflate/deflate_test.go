package inflate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"slices"
)

// deflater writes DEFLATE streams as they should be, and as they should not.
type deflater struct {
	data  []byte
	nbits int // how many bits of data are used
	plain []byte
}

// bits writes the lowest n bits of v, the lowest first.
func (d *deflater) bits(v, n int) {
	for i := range n {
		if d.nbits%8 == 0 {
			d.data = append(d.data, 0)
		}
		d.data[d.nbits/8] |= byte(v>>i&1) << (d.nbits % 8)
		d.nbits++
	}
}

// code writes a code.
func (d *deflater) code(c bitString) {
	for i := c.len - 1; i >= 0; i-- {
		d.bits(c.bits>>i&1, 1)
	}
}

func (d *deflater) header(final bool, kind int) {
	v := kind << 1
	if final {
		v |= 1
	}
	d.bits(v, 3)
}

func (d *deflater) stored(final bool, plain []byte) {
	d.header(final, blockStored)
	d.nbits = 8 * len(d.data)
	d.bits(len(plain), 16)
	d.bits(^len(plain), 16)
	d.data = append(d.data, plain...)
	d.nbits = 8 * len(d.data)
	d.plain = append(d.plain, plain...)
}

// token is a literal, or a match if its length is not 0.
type token struct {
	literal      byte
	length, dist int
}

// tokens writes tokens and the end of the block. Those that have no code are left out, and so are matches that
// begin before all plain bytes.
func (d *deflater) tokens(litlens, dists []uint8, tokens []token) {
	litlen, dist := codesOf(litlens), codesOf(dists)
	for _, t := range tokens {
		if t.length == 0 {
			if c, ok := litlen[int(t.literal)]; ok {
				d.code(c)
				d.plain = append(d.plain, t.literal)
			}
			continue
		}
		l, dd := numberOf(lengthNumbers, t.length), numberOf(distNumbers, t.dist)
		lengthCode, hasLength := litlen[257+l]
		distCode, hasDist := dist[dd]
		if !hasLength || !hasDist || t.dist > len(d.plain) {
			continue
		}
		d.match(lengthCode, l, t.length, distCode, dd, t.dist)
	}
	if c, ok := litlen[256]; ok {
		d.code(c)
	}
}

func (d *deflater) match(lengthCode bitString, l, length int, distCode bitString, dd, dist int) {
	d.code(lengthCode)
	d.bits(length-lengthNumbers[l].base, lengthNumbers[l].extra)
	d.code(distCode)
	d.bits(dist-distNumbers[dd].base, distNumbers[dd].extra)
	for range length {
		d.plain = append(d.plain, d.plain[len(d.plain)-dist])
	}
}

func codesOf(lens []uint8) map[int]bitString {
	codes := make(map[int]bitString)
	for c, symbol := range canonical(lens) {
		codes[symbol] = c
	}
	return codes
}

// numberOf returns the symbol of a length or a distance.
func numberOf(numbers []number, v int) int {
	symbol := len(numbers) - 1
	for numbers[symbol].base > v {
		symbol--
	}
	return symbol
}

func (d *deflater) fixed(final bool, tokens []token) {
	d.header(final, blockFixed)
	litlens, dists := fixedLens()
	d.tokens(litlens, dists, tokens)
}

// dynamic writes a block with these codes, which need not be any. How their lengths are written random decides.
func (d *deflater) dynamic(random *rand.Rand, final bool, litlens, dists []uint8, tokens []token) {
	d.header(final, blockDynamic)
	d.bits(len(litlens)-257, 5)
	d.bits(len(dists)-1, 5)
	d.lens(random, slices.Concat(litlens, dists))
	d.tokens(litlens, dists, tokens)
}

// lens writes code lengths, with some of the possible repetitions.
func (d *deflater) lens(random *rand.Rand, lens []uint8) {
	precodeLens := make([]uint8, precodes)
	for i := range precodeLens { // 13 codes of 4 bits, 6 of 5
		precodeLens[i] = uint8(4 + i/13)
	}
	random.Shuffle(precodes, func(i, j int) { precodeLens[i], precodeLens[j] = precodeLens[j], precodeLens[i] })
	precode := codesOf(precodeLens)
	d.bits(precodes-4, 4)
	for _, symbol := range precodeOrder {
		d.bits(int(precodeLens[symbol]), 3)
	}
	for i := 0; i < len(lens); {
		run := 1
		for i+run < len(lens) && lens[i+run] == lens[i] {
			run++
		}
		n := min(run, 1+random.IntN(140))
		switch {
		case lens[i] == 0 && n >= 11:
			n = min(n, 138)
			d.code(precode[18])
			d.bits(n-11, 7)
		case lens[i] == 0 && n >= 3:
			d.code(precode[17])
			d.bits(n-3, 3)
		case i > 0 && lens[i-1] == lens[i] && n >= 3:
			n = min(n, 6)
			d.code(precode[16])
			d.bits(n-3, 2)
		default:
			n = 1
			d.code(precode[int(lens[i])])
		}
		i += n
	}
}

// member returns the stream in a gzip member.
func (d *deflater) member() []byte { return member(d.data, d.plain) }

// member returns a gzip member of a stream that holds plain.
func member(stream, plain []byte) []byte {
	b := bytes.NewBufferString("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
	b.Write(stream)
	trailer := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(plain))
	b.Write(binary.LittleEndian.AppendUint32(trailer, uint32(len(plain))))
	return b.Bytes()
}

// randomLens returns the lengths of a code for some of n symbols, and for those of need.
func randomLens(random *rand.Rand, n int, need ...int) []uint8 {
	if n == 1 {
		return []uint8{uint8(random.IntN(2))}
	}
	symbols := random.Perm(n)
	symbols = symbols[:max(2, random.IntN(n+1))]
	for _, symbol := range need {
		if !slices.Contains(symbols, symbol) {
			symbols = append(symbols, symbol)
		}
	}
	// A leaf that is split makes two, until there are enough.
	leaves := []uint8{0}
	deep := random.IntN(2) == 0
	for len(leaves) < len(symbols) {
		i := random.IntN(len(leaves))
		if deep {
			i = len(leaves) - 1 - random.IntN(min(3, len(leaves)))
		}
		if leaves[i] == maxCode {
			deep = false
			continue
		}
		leaves[i]++
		leaves = append(leaves, leaves[i])
	}
	lens := make([]uint8, n)
	for i, symbol := range symbols {
		lens[symbol] = leaves[i]
	}
	return lens
}

// randomTokens returns tokens, with lengths and distances of all sizes.
func randomTokens(random *rand.Rand, n int) []token {
	tokens := make([]token, n)
	for i := range tokens {
		tokens[i] = token{literal: byte(random.Uint32())}
		if random.IntN(3) == 0 {
			tokens[i] = token{
				length: min(maxLength, lengthNumbers[random.IntN(len(lengthNumbers))].base+random.IntN(3)),
				dist:   min(history, distNumbers[random.IntN(len(distNumbers))].base+random.IntN(3)),
			}
		}
	}
	return tokens
}
