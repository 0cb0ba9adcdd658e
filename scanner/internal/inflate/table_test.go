package inflate

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// The unsafe copies rely on it that no entry makes other lengths and distances.
func TestEntries_MakeTheNumbersOfRFC1951(t *testing.T) {
	check := func(name string, e entry, n number) {
		const size = 5 // of the code
		e = e.withCode(size)
		if e&(isLiteral|isOther|isLink|isEnd) != 0 || e.size() != uint(size+n.extra) {
			t.Errorf("%s %d: the entry is %#x", name, n.base, e)
		}
		for extra := range 1 << n.extra {
			b := 0b10110 | uint64(extra)<<size | ^uint64(0)<<(size+n.extra)
			if got := e.number(b); got != n.base+extra {
				t.Errorf("%s %d with %d makes %d", name, n.base, extra, got)
			}
		}
	}
	for i, n := range lengthNumbers {
		check("length", litlenEntries[257+i], n)
	}
	for i, n := range distNumbers {
		check("distance", distEntries[i], n)
	}
	for _, e := range slices.Concat(litlenEntries[286:], distEntries[30:]) {
		if e != isOther {
			t.Errorf("a symbol that must not occur has the entry %#x", e)
		}
	}
	if last := lengthNumbers[27]; last.base+1<<last.extra-1 > maxLength || distNumbers[29].base+1<<13-1 != history {
		t.Error("a number can be too large")
	}
}

// found returns the symbol that a table finds for bits, and how long its code is. Entries are numbers of symbols here.
func found(table []entry, width uint, b uint64) (symbol int, size uint, ok bool) {
	e := table[b&(1<<width-1)]
	if e&isLink != 0 {
		b >>= width
		e = table[e.linked(b)]
		size = width
	}
	return int(e >> 16), size + e.size(), e&isOther == 0
}

func TestBuild_FindsEveryCode(t *testing.T) {
	symbols := make([]entry, maxSymbols)
	for i := range symbols {
		symbols[i] = numberEntry(uint16(i), 0)
	}
	table := make([]entry, litlenSize)
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 8))
		lens := randomLens(random, 2+random.IntN(maxSymbols-1))
		width := []uint{distWidth, litlenWidth}[seed%2]
		for i := range table {
			table[i] = ^entry(0)
		}
		if !build(table, width, lens, symbols) {
			t.Fatalf("seed %d: %v is no code", seed, lens)
		}
		for c, want := range canonical(lens) {
			for range 3 {
				b := bits.Reverse64(uint64(c.bits))>>(64-c.len) | random.Uint64()<<c.len
				if symbol, size, ok := found(table, width, b); symbol != want || size != uint(c.len) || !ok {
					t.Fatalf("seed %d: of %v %#b is %d of %d bits, %t; want %d", seed, lens, b, symbol, size, ok, want)
				}
			}
		}
	}
}

func TestBuild_TakesNothingButCodes(t *testing.T) {
	table := make([]entry, litlenSize)
	var taken, refused int
	for seed := range uint64(100_000) {
		random := rand.New(rand.NewPCG(seed, 9))
		lens := make([]uint8, 1+random.IntN(6))
		for i := range lens {
			lens[i] = uint8(random.IntN(4 + int(seed%2)*(maxCode-3)))
		}
		r := new(reference)
		want := r.run(func() { r.code(lens) }) == nil
		if build(table, litlenWidth, lens, litlenEntries[:]) != want {
			t.Fatalf("%v is a code: %t", lens, want)
		}
		if want {
			taken++
		} else {
			refused++
		}
	}
	if taken < 1000 || refused < 1000 {
		t.Errorf("%d codes, %d that are none", taken, refused)
	}
}

func TestBuild_KeepsWithinTheTables(t *testing.T) {
	for name, c := range map[string]struct {
		symbols, size int
		width         uint
		entries       []entry
	}{
		"litlen": {maxLitlens, litlenSize, litlenWidth, litlenEntries[:]},
		"dist":   {maxDists, distSize, distWidth, distEntries[:]},
	} {
		longer := maxCode - int(c.width)
		bound := 1<<c.width + c.symbols<<longer/(longer+1) // see codes.go
		most := 0
		for seed := range uint64(3000) {
			lens := randomLens(rand.New(rand.NewPCG(seed, 10)), c.symbols)
			table := make([]entry, c.size)
			for i := range table {
				table[i] = ^entry(0)
			}
			if !build(table, c.width, lens, c.entries) {
				t.Fatalf("%s: %v is no code", name, lens)
			}
			most = max(most, slices.Index(table, ^entry(0)))
		}
		if most <= 1<<c.width || most > bound || bound > c.size {
			t.Errorf("%s: up to %d of %d entries are used, should be %d", name, most, c.size, bound)
		}
	}
}
