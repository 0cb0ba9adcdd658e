package inflate

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// The window ends at every place of a round, and so do the rounds that write the most.
func TestReader_StaysWithinItsWindows(t *testing.T) {
	litlens, dists := make([]uint8, maxLitlens), make([]uint8, maxDists)
	litlens['x'], litlens[285], litlens[256], litlens[257] = 1, 2, 3, 3
	for i := range dists {
		dists[i] = uint8(5 - i/28) // 28 codes of 5 bits, 2 of 4
	}
	begin := make([]byte, outputLimit)
	for i := range begin {
		begin[i] = byte(i * i >> 5)
	}
	plain := make([]byte, 2*outputLimit)
	var z Reader
	// Six literals and a match are a round. Of eight and a match, the match begins the next one.
	for _, c := range []struct{ literals, dist int }{{6, 7}, {6, 15}, {6, 16}, {6, history}, {8, history}} {
		round := slices.Repeat([]token{{literal: 'x'}}, c.literals)
		round = append(round, token{length: maxLength, dist: c.dist})
		size := c.literals + maxLength
		for shift := range size {
			d := new(deflater)
			d.stored(false, begin[:1<<16-1])
			d.stored(false, begin[1<<16-1:len(begin)-2*size+shift])
			d.dynamic(rand.New(rand.NewPCG(1, 1)), false, litlens, dists, slices.Repeat(round, 4))
			d.stored(true, begin[:100]) // or the fast loop would not come near the end
			if err := z.Reset(bytes.NewReader(d.member())); err != nil {
				t.Fatal(err)
			}
			n, _ := io.ReadFull(&z, plain)
			if !same(z.err, io.EOF) || !bytes.Equal(plain[:n], d.plain) {
				t.Fatalf("%+v, shift %d: come %d bytes and %v, want %d", c, shift, n, z.err, len(d.plain))
			}
		}
	}
}
