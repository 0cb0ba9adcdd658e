package record_test

import (
	"math"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestAddSaturating_NeverFalls(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct{ a, b, want uint64 }{
		{0, 0, 0}, {1, 2, 3}, {most - 1, 1, most}, {most, 0, most}, {most, 1, most}, {1, most, most}, {most, most, most},
	} {
		if got := record.AddSaturating(c.a, c.b); got != c.want {
			t.Errorf("%d and %d: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestMultiplySaturating_NeverFalls(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct{ a, b, want uint64 }{
		{0, 0, 0}, {0, most, 0}, {3, 5, 15}, {most, 1, most}, {1 << 32, 1 << 32, most}, {most, most, most},
	} {
		if got := record.MultiplySaturating(c.a, c.b); got != c.want {
			t.Errorf("%d times %d: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
