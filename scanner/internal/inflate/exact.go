package inflate

// decodeSymbol decodes a literal, a match, or the end of the block, of which it reports whether it
// was that. The input may end anywhere. The window must not be full.
func (z *Reader) decodeSymbol() (end bool, err error) {
	in, w := &z.in, &z.out
	in.fill()
	e := z.codes.litlen[in.bits&(1<<litlenWidth-1)]
	if e&(isLiteral|isLink) == isLink {
		if err := in.skip(litlenWidth); err != nil {
			return false, err
		}
		e = z.codes.litlen[e.linked(in.bits)&(litlenSize-1)]
	}
	switch {
	case e&isLiteral != 0:
		if err := in.skip(e.firstSize()); err != nil {
			return false, err
		}
		w.buf[w.pos] = byte(e.literals())
		w.pos++
		return false, nil
	case e&isOther == 0:
		length := e.number(in.bits)
		if err := in.skip(e.size()); err != nil {
			return false, err
		}
		return false, z.decodeMatch(length)
	}
	if err := in.skip(e.size()); err != nil {
		return false, err
	}
	if e&isEnd == 0 {
		return false, in.corrupt()
	}
	return true, nil
}

// decodeMatch decodes the distance of a match, and copies the bytes.
func (z *Reader) decodeMatch(length int) error {
	in, w := &z.in, &z.out
	in.fill()
	e := z.codes.dist[in.bits&(1<<distWidth-1)]
	if e&isLink != 0 {
		if err := in.skip(distWidth); err != nil {
			return err
		}
		e = z.codes.dist[e.linked(in.bits)&(distSize-1)]
	}
	dist := e.number(in.bits)
	if err := in.skip(e.size()); err != nil {
		return err
	}
	if e&isOther != 0 || dist > w.pos-w.start {
		return in.corrupt()
	}
	for range length {
		w.buf[w.pos] = w.buf[w.pos-dist]
		w.pos++
	}
	return nil
}
