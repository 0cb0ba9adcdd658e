package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/history"
	"github.com/s3access/s3_access_exporter/collector"
)

// backfillCmd writes the counters by event time.
type backfillCmd struct {
	Output         string          `name:"output-file" short:"o" type:"path" placeholder:"FILE" help:"File to write; standard output by default."`
	Step           wholeSeconds    `name:"step" default:"1m" help:"Time between two samples of a series. The text has series times steps lines: take longer ones for a long history."`
	ExternalLabels []externalLabel `name:"external-label" sep:"none" placeholder:"NAME=VALUE" help:"Label that all series get, such as job=s3_access_exporter; repeatable."`
	OneShot        oneShot         `embed:""`
	Labels         labelFlags      `embed:"" prefix:"labels."`
	Legacy         legacyFlags     `embed:"" prefix:"legacy."`
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
	if cmd.OneShot.Engine.Engine != engineScan {
		return errors.New("backfill has no --engine but scan: a history has as many groups as series times steps, which no engine should return")
	}
	names := []string{model.MetricNameLabel, model.BucketLabel, model.QuantileLabel}
	for _, family := range collector.Families() {
		for _, label := range family.Labels() {
			names = append(names, label.String())
		}
	}
	for _, label := range cmd.ExternalLabels {
		if slices.Contains(names, label.Name) {
			return fmt.Errorf("--external-label: %s is a label already", label.Name)
		}
		names = append(names, label.Name)
	}
	return nil
}

// Run reads everything and writes its history.
func (cmd *backfillCmd) Run(ctx context.Context, env *environment) error {
	if err := cmd.checkOutput(); err != nil { // and not when all is read
		return err
	}
	labels := cmd.Labels.config()
	until := time.Time(cmd.OneShot.Filter.Until).Truncate(time.Second) // as the times in logs
	cmd.OneShot.Filter.Until = instant(until)
	h := history.New(history.Config{Step: cmd.Step.seconds(), Until: until, Labels: labels, Legacy: cmd.Legacy.Features.Features})
	defer h.Close()
	return cmd.OneShot.run(ctx, env, asked{
		labels: labels, needs: h.Needs(), sink: h,
		finish: func() error { return cmd.write(env.stdout, h) },
	})
}

// checkOutput returns why no file can be made at the path to write to, as far as what lies
// there shows it.
func (cmd *backfillCmd) checkOutput() error {
	if cmd.Output == "" {
		return nil
	}
	if info, err := os.Stat(cmd.Output); err == nil && info.IsDir() {
		return fmt.Errorf("--output-file: %s is a directory; name a file", cmd.Output)
	}
	if _, err := os.Stat(filepath.Dir(cmd.Output)); err != nil {
		return fmt.Errorf("--output-file: %s: %w; make the directory, or name another file", cmd.Output, err)
	}
	return nil
}

func (cmd *backfillCmd) write(stdout io.Writer, h *history.History) error {
	var external []history.Label
	for _, label := range cmd.ExternalLabels {
		external = append(external, history.Label(label))
	}
	if cmd.Output == "" {
		return h.Write(stdout, external)
	}
	file, err := os.Create(cmd.Output)
	if err != nil {
		return err
	}
	return errors.Join(h.Write(file, external), file.Close())
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

// externalLabel is a flag's label.
type externalLabel history.Label

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
	l.Name, l.Value = name, value
	return nil
}
