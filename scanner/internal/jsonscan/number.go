package jsonscan

import (
	"bytes"
	"strconv"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// maxCount is more than any request has, and so little that sums of it are
// noticed before they overflow.
const maxCount = 1 << 62

// Count returns a number without its fraction: some versions of the format
// have 500, some 500.0. Anything else than a number that is zero or more is
// record.Unknown. It is not ok if the number is above maxCount.
func (s *Scanner) Count(v Value) (n int64, ok bool) {
	if v.Kind != Number {
		return record.Unknown, true
	}
	text := s.Bytes(v)
	if n, ok = shortNumber(text); ok {
		return n, true
	}
	// Out of range, both functions return the nearest number that is in range.
	if !bytes.ContainsAny(text, ".eE") {
		n, _ = strconv.ParseInt(string(text), 10, 64)
		return max(n, record.Unknown), n <= maxCount
	}
	switch f, _ := strconv.ParseFloat(string(text), 64); {
	case f < 0:
		return record.Unknown, true
	case f > maxCount:
		return 0, false
	default:
		return int64(f), true
	}
}

// shortNumber returns the value of a number as nearly all are: of digits alone, and
// so few that it cannot overflow.
func shortNumber(text []byte) (n int64, ok bool) {
	if len(text) > 18 {
		return 0, false
	}
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
