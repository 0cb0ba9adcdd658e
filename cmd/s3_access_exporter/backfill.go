package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/collector"
)

// backfillCmd writes the counters by event time.
type backfillCmd struct {
	Locations []string `arg:"" name:"location" help:"${location_help}"`

	Output         string          `name:"output-file" short:"o" type:"path" placeholder:"FILE" help:"File to write; standard output by default."`
	Step           wholeSeconds    `name:"step" default:"1m" help:"Time between two samples of a series. The text has series times steps lines: take longer ones for a long history."`
	ExternalLabels []externalLabel `name:"external-label" sep:"none" placeholder:"NAME=VALUE" help:"Label that all series get, such as job=s3_access_exporter; repeatable."`
	Filter         filterFlags     `embed:""`
	Labels         labelFlags      `embed:"" prefix:"labels."`
	AWS            awsFlags        `embed:"" prefix:"aws."`
}

// Help implements kong.HelpProvider.
func (*backfillCmd) Help() string {
	return `Of this text promtool makes blocks, which Prometheus takes as if it had scraped the exporter at the time of the requests.

Example: the last 30 days, with samples that are 5 minutes apart.

    s3_access_exporter backfill --since 30d --step 5m -o history.om s3://example-logs
    promtool tsdb create-blocks-from openmetrics history.om /prometheus`
}

// Validate implements kong's validation of commands.
func (cmd *backfillCmd) Validate() error {
	names := []string{model.MetricNameLabel, model.BucketLabel, model.QuantileLabel}
	for _, family := range collector.Families() {
		for _, label := range family.Labels() {
			names = append(names, label.String())
		}
	}
	for _, label := range cmd.ExternalLabels {
		if slices.Contains(names, label.name) {
			return fmt.Errorf("--external-label: %s is a label already", label.name)
		}
		names = append(names, label.name)
	}
	return nil
}

// Run reads everything and writes its history.
func (cmd *backfillCmd) Run(ctx context.Context, env *environment) error {
	filter, err := cmd.Filter.filter()
	if err != nil {
		return err
	}
	h := newHistory(cmd.Step.seconds(), time.Time(cmd.Filter.Until), cmd.Labels.config(), filter.Match)
	defer h.close()
	return reading{locations: cmd.Locations, aws: cmd.AWS, query: filter.Query(), consumer: h}.run(ctx, env, func() error {
		return cmd.write(env.stdout, h)
	})
}

func (cmd *backfillCmd) write(stdout io.Writer, h *history) error {
	if cmd.Output == "" {
		return cmd.writeTo(stdout, h)
	}
	file, err := os.Create(cmd.Output)
	if err != nil {
		return err
	}
	return errors.Join(cmd.writeTo(file, h), file.Close())
}

func (cmd *backfillCmd) writeTo(w io.Writer, h *history) error {
	out := newHistoryWriter(w, h.step, h.end(), cmd.ExternalLabels)
	if err := h.total.each(out.add); err != nil {
		return err
	}
	return out.close()
}

// wholeSeconds is a flag's span of time, which has no fraction of a second.
type wholeSeconds time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *wholeSeconds) UnmarshalText(text []byte) error {
	err := (*interval)(s).UnmarshalText(text)
	if err == nil && time.Duration(*s)%time.Second != 0 {
		return fmt.Errorf("%q is not a whole number of seconds", text)
	}
	return err
}

func (s wholeSeconds) seconds() int64 { return int64(time.Duration(s) / time.Second) }

// externalLabel is a label of the place from which series come, not of requests.
type externalLabel struct{ name, value string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *externalLabel) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	switch {
	case !ok || !model.LegacyValidation.IsValidLabelName(name):
		return fmt.Errorf("%q is no label: write name=value", text)
	case strings.HasPrefix(name, model.ReservedLabelPrefix):
		return fmt.Errorf("label %s: names with __ are Prometheus' own", name)
	case value == "":
		return fmt.Errorf("label %s has no value", name)
	}
	l.name, l.value = name, value
	return nil
}
