package record

import (
	"math"
	"math/bits"
)

// AddSaturating returns a+b, or the largest number where that is more: a sum of the
// amounts of hostile records may stop, but never falls.
func AddSaturating(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}

// MultiplySaturating returns a*b, or the largest number where that is more.
func MultiplySaturating(a, b uint64) uint64 {
	if high, product := bits.Mul64(a, b); high == 0 {
		return product
	}
	return math.MaxUint64
}
