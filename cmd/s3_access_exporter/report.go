package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

// reportCmd reads log buckets once and prints counts.
type reportCmd struct {
	Locations []string `arg:"" name:"location" help:"${location_help}"`

	By     fieldList   `name:"by" placeholder:"FIELD,..." help:"Count by these, of ${fields}. Without it, an overview in five tables is printed."`
	Top    int         `name:"top" default:"10" help:"Print so many groups of a table, the largest; 0: all."`
	Output string      `name:"output" short:"o" default:"table" enum:"table,json,csv,prometheus" help:"Format: ${enum}. json is one object a line, with null for what the log does not say; prometheus are the metrics of serve, as exposition text."`
	Filter filterFlags `embed:""`
	Labels labelFlags  `embed:"" prefix:"labels."`
	AWS    awsFlags    `embed:"" prefix:"aws."`
}

const formatPrometheus = "prometheus"

// Help implements kong.HelpProvider.
func (*reportCmd) Help() string {
	return `A group has the requests in it, the bytes that S3 sent and received, and the times of its first and last request. Both logs may record one request: count by log, too, or ask for one with --log.

Example: who still signs with Signature Version 2, with which client, this week.

    s3_access_exporter report --signature SigV2 --since 7d --by log,requester,client,client_version s3://example-logs`
}

// Validate implements kong's validation of commands.
func (cmd *reportCmd) Validate() error {
	switch {
	case cmd.Top < 0:
		return errors.New("--top must not be negative")
	case len(cmd.By) > 0 && cmd.Output == formatPrometheus:
		return errors.New("--by goes with --output table, json or csv: the metrics have their own labels")
	}
	return nil
}

// Run reads everything that is asked for and prints it.
func (cmd *reportCmd) Run(ctx context.Context, env *environment) error {
	filter, err := cmd.Filter.filter()
	if err != nil {
		return err
	}
	if cmd.Output == formatPrometheus {
		return cmd.runPrometheus(ctx, env, filter)
	}
	tables := overview()
	if len(cmd.By) > 0 {
		tables = []reportTable{{name: "groups", fields: cmd.By, rank: byRequests}}
	}
	g := newGrouping(tables, filter.Match, cmd.Labels.config())
	defer g.close()
	return cmd.reading(filter, g).run(ctx, env, func() error {
		return (&reportPrinter{w: env.stdout, format: cmd.Output, top: cmd.Top, logger: env.logger}).write(g)
	})
}

func (cmd *reportCmd) reading(filter *query.Filter, consumer once.Consumer) reading {
	return reading{locations: cmd.Locations, aws: cmd.AWS, query: filter.Query(), consumer: consumer}
}

// runPrometheus prints the metrics. Nothing is held back or limited.
func (cmd *reportCmd) runPrometheus(ctx context.Context, env *environment, filter *query.Filter) error {
	counters, err := collector.New(collector.Config{Labels: cmd.Labels.config()})
	if err != nil {
		return err
	}
	var consumer once.Consumer = counting{counters}
	if !filter.All() {
		consumer = newFiltering(counters, filter.Match, cmd.Labels.config())
	}
	return cmd.reading(filter, consumer).run(ctx, env, func() error {
		return printExposition(env.stdout, counters)
	})
}

// printExposition prints the request families in exposition text.
func printExposition(w io.Writer, counters prometheus.Collector) error {
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
