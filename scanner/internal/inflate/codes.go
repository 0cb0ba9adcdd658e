package inflate

// Widths of the tables in bits. Wider ones need fewer links, but take longer to make. These were the fastest for CloudTrail.
const (
	litlenWidth  = 10
	distWidth    = 8
	precodeWidth = 7 // the longest code that 3 bits can describe
)

// Sizes of the tables including further ones. They are powers of two, so that a mask keeps any index in bounds.
//
// A further table of 1<<w entries is for at least w+1 codes: the longest one, one beside each of its bits. That makes at most
// (1<<w)/(w+1) entries for a code, most if w is the largest, maxCode less the first table's width: 286*32/6 = 1525 besides
// 1024 entries for 286 literals and lengths, and 30*128/8 = 480 besides 256 for 30 distances.
const (
	litlenSize = 4096
	distSize   = 1024
)

const (
	maxLitlens = 286 // literals, the end of a block, and lengths
	maxDists   = 30  // distances
	precodes   = 19  // code lengths
	maxLength  = 258
)

// codes are the codes of the current block.
type codes struct {
	fixed   bool // litlen and dist are those of a fixed block
	litlen  [litlenSize]entry
	dist    [distSize]entry
	precode [1 << precodeWidth]entry

	lens [288 + 32]uint8
}

// The symbols' entries (RFC 1951, sections 3.2.5 and 3.2.7).
var (
	litlenEntries  = makeLitlenEntries()
	distEntries    = makeDistEntries()
	precodeEntries = makePrecodeEntries()
)

func makeLitlenEntries() (entries [288]entry) {
	for b := range 256 {
		entries[b] = literalEntry(byte(b))
	}
	entries[256] = isOther | isEnd
	base := uint16(3)
	for i := range 28 {
		extra := uint8(max(i/4-1, 0))
		entries[257+i] = numberEntry(base, extra)
		base += 1 << extra
	}
	entries[285] = numberEntry(maxLength, 0)
	entries[286], entries[287] = isOther, isOther
	return entries
}

func makeDistEntries() (entries [32]entry) {
	base := uint16(1)
	for i := range maxDists {
		extra := uint8(max(i/2-1, 0))
		entries[i] = numberEntry(base, extra)
		base += 1 << extra
	}
	entries[30], entries[31] = isOther, isOther
	return entries
}

func makePrecodeEntries() (entries [precodes]entry) {
	for i := range entries {
		entries[i] = numberEntry(uint16(i), 0)
	}
	return entries
}

// setFixed makes the codes of a fixed block (RFC 1951, section 3.2.6).
func (c *codes) setFixed() {
	if c.fixed {
		return
	}
	litlens, dists := c.lens[:288], c.lens[288:]
	for i := range litlens {
		switch {
		case i < 144, i >= 280:
			litlens[i] = 8
		case i < 256:
			litlens[i] = 9
		default:
			litlens[i] = 7
		}
	}
	for i := range dists {
		dists[i] = 5
	}
	c.fixed = c.build(litlens, dists)
}

func (c *codes) build(litlens, dists []uint8) bool {
	return build(c.litlen[:], litlenWidth, litlens, litlenEntries[:]) && build(c.dist[:], distWidth, dists, distEntries[:])
}

// precodeOrder is the order in which an input contains the lengths of the codes for code lengths.
var precodeOrder = [precodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// read reads the codes of a dynamic block (RFC 1951, section 3.2.7).
func (c *codes) read(in *input) error {
	c.fixed = false
	v, err := in.take(5 + 5 + 4)
	if err != nil {
		return err
	}
	litlens, dists, n := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if litlens > maxLitlens || dists > maxDists {
		return in.corrupt()
	}
	if err := c.readPrecode(in, n); err != nil {
		return err
	}
	lens := c.lens[:litlens+dists]
	for i := 0; i < len(lens); {
		n, err := c.readLens(in, lens, i)
		if err != nil {
			return err
		}
		i += n
	}
	if !c.build(lens[:litlens], lens[litlens:]) {
		return in.corrupt()
	}
	pair(c.litlen[:], litlenWidth)
	return nil
}

// readPrecode reads the code for code lengths, of which the input contains n lengths.
func (c *codes) readPrecode(in *input, n int) error {
	var lens [precodes]uint8
	for _, symbol := range precodeOrder[:n] {
		v, err := in.take(3)
		if err != nil {
			return err
		}
		lens[symbol] = uint8(v)
	}
	if !build(c.precode[:], precodeWidth, lens[:], precodeEntries[:]) {
		return in.corrupt()
	}
	return nil
}

// readLens decodes a symbol for code lengths, and writes the n lengths that it means to lens[i:].
func (c *codes) readLens(in *input, lens []uint8, i int) (n int, err error) {
	in.fill()
	e := c.precode[in.bits&(1<<precodeWidth-1)]
	if err := in.skip(e.size()); err != nil {
		return 0, err
	}
	if e&isOther != 0 {
		return 0, in.corrupt()
	}
	var value uint8
	var repeat uint32
	switch symbol := e.number(0); symbol {
	case 16:
		if i == 0 {
			return 0, in.corrupt()
		}
		value = lens[i-1]
		repeat, err = in.take(2)
		n = 3
	case 17:
		repeat, err = in.take(3)
		n = 3
	case 18:
		repeat, err = in.take(7)
		n = 11
	default:
		lens[i] = uint8(symbol)
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	n += int(repeat)
	if n > len(lens)-i {
		return 0, in.corrupt()
	}
	for j := range n {
		lens[i+j] = value
	}
	return n, nil
}
