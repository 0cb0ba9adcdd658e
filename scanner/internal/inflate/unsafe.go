//go:build !purego && (amd64 || arm64)

package inflate

import "unsafe"

// These functions are the same as those in purego.go without checks. The package doc contains the argument that
// decodeFast, the only caller, keeps within the arrays; each function repeats the part that it rests on. The
// architectures are those that load and store at any address, the lowest byte first.

// load64 returns b[i:i+8]. A round begins with i ≤ end-inputSlack, and adds at most 7 before the second of its two
// loads, so i+8 ≤ end ≤ inputSize. i begins at input.pos, which is not negative, and only grows.
func load64(b *[inputSize]byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(b), i))
}

// store16 stores to b[i:i+2]. A round begins with i < outputLimit, and adds at most 2 for each of its up to four
// stores, so i+2 ≤ outputLimit+7 < outputSize. i begins at window.pos, which is not negative, and only grows.
func store16(b *[outputSize]byte, i int, v uint16) {
	*(*uint16)(unsafe.Add(unsafe.Pointer(b), i)) = v
}

// copy8 copies b[from:from+8] to b[to:to+8]. to is less than the end of the match, which is at most outputLimit-1 + 3*2 +
// maxLength, so to+8 ≤ outputSize. 0 ≤ window.start ≤ from < to.
func copy8(b *[outputSize]byte, to, from int) {
	*(*uint64)(unsafe.Add(unsafe.Pointer(b), to)) = *(*uint64)(unsafe.Add(unsafe.Pointer(b), from))
}

// copy16 copies b[from:from+16] to b[to:to+16]. to is the beginning of the match, at most outputLimit-1 + 3*2, and a
// multiple of 16 that is either less than the match's length or at most 48, so to+16 ≤ outputSize. 0 ≤ window.start ≤ from < to.
func copy16(b *[outputSize]byte, to, from int) {
	*(*[16]byte)(unsafe.Add(unsafe.Pointer(b), to)) = *(*[16]byte)(unsafe.Add(unsafe.Pointer(b), from))
}
