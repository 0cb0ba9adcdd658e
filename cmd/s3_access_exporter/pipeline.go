package main

import (
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

// dedupeWindow is how many event IDs of CloudTrail are remembered by default:
// some 10 MB of them, minutes of what a large account does.
const dedupeWindow = 250_000

// counting joins the scanner to the collector, which do not know each other.
type counting struct {
	*collector.Collector
}

var (
	_ scanner.Consumer = counting{}
	_ once.Consumer    = counting{}
)

// NewTally implements scanner.Consumer.
func (c counting) NewTally(_, _ string) scanner.Tally { return c.Collector.NewTally() }

// Stage implements scanner.Consumer.
func (c counting) Stage(tallies []scanner.Tally, store scanner.Store) (func(), error) {
	own := make([]*collector.Tally, len(tallies))
	for i, t := range tallies {
		own[i] = t.(*collector.Tally) //nolint:errcheck // every tally is from NewTally
	}
	return c.Collector.Stage(own, store)
}

// Take implements once.Consumer.
func (c counting) Take(t once.Tally) error {
	expose, err := c.Stage([]scanner.Tally{t}, nil)
	if err == nil {
		expose()
	}
	return err
}
