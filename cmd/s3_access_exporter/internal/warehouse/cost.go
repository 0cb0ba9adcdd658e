package warehouse

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/scanner/once"
)

// What Athena takes for what queries scan, by its list price in most Regions: so much for
// a terabyte, and for 10 MB at least. https://aws.amazon.com/athena/pricing/
const (
	dollarsPerTB = 5
	terabyte     = 1 << 40
	leastBilled  = 10 << 20
)

// Price returns what Athena takes for queries that scan so many bytes, in dollars.
func Price(bytes int64) float64 {
	return float64(max(bytes, leastBilled)) * dollarsPerTB / terabyte
}

// Dollars writes an amount of money, to the cent or, if it is less, to the first digit.
func Dollars(amount float64) string {
	if amount >= 0.01 || amount == 0 {
		return fmt.Sprintf("$%.2f", amount)
	}
	return fmt.Sprintf("$%.*f", int(math.Ceil(-math.Log10(amount))), amount)
}

// checkCost returns an error if the queries would scan more than they may.
func (w *Warehouse) checkCost(f *found) error {
	if bytes := f.extent().Bytes; w.MaxScan > 0 && bytes > w.MaxScan {
		return fmt.Errorf("queries would scan %s, more than --max-scan=%s: narrow them with --since, --until and the other filters, or allow more",
			humanize.IBytes(uint64(bytes)), humanize.IBytes(uint64(w.MaxScan)))
	}
	return nil
}

// extent returns what lies in tables.
func (f *found) extent() (sum once.Extent) {
	for t := range f.tables {
		for _, c := range f.chunks(t) {
			sum.Objects += c.extent.Objects
			sum.Bytes += c.extent.Bytes
		}
	}
	return sum
}

// costLine is printed before a query.
func (w *Warehouse) costLine(c *chunk, number, of int) string {
	line := fmt.Sprintf("query %d of %d on table %s: scans %s in %s log objects of %s to %s", number+1, of, c.table.Name(),
		humanize.IBytes(uint64(c.extent.Bytes)), humanize.Comma(c.extent.Objects), c.first, c.last)
	if w.Dialect.event == "" {
		line += ", " + Dollars(Price(c.extent.Bytes)) + " at Athena's list price"
	}
	return line
}

// tooMuchError ends a query that scans more than it may.
type tooMuchError struct{ scanned, most int64 }

// Error implements error.
func (e tooMuchError) Error() string {
	return fmt.Sprintf("the query was stopped: %s are scanned, more than --max-scan=%s", humanize.IBytes(uint64(e.scanned)), humanize.IBytes(uint64(e.most)))
}

// watch returns what is called with the state of the next query, and what is to be called
// behind it. It calls stop if the queries have scanned more than they may.
func (r *run) watch(c *chunk, stop func(error)) (see func(State), done func()) {
	var latest atomic.Int64
	see = func(s State) {
		latest.Store(s.Bytes)
		if all := r.scanned + s.Bytes; r.MaxScan > 0 && all > r.MaxScan {
			stop(tooMuchError{all, r.MaxScan})
		}
		if r.Progress != nil {
			r.Progress(s, c.extent.Bytes)
		}
	}
	return see, func() { r.scanned += latest.Load() }
}
