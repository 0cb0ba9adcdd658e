package web

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
)

// AWS's list prices of requests to S3 Standard in us-east-1, in billionths of a
// dollar for one request: $0.005 for 1,000 LIST and PUT, nothing for DELETE, $0.0004 for 1,000 GET and all
// other requests. Other Regions, and discounts, differ.
// https://aws.amazon.com/s3/pricing/
const (
	listPrice = 5_000
	getPrice  = 400
)

// dollars converts billionths of a dollar.
func dollars(billionths int64) float64 { return float64(billionths) / 1e9 }

// rateTime is how long requests are counted before a rate is made of them.
const rateTime = time.Minute

// cost is an estimate of what AWS bills for requests, in dollars.
type cost struct {
	Total  float64 `json:"total"`            // since the start
	PerDay float64 `json:"per_day,omitzero"` // at the average rate since the start; 0 in the first minute
}

// costOf estimates what the requests so far cost.
func costOf(status scanner.Status) cost {
	var sum int64
	for operation, n := range status.Requests {
		sum += n * requestPrice(operation)
	}
	c := cost{Total: dollars(sum)}
	if age := status.Time.Sub(status.Started); !status.Started.IsZero() && age >= rateTime {
		c.PerDay = dollars(int64(float64(sum) / age.Hours() * 24))
	}
	return c
}

// requestPrice returns the list price of one request, in billionths of a dollar.
func requestPrice(operation string) int64 {
	switch {
	case strings.HasPrefix(operation, "List"), strings.HasPrefix(operation, "Put"):
		return listPrice
	case strings.HasPrefix(operation, "Delete"):
		return 0
	}
	return getPrice
}
