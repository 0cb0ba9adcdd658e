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

// cost is an estimate of what AWS bills for requests, in dollars, and what it follows from.
type cost struct {
	Total float64 `json:"total"` // since the start
	// At the rate of the last hours, up to a day; 0 in the first minute.
	PerDay   float64 `json:"per_day,omitzero"`
	PerMonth float64 `json:"per_month,omitzero"` // 30 days
	// ListsPerObject is how many listings each log object took in the last hours; 0 if
	// there was none.
	ListsPerObject float64 `json:"lists_per_object,omitzero"`
}

// costOf estimates what the requests so far cost, and those to come.
func costOf(status scanner.Status) cost {
	const day, month = 24, 30 // hours, days
	c := cost{Total: dollars(priceOf(status.Requests))}
	recent := status.Recent
	if age := status.Time.Sub(recent.Since); !recent.Since.IsZero() && age >= rateTime {
		perDay := float64(priceOf(recent.Requests)) / age.Hours() * day
		c.PerDay, c.PerMonth = dollars(int64(perDay)), dollars(int64(perDay*month))
		if recent.Objects > 0 {
			c.ListsPerObject = float64(recent.Requests["ListObjectsV2"]) / float64(recent.Objects)
		}
	}
	return c
}

// priceOf returns the list price of requests by operation, in billionths of a dollar.
func priceOf(requests map[string]int64) (sum int64) {
	for operation, n := range requests {
		sum += n * requestPrice(operation)
	}
	return sum
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
