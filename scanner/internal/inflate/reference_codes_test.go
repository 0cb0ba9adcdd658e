package inflate

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

func (r *reference) number(numbers []number, i int) int {
	if i >= len(numbers) {
		r.corrupt()
	}
	return numbers[i].base + r.take(numbers[i].extra)
}
