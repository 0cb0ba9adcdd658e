package main

import (
	"sync"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// filtering counts the requests that match. It is a once.Consumer.
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

// NewTally implements once.Consumer.
func (f filtering) NewTally(location, key string) once.Tally {
	return &filteredTally{Tally: f.counting.NewTally(location, key), filtering: f}
}

// Take implements once.Consumer.
func (f filtering) Take(t once.Tally) error {
	return f.counting.Take(t.(*filteredTally).Tally) //nolint:errcheck // every tally is from NewTally
}

// filteredTally counts the requests of one object that match.
type filteredTally struct {
	once.Tally
	filtering  filtering
	classifier *classify.Classifier // from the first record to Done
}

// Add implements once.Tally.
func (t *filteredTally) Add(r *record.Record) {
	if t.classifier == nil {
		t.classifier = t.filtering.classifiers.Get().(*classify.Classifier) //nolint:errcheck // New makes nothing else
	}
	if class := t.classifier.Classify(r); t.filtering.match(r, &class) {
		t.Tally.Add(r)
	}
}

// Done implements once.Tally.
func (t *filteredTally) Done() int {
	if t.classifier != nil {
		t.filtering.classifiers.Put(t.classifier)
		t.classifier = nil
	}
	return t.Tally.Done()
}
