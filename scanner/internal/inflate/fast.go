package inflate

const (
	// inputSlack is the number of bytes that a round of decodeFast may load: 8, and after at most 7 of them another 8.
	inputSlack = 7 + 8
	// outputSlack is the number of bytes that a round of decodeFast may write: three times two literals, and a match, of which
	// it copies 16 bytes at once. The window has as many behind its limit.
	outputSlack = 3*2 + (maxLength+15)/16*16
)

// decodeFast decodes rounds of a block: up to three look-ups of literals and what follows them. It ends when
// the input or the window has no room for a round, and reports whether the block ends.
//
// It is a long function because its variables have to stay in the processor's registers. It repeats the lines for a literal
// because a processor then predicts better what follows the first, second and third one: as a loop they take a tenth of
// the time more. For the same reason the next entry is looked up before a match is copied.
//
// After a load the register holds at least 56 bits. A round loads before it needs more: four look-ups of literals take 40
// bits at most, a length takes 20 and its distance 28.
func (z *Reader) decodeFast() (end bool, err error) { //nolint:funlen // see above
	in, out := &z.in.buf, &z.out.buf
	litlen, dist := &z.codes.litlen, &z.codes.dist
	ip, op := z.in.pos, z.out.pos
	bits, nbits := z.in.bits, z.in.nbits // nbits is only right in its lowest 6 bits
	inputLimit, start := z.in.end-inputSlack, z.out.start
	bad := false

	if ip > inputLimit {
		return false, nil
	}
	bits |= load64(in, ip) << (nbits & 63)
	ip += 7 - int(nbits>>3&7)
	nbits |= 56
	e := litlen[bits&(1<<litlenWidth-1)]
	for ip <= inputLimit && op < outputLimit {
		if e&isLiteral != 0 {
			bits >>= e & 63
			nbits -= uint(e)
			store16(out, op, e.literals())
			op += e.count()
			e = litlen[bits&(1<<litlenWidth-1)]
			if e&isLiteral != 0 {
				bits >>= e & 63
				nbits -= uint(e)
				store16(out, op, e.literals())
				op += e.count()
				e = litlen[bits&(1<<litlenWidth-1)]
				if e&isLiteral != 0 {
					bits >>= e & 63
					nbits -= uint(e)
					store16(out, op, e.literals())
					op += e.count()
					e = litlen[bits&(1<<litlenWidth-1)]
					if e&isLiteral != 0 {
						bits >>= e & 63
						nbits -= uint(e)
						store16(out, op, e.literals())
						op += e.count()
						bits |= load64(in, ip) << (nbits & 63)
						ip += 7 - int(nbits>>3&7)
						nbits |= 56
						e = litlen[bits&(1<<litlenWidth-1)]
						continue
					}
				}
			}
			bits |= load64(in, ip) << (nbits & 63)
			ip += 7 - int(nbits>>3&7)
			nbits |= 56
		}

		if e&isOther != 0 {
			if e&isLink != 0 {
				bits >>= litlenWidth
				nbits -= litlenWidth
				e = litlen[e.linked(bits)&(litlenSize-1)]
				if e&isLiteral != 0 {
					bits >>= e & 63
					nbits -= uint(e)
					store16(out, op, e.literals())
					op++
					bits |= load64(in, ip) << (nbits & 63)
					ip += 7 - int(nbits>>3&7)
					nbits |= 56
					e = litlen[bits&(1<<litlenWidth-1)]
					continue
				}
			}
			if e&isOther != 0 {
				bits >>= e & 63
				nbits -= uint(e)
				end, bad = e&isEnd != 0, e&isEnd == 0
				break
			}
		}
		length := e.number(bits)
		bits >>= e & 63
		nbits -= uint(e)

		e = dist[bits&(1<<distWidth-1)]
		if e&isLink != 0 {
			bits >>= distWidth
			nbits -= distWidth
			e = dist[e.linked(bits)&(distSize-1)]
		}
		from := op - e.number(bits)
		bits >>= e & 63
		nbits -= uint(e)
		if e&isOther != 0 || from < start {
			bad = true
			break
		}
		bits |= load64(in, ip) << (nbits & 63)
		ip += 7 - int(nbits>>3&7)
		nbits |= 56
		e = litlen[bits&(1<<litlenWidth-1)]

		to := op
		op += length
		if to-from >= 16 {
			copy16(out, to, from)
			copy16(out, to+16, from+16)
			if length > 32 {
				copy16(out, to+32, from+32)
				copy16(out, to+48, from+48)
				for i := 64; i < length; i += 16 {
					copy16(out, to+i, from+i)
				}
			}
			continue
		}
		// A match may overlap what it repeats. Each step copies as much as is there, and what is beyond
		// is overwritten.
		step := min(to-from, 8)
		for ; to < op; to += step {
			copy8(out, to, from)
			from += step
		}
	}
	nbits &= 63
	z.in.bits, z.in.nbits = bits&(1<<nbits-1), nbits
	z.in.pos, z.out.pos = ip, op
	if bad {
		return false, z.in.corrupt()
	}
	return end, nil
}
