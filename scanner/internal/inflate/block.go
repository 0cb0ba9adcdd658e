package inflate

// The types of blocks (RFC 1951, section 3.2.3).
const (
	blockStored = iota
	blockFixed
	blockDynamic
)

// readBlock reads the header of a block, including its codes.
func (z *Reader) readBlock() error {
	header, err := z.in.take(3)
	if err != nil {
		return err
	}
	z.final = header&1 != 0
	switch header >> 1 {
	case blockStored:
		return z.readStoredHeader()
	case blockFixed:
		z.codes.setFixed()
	case blockDynamic:
		if err := z.codes.read(&z.in); err != nil {
			return err
		}
	default:
		return z.in.corrupt()
	}
	z.next = (*Reader).decode
	return nil
}

func (z *Reader) endBlock() {
	z.next = (*Reader).readBlock
	if z.final {
		z.next = (*Reader).endMember
	}
}

// readStoredHeader reads the length of a stored block (RFC 1951, section 3.2.4).
func (z *Reader) readStoredHeader() error {
	z.in.align()
	v, err := z.in.take(32)
	if err != nil {
		return err
	}
	if v&0xffff != ^v>>16 {
		return z.in.corrupt()
	}
	z.stored = int(v & 0xffff)
	z.next = (*Reader).copyStored
	return nil
}

// copyStored copies bytes of a stored block.
func (z *Reader) copyStored() error {
	if z.stored == 0 {
		z.endBlock()
		return nil
	}
	room := z.out.buf[z.out.pos:]
	n, err := z.in.read(room[:min(z.stored, len(room))])
	z.out.pos += n
	z.stored -= n
	return err
}

// decode decodes symbols until the block ends or the window is full.
func (z *Reader) decode() error {
	for !z.out.full() {
		end, err := z.decodeFast()
		if !end && err == nil && !z.out.full() {
			end, err = z.decodeSymbol()
		}
		if end {
			z.endBlock()
		}
		if end || err != nil {
			return err
		}
	}
	return nil
}
