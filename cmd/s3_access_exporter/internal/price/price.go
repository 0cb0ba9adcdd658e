// Package price has AWS's list prices of requests to S3, so that everything that shows a
// cost shows the same one. Amounts are billionths of a dollar, as one request costs less
// than a millionth.
package price

import "strings"

// AWS's list prices of one request to S3 Standard in us-east-1: $0.005 for 1,000 LIST and
// PUT, $0.0004 for 1,000 GET and all others but DELETE, which is free. Other Regions, and
// discounts, differ. https://aws.amazon.com/s3/pricing/
const (
	list = 5_000
	get  = 400
)

// Request returns the price of one request of an operation, in billionths of a dollar.
func Request(operation string) int64 {
	switch {
	case strings.HasPrefix(operation, "List"), strings.HasPrefix(operation, "Put"):
		return list
	case strings.HasPrefix(operation, "Delete"):
		return 0
	}
	return get
}

// Requests returns the price of requests by operation, in billionths of a dollar.
func Requests(requests map[string]int64) (sum int64) {
	for operation, n := range requests {
		sum += n * Request(operation)
	}
	return sum
}

// Dollars converts billionths of a dollar.
func Dollars(billionths int64) float64 { return float64(billionths) / 1e9 }
