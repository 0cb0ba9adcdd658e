package history

import (
	"io"

	"github.com/prometheus/common/expfmt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Metrics counts entries in the metric families of requests, whenever they came. It is
// an engine.Sink. Every series is held in memory, and none is held back.
type Metrics struct {
	counters *collector.Collector
}

var _ engine.Sink = (*Metrics)(nil)

// NewMetrics returns Metrics in which nothing was counted, with labels of the given
// detail, and of what AWS turns off the given features.
func NewMetrics(labels classify.Config, legacy classify.Features) (*Metrics, error) {
	counters, err := collector.New(collector.Config{Labels: labels, Legacy: legacy})
	if err != nil {
		return nil, err
	}
	return &Metrics{counters}, nil
}

// Needs returns what Metrics look at in an entry. They read its labels from the Record.
func (*Metrics) Needs() engine.Needs { return familyNeeds() }

// familyNeeds returns what decides in which series of the families an entry counts, and
// how much.
func familyNeeds() engine.Needs {
	needs := engine.Needs{Fields: query.LabelFields(), Durations: true}
	for _, family := range collector.Families() {
		needs.Traits |= family.Traits()
	}
	return needs
}

// metricsBatch is what one batch counts.
type metricsBatch struct{ *collector.Tally }

// NewBatch implements engine.Sink.
func (m *Metrics) NewBatch() engine.Batch { return metricsBatch{m.counters.NewTally()} }

// Add implements engine.Batch. A request by itself leaves an exemplar.
func (b metricsBatch) Add(e *query.Entry) {
	if e.Weight == e.Record.Weight() {
		b.Tally.Add(e.Record)
	} else {
		b.AddWeighted(e.Record, e.Weight)
	}
}

// Take implements engine.Sink.
func (m *Metrics) Take(taken engine.Batch) error {
	tally := taken.(metricsBatch).Tally //nolint:errcheck // every batch is from NewBatch
	expose, err := m.counters.Stage([]*collector.Tally{tally}, nil)
	if err != nil {
		return err
	}
	expose()
	return nil
}

// Print prints the families of requests as exposition text.
func (m *Metrics) Print(w io.Writer) error {
	for family := range m.counters.Gathered() {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}
