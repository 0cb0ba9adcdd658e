package scanner

import (
	"errors"
	"fmt"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// costly is how many requests a listing takes at least that is not made again soon once it
// has failed: a store whose listing never ends, or fails each time near its end, would
// be asked for as many of them in each round, for ever, and bill them.
const costly = 100

// backoff delays the listing of a stream, or the search for streams, after attempts that
// have failed at great cost: by two Intervals at first, then ever longer, up to a
// SweepInterval. Meanwhile it counts as failing. The first attempt that does not fail like
// that ends it. Other streams do not wait for it.
type backoff struct {
	err  error // of the last attempt; nil: nothing is delayed
	wait time.Duration
	next time.Time
}

// delays returns why the last attempt failed, as long as it is too early for another one.
func (b *backoff) delays(start time.Time) error {
	if start.Before(b.next) {
		return b.err
	}
	return nil
}

// ended takes note of how an attempt at start has ended, and returns its error.
func (b *backoff) ended(start time.Time, err error, cfg *Config) error {
	var failed *source.Error
	if !errors.As(err, &failed) || failed.Requests < costly {
		*b = backoff{}
		return err
	}
	b.wait = min(2*max(b.wait, cfg.Interval), max(cfg.SweepInterval, cfg.Interval))
	b.next = start.Add(b.wait)
	b.err = fmt.Errorf("%w; as that took %d requests, it is tried again after %v", err, failed.Requests, b.wait)
	return b.err
}
