package accesslogjson

// order is the order in which the members of an object are expected. It has all of them.
type order [members]uint8

// documented is the order of AWS's page.
func documented() (o order) {
	for at := range o {
		o[at] = uint8(at)
	}
	return o
}

// foundOrder is the order in which the members of an object stand there.
type foundOrder struct {
	order
	n     int
	known uint64 // a bit for each member that is there
}

const _ = 64 - members // bits in known

// add takes note of the member that comes next, unless it is unknown or stood there before.
func (f *foundOrder) add(which int) {
	if which < 0 || f.known&(1<<which) != 0 {
		return
	}
	f.order[f.n] = uint8(which)
	f.known |= 1 << which
	f.n++
}

// complete makes expected what was found, and behind that the members that were not, in
// the order in which they were expected.
func (f *foundOrder) complete(expected *order) {
	for _, at := range expected {
		if f.known&(1<<at) == 0 {
			f.order[f.n] = at
			f.n++
		}
	}
	*expected = f.order
}
