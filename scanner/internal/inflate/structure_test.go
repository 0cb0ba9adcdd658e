package inflate

import (
	"compress/flate"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomStream writes blocks of all kinds that are as they should be.
func randomStream(random *rand.Rand) *deflater {
	d := new(deflater)
	for i, n := 0, 1+random.IntN(4); i < n; i++ {
		final := i == n-1
		tokens := randomTokens(random, random.IntN(300))
		switch random.IntN(4) {
		case 0:
			stored := make([]byte, random.IntN(300))
			for i := range stored {
				stored[i] = byte(random.Uint32())
			}
			d.stored(final, stored)
		case 1:
			d.fixed(final, tokens)
		default:
			litlens := randomLens(random, maxLitlens-random.IntN(2)*random.IntN(30), 256)
			dists := randomLens(random, 1+random.IntN(maxDists))
			d.dynamic(random, final, litlens, dists, tokens)
		}
	}
	return d
}

func TestReader_ReadsBlocksOfAllStructures(t *testing.T) {
	var j jury
	for seed := range uint64(500) {
		d := randomStream(rand.New(rand.NewPCG(seed, 2)))
		want, n := inflateSlowly(d.data)
		if want.err != nil || want.plain != string(d.plain) || n != len(d.data) {
			t.Fatalf("seed %d: the reference takes %d of %d bytes, and finds %s", seed, n, len(d.data), want)
		}
		j.judge(t, d.member())
	}
}

// brokenStream is no DEFLATE stream for the reason that is its name.
type brokenStream struct {
	name string
	data []byte
}

// broken returns streams that are broken in all ways. In front of what is broken there may be a block, whose
// codes a decompressor might still have.
func broken(random *rand.Rand) (streams []brokenStream) {
	litlens, dists := randomLens(random, maxLitlens, 256, 257), randomLens(random, maxDists)
	fixedLitlens, fixedDists := fixedLens()
	add := func(name string, write func(d *deflater)) {
		d := new(deflater)
		for range random.IntN(2) {
			d.dynamic(random, false, litlens, dists, randomTokens(random, 50))
		}
		write(d)
		d.bits(random.Int(), 40) // what comes behind must not matter
		streams = append(streams, brokenStream{name, d.data})
	}
	dynamic := func(name string, litlens, dists []uint8) {
		add(name, func(d *deflater) { d.dynamic(random, true, litlens, dists, nil) })
	}

	add("reserved type of block", func(d *deflater) { d.header(true, 3) })
	add("stored length and its complement differ", func(d *deflater) {
		d.header(true, blockStored)
		d.nbits = 8 * len(d.data)
		d.bits(1, 16)
		d.bits(1^0xffff^1<<random.IntN(16), 16)
	})
	dynamic("too many literals and lengths", randomLens(random, 287+random.IntN(2), 256), dists)
	dynamic("too many distances", litlens, randomLens(random, 31+random.IntN(2)))
	dynamic("too many codes of literals", changed(random, litlens, -1), dists)
	dynamic("too few codes of literals", changed(random, litlens, +1), dists)
	dynamic("too many codes of distances", litlens, changed(random, randomLens(random, maxDists, 0, 1, 2), -1))
	dynamic("too few codes of distances", litlens, changed(random, dists, +1))
	dynamic("a single code of more than a bit", litlens, []uint8{0, 0, uint8(2 + random.IntN(14))})
	dynamic("no code of a literal", make([]uint8, 257), dists)

	// A match is the shortest, and the broken streams end behind its length.
	match := func(name string, dists []uint8, behind bitString) {
		add(name, func(d *deflater) {
			d.header(true, blockDynamic)
			d.bits(len(litlens)-257, 5)
			d.bits(len(dists)-1, 5)
			d.lens(random, slices.Concat(litlens, dists))
			d.code(codesOf(litlens)[257])
			d.code(behind)
		})
	}
	match("no code of a distance", make([]uint8, 1+random.IntN(maxDists)), bitString{})
	match("another than the single code of a distance", []uint8{0, 1}, bitString{1, 1})
	fixed := func(name string, codes ...bitString) {
		add(name, func(d *deflater) {
			d.header(true, blockFixed)
			for _, c := range codes {
				d.code(c)
			}
		})
	}
	for _, symbol := range []int{286, 287} {
		fixed(fmt.Sprint("fixed code of symbol ", symbol), codesOf(fixedLitlens)[symbol])
	}
	for _, symbol := range []int{30, 31} {
		fixed(fmt.Sprint("fixed code of distance ", symbol), codesOf(fixedLitlens)[257], codesOf(fixedDists)[symbol])
	}
	add("distance too far", func(d *deflater) {
		far := len(d.plain) + 1 + random.IntN(100)
		symbol := numberOf(distNumbers, far)
		d.header(true, blockFixed)
		d.code(codesOf(fixedLitlens)[257])
		d.code(codesOf(fixedDists)[symbol])
		d.bits(far-distNumbers[symbol].base, distNumbers[symbol].extra)
	})
	brokenPrecodes(add)
	return streams
}

// changed returns lens, one of which is longer or shorter by a bit.
func changed(random *rand.Rand, lens []uint8, by int) []uint8 {
	lens = slices.Clone(lens)
	for {
		i := random.IntN(len(lens))
		if n := int(lens[i]) + by; lens[i] > 0 && n > 0 && n <= maxCode {
			lens[i] = uint8(n)
			return lens
		}
	}
}

// brokenPrecodes adds streams of which the code for code lengths is broken, or used in a wrong way.
func brokenPrecodes(add func(name string, write func(d *deflater))) {
	precode := func(name string, lens []int, symbols ...bitString) {
		add(name, func(d *deflater) {
			d.header(true, blockDynamic)
			d.bits(0, 5) // 257 literals
			d.bits(0, 5) // a distance
			d.bits(len(lens)-4, 4)
			for _, n := range lens {
				d.bits(n, 3)
			}
			for _, c := range symbols {
				d.code(c)
			}
		})
	}
	all := func(n int, c bitString) []bitString { return slices.Repeat([]bitString{c}, n) }
	zero, one := bitString{1, 0}, bitString{1, 1}

	// The lengths are those of 16, 17, 18, 0, 8, …
	precode("no code of a code length", []int{0, 0, 0, 0})
	precode("too many codes of code lengths", []int{1, 1, 1, 0})
	precode("too few codes of code lengths", []int{2, 2, 2, 0})
	precode("a single code of a code length, of more than a bit", []int{0, 0, 0, 2})
	precode("another than the single code of a code length", []int{0, 0, 0, 1}, one)
	precode("nothing to repeat", []int{1, 0, 0, 1}, one)
	precode("zeros up to the end, and some more", []int{0, 0, 1, 1},
		one, bitString{7, 0x7f}, one, bitString{7, 0x7f}) // 138 + 138 of 258
	precode("zeros to one from the end, and three", []int{0, 1, 0, 1}, append(all(256, zero), one, bitString{3, 0})...)
}

func TestReader_RefusesBrokenStreams(t *testing.T) {
	var j jury
	for seed := range uint64(50) {
		for _, stream := range broken(rand.New(rand.NewPCG(seed, 4))) {
			got := j.judge(t, member(stream.data, nil))
			if !errors.As(got.err, new(flate.CorruptInputError)) {
				t.Errorf("%s: seed %d: comes %s", stream.name, seed, got)
			}
		}
	}
}
