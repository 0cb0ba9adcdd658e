package collector

import (
	"fmt"
	"time"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Config is what a Collector counts by, and how much it keeps.
type Config struct {
	// Labels is how much detail the label values have. The zero value is the
	// exporter's default.
	Labels classify.Config
	// Legacy are the features that AWS turns off which count. The zero value is all of them.
	Legacy classify.Features
	// SeriesLimit is the number of series of one family beyond which further
	// label sets are folded together: into ones that name nobody, of which there may be
	// as many again, and beyond that into a few. So a family has twice as many series at
	// most, and those few. 0 is no limit.
	SeriesLimit int
	// SeriesTTL is the time without an increment after which a series is
	// dropped, in whole seconds (rounded up). It is that of the log, as far as it was
	// counted, not that of the clock. 0 keeps series for ever.
	SeriesTTL time.Duration
	// SeriesHold is the time for which a new series shows 0, so that at least
	// one scrape sees it before its first increment; choose it longer than the
	// scrape interval. 0 shows increments at once.
	SeriesHold time.Duration
	// Now is the wall clock, which may jump. nil is time.Now.
	Now func() time.Time
}

func (c *Config) validate() error {
	switch {
	case c.SeriesLimit < 0:
		return fmt.Errorf("series limit %d is negative", c.SeriesLimit)
	case c.SeriesTTL < 0:
		return fmt.Errorf("series ttl %s is negative", c.SeriesTTL)
	case c.SeriesHold < 0:
		return fmt.Errorf("series hold %s is negative", c.SeriesHold)
	}
	return nil
}
