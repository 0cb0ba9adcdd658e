package web

import (
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/price"
	"github.com/s3access/s3_access_exporter/scanner"
)

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
	c := cost{Total: price.Dollars(price.Requests(status.Requests))}
	recent := status.Recent
	if age := status.Time.Sub(recent.Since); !recent.Since.IsZero() && age >= rateTime {
		perDay := float64(price.Requests(recent.Requests)) / age.Hours() * day
		c.PerDay, c.PerMonth = price.Dollars(int64(perDay)), price.Dollars(int64(perDay*month))
		if recent.Objects > 0 {
			c.ListsPerObject = float64(recent.Requests["ListObjectsV2"]) / float64(recent.Objects)
		}
	}
	return c
}
