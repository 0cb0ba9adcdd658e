package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

// reading is one pass over what lies in some locations now: what report, events
// and backfill have in common.
type reading struct {
	locations []string
	aws       awsFlags
	query     once.Query
	consumer  once.Consumer
	// quiet: no progress is shown, as results are printed meanwhile that may come
	// to the same terminal.
	quiet bool
}

// What a consumer returns from Take when it has enough: no failure.
var errEnough = errors.New("enough was read")

// Why something is missing in what was printed.
var (
	errUnread      = errors.New("log objects could not be read; their requests are missing above")
	errInterrupted = errors.New("interrupted; what was not read until then is missing above")
)

// run reads, and then calls finish, which prints what was read, also if it was
// interrupted and if objects could not be read, which the error and the log tell.
func (r reading) run(ctx context.Context, env *environment, finish func() error) error {
	unread, err := r.scan(ctx, env)
	for _, u := range unread {
		env.logger.Error("object could not be read", "location", u.Location, "key", u.Key, "reason", u.Reason, "err", u.Err)
	}
	interrupted := ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
	if err != nil && !interrupted && !errors.Is(err, errEnough) {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	switch {
	case interrupted:
		return errInterrupted
	case len(unread) > 0:
		return fmt.Errorf("%d %w", len(unread), errUnread)
	}
	return nil
}

func (r reading) scan(ctx context.Context, env *environment) ([]*once.ObjectError, error) {
	places, err := parsePlaces(r.locations)
	if err != nil {
		return nil, err
	}
	locations, err := opener{aws: r.aws}.open(ctx, places)
	if err != nil {
		return nil, err
	}
	if !r.quiet {
		r.query.Progress = new(once.Progress)
		defer terminal.ShowProgress(env.stderr, func() terminal.Progress { return progressOf(r.query.Progress) })()
	}
	summary, err := once.Run(ctx, once.Config{
		Locations:    locations,
		Logger:       env.logger,
		DedupeWindow: dedupeWindow,
	}, r.query, r.consumer)
	return summary.Unread, err
}

func progressOf(p *once.Progress) terminal.Progress {
	found, complete := p.Listed()
	return terminal.Progress{Done: terminal.Amount(p.Done()), Found: terminal.Amount(found), Complete: complete}
}
