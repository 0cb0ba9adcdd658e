//go:build purego || !(amd64 || arm64)

package inflate

import "encoding/binary"

func load64(b *[inputSize]byte, i int) uint64 {
	return binary.LittleEndian.Uint64(b[i : i+8])
}

func store16(b *[outputSize]byte, i int, v uint16) {
	binary.LittleEndian.PutUint16(b[i:i+2], v)
}

func copy8(b *[outputSize]byte, to, from int) {
	binary.LittleEndian.PutUint64(b[to:to+8], binary.LittleEndian.Uint64(b[from:from+8]))
}

func copy16(b *[outputSize]byte, to, from int) {
	*(*[16]byte)(b[to : to+16]) = *(*[16]byte)(b[from : from+16])
}
