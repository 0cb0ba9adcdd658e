//go:build !purego && (amd64 || arm64)

package inflate

import "unsafe"

func load64(b *[inputSize]byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(b), i))
}

func store16(b *[outputSize]byte, i int, v uint16) {
	*(*uint16)(unsafe.Add(unsafe.Pointer(b), i)) = v
}

func copy8(b *[outputSize]byte, to, from int) {
	*(*uint64)(unsafe.Add(unsafe.Pointer(b), to)) = *(*uint64)(unsafe.Add(unsafe.Pointer(b), from))
}

func copy16(b *[outputSize]byte, to, from int) {
	*(*[16]byte)(unsafe.Add(unsafe.Pointer(b), to)) = *(*[16]byte)(unsafe.Add(unsafe.Pointer(b), from))
}
