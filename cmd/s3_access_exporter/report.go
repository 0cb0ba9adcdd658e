package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner"
)

// reportCmd reads log buckets once and prints counts.
type reportCmd struct {
	Locations []string `arg:"" name:"location" help:"${location_help}"`

	Output string     `name:"output" short:"o" required:"" enum:"prometheus" placeholder:"prometheus" help:"Format: prometheus, the metrics' exposition text."`
	Labels labelFlags `embed:"" prefix:"labels."`
	AWS    awsFlags   `embed:"" prefix:"aws."`
}

// errUnread says that some log objects are missing in what was printed.
var errUnread = errors.New("log objects could not be read; their requests are missing above")

// Run reads everything and prints it. Nothing is held back or limited.
func (cmd *reportCmd) Run(ctx context.Context, env *environment) error {
	places, err := parsePlaces(cmd.Locations)
	if err != nil {
		return err
	}
	counters, err := collector.New(collector.Config{Labels: cmd.Labels.config()})
	if err != nil {
		return err
	}
	metrics := scanner.NewMetrics(prometheus.NewRegistry())
	locations, err := opener{aws: cmd.AWS, requests: metrics.CountRequest}.open(ctx, places)
	if err != nil {
		return err
	}
	scan := scanner.New(scanner.Config{
		Locations:    locations,
		Consumer:     counting{counters},
		Metrics:      metrics,
		Logger:       env.logger,
		DedupeWindow: dedupeWindow,
	})
	unread, err := scan.ScanOnce(ctx)
	for _, u := range unread {
		env.logger.Error("object could not be read", "location", u.Location, "key", u.Key, "reason", u.Reason, "err", u.Err)
	}
	if err != nil {
		return err
	}
	if err := printExposition(env.stdout, counters); err != nil {
		return err
	}
	if len(unread) > 0 {
		return fmt.Errorf("%d %w", len(unread), errUnread)
	}
	return nil
}

// printExposition prints the request families in exposition text.
func printExposition(w io.Writer, counters *collector.Collector) error {
	registry := prometheus.NewRegistry()
	if err := registry.Register(counters); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), program) {
			continue // the exporter's metrics on itself
		}
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}
