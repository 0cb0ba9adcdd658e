package inflate

const (
	// inputSlack is how many bytes of the input a round of decodeFast may look at: it loads 8, moves on by 7 at
	// most, and loads 8 once more.
	inputSlack = 7 + 8
	// outputSlack is how many bytes a round of decodeFast may write: three times two literals, and a match, of which
	// 16 bytes are copied at once. The window has as many behind its limit.
	outputSlack = 3*2 + (maxLength+15)/16*16
)

// decodeFast decodes symbols of a block as long as input and window have room for a whole round. It reports whether the
// block ends.
//
// It is one function of more than a screen because its variables have to stay in registers, and it says some lines four times
// because the processor guesses better then what follows a first, second or third literal: taken once, in a loop, they
// cost a tenth of all time. The register holds 56 bits at least after load64, of which 40 are enough for four look-ups
// of literals, 48 for a length (15 bits and 5) and its distance (15 and 13), and what a round leaves is still
// enough for the look-up of the next.
func (z *Reader) decodeFast() (end bool, err error) {
	in, out := &z.in.buf, &z.out.buf
	litlen, dist := &z.codes.litlen, &z.codes.dist
	ip, op := z.in.pos, z.out.pos
	bits, nbits := z.in.bits, z.in.nbits // of nbits the lowest 6 bits count
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
		// What is copied first is copied again and again, as in RFC 1951, section 3.2.3.
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
