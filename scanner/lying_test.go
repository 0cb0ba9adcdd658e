package scanner_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// lying is a Source in place of which a proxy answers listings: that nothing lies there.
type lying struct {
	source.Source
	lies int // how many more
}

func (l *lying) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	if l.lies > 0 {
		l.lies--
		return func(func(source.Object, error) bool) {}
	}
	return l.Source.List(ctx, prefix, startAfter)
}

func TestScanner_AFirstListingOfNothingIsNotBelievedAtOnce(t *testing.T) {
	for lies := range 2 {
		inBubble(t, func(r *rig) {
			r.config.Since = 24 * time.Hour
			r.store = &lying{r.bucket, lies}
			r.put(began.Add(-100*time.Hour), "A", "old")
			r.put(began.Add(-time.Hour), "B", "new")
			r.start()
			r.wait(48 * time.Hour)
			r.expect("new")
		})
	}
}

// What begins in an empty bucket counts from its first object on, whenever it comes.
func TestScanner_WhatComesIntoAnEmptyBucketCounts(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = time.Hour
		r.start()
		r.wait(time.Second) // one search
		r.put(began.Add(-time.Minute), "A", "early")
		r.stop()
		time.Sleep(96 * time.Hour)
		r.put(began.Add(time.Minute), "B", "later")
		r.start()
		r.wait(time.Hour)
		r.expect("early", "later")
		r.put(began.Add(-30*time.Hour), "C", "late")
		r.wait(48 * time.Hour)
		r.expect("early", "later", "late")
	})
}
