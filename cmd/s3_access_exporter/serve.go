package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// serveCmd tails log buckets and serves their metrics.
type serveCmd struct {
	Locations []string `arg:"" optional:"" name:"location" help:"${location_help}"`

	Web        webFlags        `embed:"" prefix:"web."`
	Checkpoint checkpointFlags `embed:"" prefix:"checkpoint."`
	Scan       scanFlags       `embed:"" prefix:"scan."`
	Labels     labelFlags      `embed:"" prefix:"labels."`
	Legacy     legacyFlags     `embed:"" prefix:"legacy."`
	Series     seriesFlags     `embed:"" prefix:"series."`
	Shard      shardFlags      `embed:"" prefix:"shard."`
	Coverage   coverageFlags   `embed:"" prefix:"coverage."`
	AWS        awsFlags        `embed:"" prefix:"aws."`

	RecordFormat recordForm `name:"record-format" placeholder:"FORMAT" help:"Of server access logs, read only those in this format: text or json. For buckets of which both are delivered, which would count twice."`

	Check bool `name:"check" env:"-" help:"Look at flags, files and credentials, list every location once, print what was found, and end."`
}

type scanFlags struct {
	Since         since    `name:"since" default:"24h" help:"How far back a location starts that has no checkpoint; or all."`
	Interval      interval `name:"interval" default:"${interval}" help:"Shortest time between two listings of a stream; by when its objects came, the next one is expected."`
	Overlap       interval `name:"overlap" default:"${overlap}" help:"How far behind the newest object each listing begins."`
	SweepWindow   interval `name:"sweep-window" default:"${sweep_window}" help:"How far behind it a deeper listing for late objects begins."`
	SweepInterval interval `name:"sweep-interval" default:"${sweep_interval}" help:"Time between two of those, and between two searches for new buckets, accounts and Regions."`
	AuditWindow   interval `name:"audit-window" default:"${audit_window}" help:"How far back the deepest listing begins; in it counts what was not seen before."`
	AuditInterval interval `name:"audit-interval" default:"${audit_interval}" help:"Time between two of those."`
	DedupeWindow  int      `name:"dedupe-window" default:"${dedupe_window}" help:"Newest CloudTrail events that are remembered, so that one delivered again does not count again; 0: none."`
	readFlags     `embed:""`
}

// Validate implements kong's validation of flags.
func (f scanFlags) Validate() error {
	switch {
	case f.DedupeWindow < 0:
		return errors.New("--scan.dedupe-window must not be negative")
	case f.SweepWindow < f.Overlap:
		return errors.New("--scan.sweep-window must not be shorter than --scan.overlap")
	}
	return f.readFlags.Validate()
}

type seriesFlags struct {
	Limit int      `name:"limit" default:"10000" help:"Series of a family beyond which further ones are counted as other; 0: no limit."`
	TTL   duration `name:"ttl" default:"720h" help:"Time without a request after which a series goes; 0: never."`
	Hold  duration `name:"hold" default:"2m" help:"How long a new series shows 0: longer than the scrape interval."`
}

// Validate implements kong's validation of flags.
func (f seriesFlags) Validate() error {
	if f.Limit < 0 {
		return errors.New("--series.limit must not be negative")
	}
	return nil
}

// Run tails and serves until ctx ends.
func (cmd *serveCmd) Run(ctx context.Context, env *environment) error {
	locations, err := env.locations(cmd.Locations, cmd.AWS, cmd.RecordFormat)
	if err != nil {
		return err
	}
	if cmd.Check {
		return cmd.check(ctx, env.stdout, locations)
	}
	d := daemon{serveCmd: cmd, env: env, settle: dirsource.DefaultSettle, started: func(s *web.Server) {
		cmd.logStart(env.logger, locations)
		env.logger.Info("listening", "url", s.URL("/"))
	}}
	return d.run(ctx, locations)
}

// logStart logs what is tailed, and how.
func (cmd *serveCmd) logStart(logger *slog.Logger, locations []location.Location) {
	var names []string
	for _, l := range locations {
		names = append(names, l.Name())
	}
	logger.Info("starting", "version", cmp.Or(version.Version, unreleased), "revision", version.GetRevision(),
		"locations", strings.Join(names, " "), "checkpoint", cmd.Checkpoint.Path, "shard", cmd.Shard.shard().String(), "since", cmd.Scan.Since.String())
}

// logCreated logs that the checkpoint is new, if it is.
func (cmd *serveCmd) logCreated(logger *slog.Logger, created bool) {
	if created {
		logger.Warn("the checkpoint is new: all counters begin at 0, and logs count from so far back on",
			"checkpoint", cmd.Checkpoint.Path, "since", cmd.Scan.Since.String())
	}
}

// daemon is what serve and demo run.
type daemon struct {
	*serveCmd
	env    *environment
	settle time.Duration
	// started is called once the server listens.
	started func(server *web.Server)
}

// run tails the locations and serves until ctx ends.
func (d *daemon) run(ctx context.Context, named []location.Location) (err error) {
	counters, err := collector.New(collector.Config{
		Labels:      d.Labels.config(),
		Legacy:      d.Legacy.Features.Features,
		SeriesLimit: d.Series.Limit,
		SeriesTTL:   time.Duration(d.Series.TTL),
		SeriesHold:  time.Duration(d.Series.Hold),
	})
	if err != nil {
		return err
	}
	own, counted := prometheus.NewRegistry(), prometheus.NewRegistry()
	metrics := scanner.NewMetrics(own)
	own.MustRegister(versioncollector.NewCollector(program),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counted.MustRegister(counters)

	from := location.Opener{Settle: d.settle, Requests: metrics.CountRequest}
	locations, err := from.Open(ctx, named)
	if err != nil {
		return err
	}
	state, err := d.openState(ctx, named, locations, metrics)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	this := newReplica(state, scanner.New(d.config(locations, counters, metrics, state)))
	own.MustRegister(this)
	if this.journal == nil { // what was counted is shown from the first scrape on
		if err := d.load(state, counters); err != nil {
			return err
		}
	}
	watch, found := d.watchCoverage(named)
	if watch != nil {
		counted.MustRegister(found)
	}
	server, err := d.Web.listen(ctx, prometheus.Gatherers{own, this.counts(counted)}, this, found, d.env.logger)
	if err != nil {
		return err
	}
	d.started(server)
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return server.Run(ctx) })
	all.Go(func() error {
		return this.run(ctx, state, func(ctx context.Context) error {
			if watch != nil {
				all.Go(func() error { watch(ctx); return nil })
			}
			return d.count(ctx, state, counters, this)
		})
	})
	return all.Wait()
}

// openState opens the checkpoint. This is where its path decides what kind it is.
func (d *daemon) openState(
	ctx context.Context, named []location.Location, opened []source.Location, metrics *scanner.Metrics,
) (state, error) {
	if !d.Checkpoint.inS3() {
		return d.Checkpoint.openFile(d.env.logger)
	}
	bucket, err := openBucket(ctx, d.Checkpoint.Path, d.AWS.storeFlags, metrics.CountRequest)
	if err != nil {
		return nil, err
	}
	if err := bucket.checkLoop(named, opened); err != nil {
		return nil, err
	}
	return d.Checkpoint.openJournal(bucket, d.Shard.checkTx, metrics.CountCommitFailure, d.env.logger), nil
}

// load takes the stored counters, if the checkpoint is that of the shard.
func (d *daemon) load(state state, counters *collector.Collector) error {
	if err := d.Shard.check(state, d.Checkpoint.Path); err != nil {
		return err
	}
	if err := state.View(func(tx *checkpoint.Tx) error { return tx.Series().Each(counters.Load) }); err != nil {
		return fmt.Errorf("checkpoint %s: %w", d.Checkpoint.Path, err)
	}
	return nil
}

// count counts until ctx ends, as the process that alone does.
func (d *daemon) count(ctx context.Context, state state, counters *collector.Collector, this *replica) error {
	if this.journal != nil {
		if err := d.load(state, counters); err != nil {
			return err
		}
		this.loaded.Store(true)
	}
	d.logCreated(d.env.logger, state.Created())
	return this.Run(ctx)
}

func (d *daemon) config(locations []source.Location, counters *collector.Collector, metrics *scanner.Metrics, state scanner.Checkpoint) scanner.Config {
	longest, pause := d.Checkpoint.commits()
	return scanner.Config{
		Locations:     locations,
		Consumer:      counting{counters},
		Metrics:       metrics,
		Logger:        d.env.logger,
		Checkpoint:    state,
		Shard:         d.Shard.shard(),
		Since:         time.Duration(d.Scan.Since),
		Interval:      time.Duration(d.Scan.Interval),
		Overlap:       time.Duration(d.Scan.Overlap),
		SweepWindow:   time.Duration(d.Scan.SweepWindow),
		SweepInterval: time.Duration(d.Scan.SweepInterval),
		AuditWindow:   time.Duration(d.Scan.AuditWindow),
		AuditInterval: time.Duration(d.Scan.AuditInterval),
		DedupeWindow:  d.Scan.DedupeWindow,
		MaxObjectSize: int64(d.Scan.MaxObjectSize),
		Concurrency:   d.Scan.Concurrency,

		CommitInterval: longest,
		CommitPause:    pause,
	}
}

// counting joins the scanner to the collector, which do not know each other.
type counting struct {
	*collector.Collector
}

var _ scanner.Consumer = counting{}

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
