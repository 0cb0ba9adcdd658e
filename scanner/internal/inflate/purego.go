//go:build purego || !(amd64 || arm64)

package inflate

import "encoding/binary"

// load64 returns b[i:i+8], the first byte lowest.
func load64(b *[inputSize]byte, i int) uint64 {
	return binary.LittleEndian.Uint64(b[i : i+8])
}

// store16 stores v to b[i:i+2], the lowest byte first.
func store16(b *[outputSize]byte, i int, v uint16) {
	binary.LittleEndian.PutUint16(b[i:i+2], v)
}

// copy8 copies b[from:from+8] to b[to:to+8] at once, so that these may overlap.
func copy8(b *[outputSize]byte, to, from int) {
	binary.LittleEndian.PutUint64(b[to:to+8], binary.LittleEndian.Uint64(b[from:from+8]))
}

// copy16 copies b[from:from+16] to b[to:to+16], which must not overlap.
func copy16(b *[outputSize]byte, to, from int) {
	*(*[16]byte)(b[to : to+16]) = *(*[16]byte)(b[from : from+16])
}
