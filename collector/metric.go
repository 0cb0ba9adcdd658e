package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// metric is a series as one scrape shows it.
type metric struct {
	series *series
	state  *state
}

// Desc implements prometheus.Metric.
func (m *metric) Desc() *prometheus.Desc { return m.series.family.desc }

// Write implements prometheus.Metric. A series that is not released shows 0.
func (m *metric) Write(out *dto.Metric) error {
	out.Label = m.series.labels
	created := timestamppb.New(time.UnixMilli(m.state.created))
	switch m.series.family.kind {
	case kindCounter:
		out.Counter = &dto.Counter{Value: new(float64), CreatedTimestamp: created}
		if m.state.released {
			*out.Counter.Value = float64(m.state.value)
			out.Counter.Exemplar = m.state.exemplar.proto()
		}
	case kindInfo:
		// A copy, with room for one more: scrapes share the series' labels.
		out.Label = append(slices.Clip(m.series.labels), &dto.LabelPair{
			Name: new(LabelSigV4Default.String()), Value: new(m.state.verdict.String()),
		})
		out.Gauge = &dto.Gauge{Value: new(float64(1))}
	case kindHistogram:
		shown := m.state.duration
		if !m.state.released {
			shown = &histogram{}
		}
		out.Histogram = shown.proto()
		out.Histogram.CreatedTimestamp = created
	}
	return nil
}

// proto returns the exemplar as a scrape has it, or nil.
func (e *exemplar) proto() *dto.Exemplar {
	if e.requestID == "" {
		return nil
	}
	return &dto.Exemplar{
		Label:     []*dto.LabelPair{{Name: new("request_id"), Value: new(e.requestID)}},
		Value:     new(float64(e.value)),
		Timestamp: timestamppb.New(time.Unix(e.time, 0)),
	}
}
