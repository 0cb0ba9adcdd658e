package record

import "math"

// AddSaturating returns a+b, or the largest number where that is more: a sum of the
// amounts of hostile records may stop, but never falls.
func AddSaturating(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
