package history

import (
	"io"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Metrics counts entries in the metric families of requests, whenever they came. It is
// an engine.Sink. Every label set is held in memory.
type Metrics struct {
	totals *collector.Totals
}

var _ engine.Sink = (*Metrics)(nil)

// NewMetrics returns Metrics in which nothing was counted, with labels of the given
// detail, and of what AWS turns off the given features.
func NewMetrics(labels classify.Config, legacy classify.Features) (*Metrics, error) {
	totals, err := collector.NewTotals(labels, legacy)
	if err != nil {
		return nil, err
	}
	return &Metrics{totals}, nil
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
type metricsBatch struct{ *collector.Count }

// NewBatch implements engine.Sink.
func (m *Metrics) NewBatch() engine.Batch { return metricsBatch{m.totals.NewCount()} }

// Add implements engine.Batch.
func (b metricsBatch) Add(e *query.Entry) { b.Count.Add(e.Record, e.Weight) }

// Take implements engine.Sink.
func (m *Metrics) Take(taken engine.Batch) error {
	m.totals.Take(taken.(metricsBatch).Count) //nolint:errcheck // every batch is from NewBatch
	return nil
}

// Print prints the families of requests as exposition text.
func (m *Metrics) Print(w io.Writer) error { return m.totals.WriteText(w) }
