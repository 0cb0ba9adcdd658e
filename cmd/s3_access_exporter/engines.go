package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/price"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/warehouse"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Engines that answer questions over history.
const (
	engineScan   = "scan"
	engineAthena = "athena"
	engineTrino  = "trino"
)

// engineFlags choose who answers.
type engineFlags struct {
	Engine  string      `name:"engine" group:"Engine" env:"-" default:"scan" enum:"scan,athena,trino" help:"Who reads the logs: ${enum}. scan is this program itself; the others need the tables that \"engine ddl\" prints."`
	DryRun  bool        `name:"dry-run" group:"Engine" env:"-" help:"Read nothing, and print what would be read and what that costs."`
	MaxScan size        `name:"max-scan" group:"Engine" env:"-" placeholder:"SIZE" help:"The most that queries may scan, all together: they do not begin, or are stopped."`
	Trino   trinoFlags  `embed:"" prefix:"trino." group:"Engine"`
	Athena  athenaFlags `embed:"" prefix:"athena." group:"Engine"`
}

type trinoFlags struct {
	URL     string `name:"url" group:"Engine" placeholder:"URL" help:"The coordinator: https://USER:PASSWORD@trino.example.com:8443. The environment variable keeps a password out of the command line."`
	Catalog string `name:"catalog" group:"Engine" default:"hive" help:"Catalog of the Hive connector."`
	Schema  string `name:"schema" group:"Engine" default:"default" help:"Schema in which the tables are."`
}

type athenaFlags struct {
	Workgroup string `name:"workgroup" group:"Engine" default:"primary" help:"Workgroup in which queries run."`
	Catalog   string `name:"catalog" group:"Engine" default:"AwsDataCatalog" help:"Data catalog."`
	Database  string `name:"database" group:"Engine" default:"default" help:"Database in which the tables are."`
	Output    string `name:"output-location" group:"Engine" placeholder:"S3-URL" help:"Where results go, if the workgroup does not say it."`
	Region    string `name:"region" group:"Engine" placeholder:"REGION" help:"Athena's Region; that of the SDK's environment by default."`
	Endpoint  string `name:"endpoint-url" group:"Engine" placeholder:"URL" help:"Where Athena is, if not at AWS."`
}

// Validate implements kong's validation of flags.
func (f engineFlags) Validate() error {
	switch {
	case f.Engine == engineTrino && f.Trino.URL == "":
		return errors.New("--engine=trino needs --trino.url")
	case f.Engine == engineScan && f.MaxScan > 0:
		return errors.New("--max-scan goes with --engine athena or trino")
	}
	return nil
}

// dialect returns the Dialect of an engine that is not the built-in one.
func (f engineFlags) dialect() warehouse.Dialect {
	if f.Engine == engineAthena {
		return warehouse.Athena()
	}
	return warehouse.Trino()
}

// warehouse returns the engine that the flags name, and what closes it.
func (f engineFlags) warehouse(ctx context.Context, env *environment, cfg once.Config, role awsFlags) (w *warehouse.Warehouse, closeIt func(), err error) {
	w = &warehouse.Warehouse{
		Dialect: f.dialect(), Scan: cfg, MaxScan: int64(f.MaxScan), Logger: env.logger,
		Notes: env.note,
	}
	if f.Engine == engineTrino {
		client, err := warehouse.NewTrinoClient(warehouse.TrinoConfig{URL: f.Trino.URL, Catalog: f.Trino.Catalog, Schema: f.Trino.Schema})
		if err != nil {
			return nil, nil, usagef("--trino.url: %w", err)
		}
		w.Client = client
		return w, func() { _ = client.Close() }, nil // it has nothing to lose
	}
	client, err := warehouse.NewAthenaClient(ctx, warehouse.AthenaConfig{
		Workgroup: f.Athena.Workgroup, Catalog: f.Athena.Catalog, Database: f.Athena.Database, OutputLocation: f.Athena.Output,
		Region: f.Athena.Region, EndpointURL: f.Athena.Endpoint, RoleARN: role.RoleARN, ExternalID: role.ExternalID, Logger: env.logger,
	})
	if err != nil {
		return nil, nil, err
	}
	w.Client = client
	return w, func() {}, nil
}

// askWarehouse puts a question to an engine that is not the built-in one.
func (o *oneShot) askWarehouse(ctx context.Context, env *environment, cfg once.Config, q *engine.Question, a asked) (*once.Summary, error) {
	w, closeIt, err := o.Engine.warehouse(ctx, env, cfg, o.AWS)
	if err != nil {
		return new(once.Summary), err
	}
	defer closeIt()
	w.Listing = new(once.Progress)
	if !a.quiet {
		shown := new(queryProgress)
		w.Progress = shown.set
		defer terminal.ShowProgress(env.stderr, func() terminal.Progress { return shown.or(progressOf(w.Listing)) })()
	}
	return w.Run(ctx, q, a.sink)
}

// queryProgress is how far a query is, for a terminal.
type queryProgress struct {
	latest atomic.Pointer[terminal.Progress] // nil: none has begun
}

func (p *queryProgress) set(s warehouse.State, bytes int64) {
	p.latest.Store(&terminal.Progress{Note: "query " + strings.ToLower(s.Text), Done: terminal.Amount{Bytes: s.Bytes}, Found: terminal.Amount{Bytes: bytes}, Complete: true})
}

// or returns the progress of the query, or that of the listing before it.
func (p *queryProgress) or(listing terminal.Progress) terminal.Progress {
	if latest := p.latest.Load(); latest != nil {
		return *latest
	}
	listing.Note = fmt.Sprintf("listing: %s", counted(listing.Found.Objects, "log object"))
	return listing
}

// How fast two cores read log objects, if neither disk nor network is slower: twice what
// one second of CPU time did in report over 1.8 GB of the simulated fleet's logs, in objects
// of 70 KB (AMD EPYC, Go 1.26; see "Engines" in the README). Objects a second are those of the
// benchmark Performance_FromS3.
const (
	lineSpeed   = 600 << 20 // bytes a second, of server access logs as text
	trailSpeed  = 110 << 20 // of CloudTrail, as stored
	objectSpeed = 10_000
)

// readingTime returns how long two cores read a log object.
func readingTime(log record.Log, size int64) time.Duration {
	speed := float64(trailSpeed) // of what only its content shows, too: it is JSON
	if log == record.ServerAccess {
		speed = lineSpeed
	}
	return time.Duration(max(float64(size)/speed, 1.0/objectSpeed) * float64(time.Second))
}

// dryRun prints what would be read, and what that costs.
func (o *oneShot) dryRun(ctx context.Context, env *environment, q *engine.Question) error {
	var lists atomic.Int64
	cfg, err := o.open(ctx, env, location.Opener{Requests: func(operation string) {
		if strings.HasPrefix(operation, "List") {
			lists.Add(1)
		}
	}})
	if err != nil {
		return err
	}
	listing := new(once.Progress)
	defer terminal.ShowProgress(env.stderr, func() terminal.Progress { return new(queryProgress).or(progressOf(listing)) })()
	if o.Engine.Engine != engineScan {
		w := warehouse.Warehouse{Dialect: o.Engine.dialect(), Scan: cfg, MaxScan: int64(o.Engine.MaxScan), Logger: env.logger, Listing: listing}
		return w.Explain(ctx, q, env.stdout)
	}
	wanted := q.Filter.Query()
	wanted.Progress = listing
	var takes time.Duration
	summary, err := once.List(ctx, cfg, wanted, func(l once.Listed) { takes += readingTime(l.Key.Stream.Log(), l.Object.Size) })
	if err != nil {
		return err
	}
	text := fmt.Sprintf("would read %s (%s), which takes two cores some %s\n", counted(summary.Objects, "log object"), humanize.IBytes(uint64(summary.Bytes)), max(takes, time.Second).Round(time.Second))
	if n := lists.Load(); n > 0 {
		text += fmt.Sprintf("%s and %s: %s at list price\n", counted(n, "LIST request"), counted(summary.Objects, "GET request"),
			warehouse.Dollars(price.Dollars(price.Requests(map[string]int64{"ListObjectsV2": n, "GetObject": summary.Objects}))))
	}
	if _, err := io.WriteString(env.stdout, text); err != nil {
		return err
	}
	return checkRead(env.logger, summary)
}
