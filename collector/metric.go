package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// metric is a series as one scrape shows it.
type metric struct {
	series *series
	state  state
}

// Desc implements prometheus.Metric.
func (m *metric) Desc() *prometheus.Desc { return m.series.schema.desc }

// Write implements prometheus.Metric. A series that is not released shows 0.
func (m *metric) Write(out *dto.Metric) error {
	out.Label = m.series.labels
	switch m.series.schema.kind {
	case KindCounter:
		out.Counter = m.counter()
	case KindInfo:
		// A copy, with room for more: scrapes share the series' labels.
		out.Label = append(slices.Clip(m.series.labels),
			&dto.LabelPair{Name: new(classify.LabelSigV4Default.String()), Value: new(m.state.client.sigv4.String())},
			&dto.LabelPair{Name: new(classify.LabelSupport.String()), Value: new(m.state.client.support.String())})
		out.Gauge = &dto.Gauge{Value: new(float64(1))}
	case KindHistogram:
		shown := m.state.duration
		if !m.state.released {
			shown = &histogram{}
		}
		out.Histogram = shown.proto()
		out.Histogram.CreatedTimestamp = timestamppb.New(time.UnixMilli(m.state.created))
	}
	return nil
}

// counter returns what a counter shows. Its parts are allocated at once, as a
// scrape makes them by the hundred thousand.
func (m *metric) counter() *dto.Counter {
	parts := &struct {
		counter dto.Counter
		created timestamppb.Timestamp
		value   float64
	}{}
	created := time.UnixMilli(m.state.created)
	parts.created.Seconds, parts.created.Nanos = created.Unix(), int32(created.Nanosecond())
	parts.counter.CreatedTimestamp, parts.counter.Value = &parts.created, &parts.value
	if m.state.released {
		parts.value = float64(m.state.value)
		parts.counter.Exemplar = m.state.exemplar.proto()
	}
	return &parts.counter
}

// proto returns the exemplar as a scrape has it, or nil.
func (e *exemplar) proto() *dto.Exemplar {
	if e.requestID == "" {
		return nil
	}
	parts := &struct {
		exemplar  dto.Exemplar
		time      timestamppb.Timestamp
		pair      dto.LabelPair
		labels    [1]*dto.LabelPair
		name      string
		requestID string
		value     float64
	}{}
	parts.time.Seconds, parts.value = e.time, float64(e.value)
	parts.name, parts.requestID = "request_id", e.requestID
	parts.pair.Name, parts.pair.Value = &parts.name, &parts.requestID
	parts.labels[0] = &parts.pair
	parts.exemplar.Label = parts.labels[:]
	parts.exemplar.Timestamp, parts.exemplar.Value = &parts.time, &parts.value
	return &parts.exemplar
}
