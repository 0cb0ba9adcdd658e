package main

import (
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

type labelFlags struct {
	Requester     requesterMode     `name:"requester" default:"role" help:"Label requester: arn, role (sessions collapse into their role), account or off."`
	SourceIP      sourceIPMode      `name:"source-ip" default:"full" help:"Label source_ip: full, off, or prefix lengths for IPv4 and IPv6 such as 24,64."`
	ClientVersion clientVersionMode `name:"client-version" default:"full" help:"Label client_version: full, minor, major or off."`
}

func (f labelFlags) config() classify.Config {
	return classify.Config{
		Requester:     f.Requester.RequesterMode,
		SourceIP:      f.SourceIP.SourceIPMode,
		ClientVersion: f.ClientVersion.ClientVersionMode,
	}
}

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
