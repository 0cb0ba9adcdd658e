package once

import (
	"context"
	"log/slog"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// taker hands on what was read. It belongs to the goroutine that called Run.
type taker struct {
	consumer Consumer
	logger   *slog.Logger
	window   *dedupe.Window
	results  *reader.Results[struct{}]
	summary  *Summary
	finder   *twice.Finder
	nearness nearness
	failed   error // of the Consumer; nothing is handed on after it
}

func (t *taker) take(ctx context.Context, r *result) {
	if t.failed != nil || ctx.Err() != nil && r.Err != nil {
		return // not the object, but the end of ctx made it fail
	}
	ready, failed := t.results.Pass(r)
	for _, r := range ready {
		if t.failed == nil {
			t.count(r)
		}
	}
	for _, r := range failed {
		if r.Err.Reason == reader.ReasonShared { // the object itself is sound
			t.take(ctx, t.results.ReadAgain(ctx, r.Job))
			continue
		}
		t.summary.Unread = append(t.summary.Unread, r.Err)
		t.summary.foundIn(r.Location.Name)
	}
}

func (t *taker) count(r *result) {
	if r.Skip != "" {
		t.summary.skip(r)
		if r.Skip == logkey.SkipOtherForm { // it is a log object, though none that was asked for
			t.summary.foundIn(r.Location.Name)
		}
		return
	}
	if t.failed = t.consumer.Take(r.Tally); t.failed != nil {
		return
	}
	t.nearness.take(r.Location.Name, r.Key, r.Events(), t.window.Forgotten())
	t.window.Commit([]*dedupe.Claim{&r.Claim})
	t.summary.add(r)
	from := r.Key.Stream
	t.finder.Take(twice.Place{Location: r.Location.Name, Stream: from.Prefix, Form: from.Form().String()}, &r.Sample, time.Time{})
	r.LogSkipped(t.logger)
}
