package main

import (
	"sync"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// filtering counts the requests that match. It is a scanner.Consumer.
type filtering struct {
	counting
	match       func(*record.Record, *classify.Class) bool
	classifiers *sync.Pool // of *collector.Classifier
}

func newFiltering(
	counters *collector.Collector, match func(*record.Record, *classify.Class) bool, labels classify.Config,
) filtering {
	return filtering{
		counting:    counting{counters},
		match:       match,
		classifiers: &sync.Pool{New: func() any { return classify.NewClassifier(labels) }},
	}
}

// NewTally implements scanner.Consumer.
func (f filtering) NewTally(location, key string) scanner.Tally {
	return &filteredTally{Tally: f.counting.NewTally(location, key), filtering: f}
}

// Stage implements scanner.Consumer.
func (f filtering) Stage(tallies []scanner.Tally, store scanner.Store) (func(), error) {
	counted := make([]scanner.Tally, len(tallies))
	for i, t := range tallies {
		counted[i] = t.(*filteredTally).Tally //nolint:errcheck // every tally is from NewTally
	}
	return f.counting.Stage(counted, store)
}

// filteredTally counts the requests of one object that match.
type filteredTally struct {
	scanner.Tally
	filtering  filtering
	classifier *classify.Classifier // from the first record to Done
}

// Add implements scanner.Tally.
func (t *filteredTally) Add(r *record.Record) {
	if t.classifier == nil {
		t.classifier = t.filtering.classifiers.Get().(*classify.Classifier) //nolint:errcheck // New makes nothing else
	}
	if class := t.classifier.Classify(r); t.filtering.match(r, &class) {
		t.Tally.Add(r)
	}
}

// Done implements scanner.Tally.
func (t *filteredTally) Done() int {
	if t.classifier != nil {
		t.filtering.classifiers.Put(t.classifier)
		t.classifier = nil
	}
	return t.Tally.Done()
}
