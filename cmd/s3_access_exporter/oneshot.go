package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

// oneShot is what the commands have in common that look once at what lies in some
// locations now: report, events and backfill.
type oneShot struct {
	Locations []string `arg:"" optional:"" name:"location" help:"${location_help}"`

	Engine       engineFlags `embed:""`
	Filter       filterFlags `embed:""`
	RecordFormat recordForm  `name:"record-format" group:"Filters" env:"-" placeholder:"FORMAT" help:"Of server access logs, only those in this format: text or json. CloudTrail is read in any case."`

	Scan readFlags `embed:"" prefix:"scan."`
	AWS  awsFlags  `embed:"" prefix:"aws."`
}

// asked is what a command makes of the requests that its filters ask for.
type asked struct {
	labels classify.Config // the labels that filters match
	needs  engine.Needs
	sink   engine.Sink
	finish func() error // prints what the sink has taken
	// quiet: no progress is shown, as results are printed meanwhile that may come
	// to the same terminal.
	quiet bool
}

// errInterrupted is why something is missing in what was printed.
var errInterrupted = errors.New("interrupted; what was not read until then is missing above")

// run asks an engine, and prints what was read, also if it was interrupted and if
// objects could not be read, which the error and the log report.
func (o *oneShot) run(ctx context.Context, env *environment, a asked) error {
	filter, err := o.Filter.filter(a.labels)
	if err != nil {
		return err
	}
	question := &engine.Question{Filter: filter, Needs: a.needs}
	if o.Engine.DryRun {
		return o.dryRun(ctx, env, question)
	}
	summary, err := o.ask(ctx, env, question, a)
	enough := errors.Is(err, engine.ErrEnough)
	for _, u := range summary.Unread {
		env.logger.Error("object could not be read", "location", u.Location, "key", u.Key, "reason", u.Reason, "err", u.Err)
	}
	warnOfSkipped(env.logger, summary)
	warnOfDoubles(env.logger, summary)
	warnOfFarApart(env.logger, summary)
	interrupted := ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
	var partial *engine.PartialError
	unlisted := errors.As(err, new(*once.ListError))
	some := errors.As(err, &partial) || summary.Objects > 0 && unlisted
	if err != nil && !interrupted && !enough && !some {
		if unlisted || errors.As(err, new(*location.CheckError)) {
			env.lastLine = "looked at " + summaryText(summary, false)
		}
		return err
	}
	candidates := filter.Query().Prefilter != nil || o.Engine.Engine != engineScan && a.needs.Limit > 0
	looked := "looked at"
	if enough {
		looked = "stopped at --limit; read to their ends:"
	}
	env.lastLine = looked + " " + summaryText(summary, candidates)
	if err := a.finish(); err != nil {
		return err
	}
	switch {
	case interrupted:
		return errInterrupted
	case enough && len(summary.Unread) == 0:
		return nil // what else lies there was not looked at
	case enough:
		return unreadError(summary.Unread)
	}
	if partial != nil && summary.Objects == 0 {
		return partial // nothing else lies there
	}
	nothing := checkRead(env.logger, summary)
	switch {
	case len(summary.Unread) > 0 && err != nil:
		return fmt.Errorf("%w; %w", unreadError(summary.Unread), err)
	case len(summary.Unread) > 0:
		return unreadError(summary.Unread)
	case err != nil:
		return err
	}
	return nothing
}

// unreadError returns why something is missing if objects could not be read.
func unreadError(unread []*once.ObjectError) error {
	text := "1 log object could not be read; its requests are missing above"
	if n := len(unread); n > 1 {
		text = fmt.Sprint(n, " log objects could not be read; their requests are missing above")
	}
	if slices.ContainsFunc(unread, func(u *once.ObjectError) bool { return errors.As(u, new(*once.TooLargeError)) }) {
		text += "; larger ones are read with --scan.max-object-size"
	}
	return errors.New(text)
}

// open opens the locations, and returns how to read them.
func (o *oneShot) open(ctx context.Context, env *environment, opener location.Opener) (once.Config, error) {
	named, err := env.locations(o.Locations, o.AWS, o.RecordFormat)
	if err != nil {
		return once.Config{}, err
	}
	check := location.Check
	if o.Engine.Engine == engineScan { // which reads one location without the others
		check = location.CheckSome
	}
	locations, err := opener.Open(ctx, named)
	if err == nil {
		err = check(ctx, locations)
	}
	return once.Config{
		Locations:     locations,
		Logger:        env.logger,
		DedupeWindow:  dedupeWindow,
		MaxObjectSize: int64(o.Scan.MaxObjectSize),
		Concurrency:   o.Scan.Concurrency,
	}, err
}

// ask puts a question to the engine, and shows its progress.
func (o *oneShot) ask(ctx context.Context, env *environment, q *engine.Question, a asked) (*once.Summary, error) {
	cfg, err := o.open(ctx, env, location.Opener{})
	if err != nil {
		return new(once.Summary), err
	}
	if o.Engine.Engine != engineScan {
		return o.askWarehouse(ctx, env, cfg, q, a)
	}
	scan := engine.Scan{Config: cfg, Progress: new(once.Progress)}
	if !a.quiet {
		defer terminal.ShowProgress(env.stderr, func() terminal.Progress { return progressOf(scan.Progress) })()
	}
	return env.engine(&scan).Run(ctx, q, a.sink)
}

func progressOf(p *once.Progress) terminal.Progress {
	found, complete := p.Listed()
	return terminal.Progress{Done: terminal.Amount(p.Done()), Found: terminal.Amount(found), Complete: complete}
}
