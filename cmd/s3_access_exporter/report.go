package main

import (
	"context"
	"errors"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/history"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/report"
)

// reportCmd reads log buckets once and prints counts.
type reportCmd struct {
	By      fieldList   `name:"by" placeholder:"FIELD,..." help:"Count by these, of ${fields}. Without it, an overview in seven tables is printed."`
	Top     int         `name:"top" default:"10" help:"Print so many groups of a table, the largest; 0: all."`
	Output  string      `name:"output" short:"o" default:"table" enum:"table,json,csv,prometheus" help:"Format: ${enum}. json is one object a line, with null for what the log does not hold; prometheus are the metrics of serve, as exposition text."`
	OneShot oneShot     `embed:""`
	Labels  labelFlags  `embed:"" prefix:"labels."`
	Legacy  legacyFlags `embed:"" prefix:"legacy."`
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
	if cmd.Output == formatPrometheus {
		return cmd.runPrometheus(ctx, env)
	}
	tables := report.Overview()
	if len(cmd.By) > 0 {
		tables = report.By(cmd.By)
	}
	counted := report.New(tables)
	defer counted.Close()
	labels := cmd.Labels.config()
	needs := counted.Needs()
	needs.Labels = &labels
	printer := report.Printer{W: env.stdout, Format: cmd.Output, Top: cmd.Top, Note: env.note}
	return cmd.OneShot.run(ctx, env, asked{
		labels: labels, needs: needs, sink: counted,
		finish: func() error { return printer.Print(counted) },
	})
}

// runPrometheus prints the metrics. Nothing is held back or limited.
func (cmd *reportCmd) runPrometheus(ctx context.Context, env *environment) error {
	labels := cmd.Labels.config()
	metrics, err := history.NewMetrics(labels, cmd.Legacy.Features.Features)
	if err != nil {
		return err
	}
	return cmd.OneShot.run(ctx, env, asked{
		labels: labels, needs: metrics.Needs(), sink: metrics,
		finish: func() error { return metrics.Print(env.stdout) },
	})
}
