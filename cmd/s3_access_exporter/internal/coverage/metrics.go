package coverage

import (
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// Metrics shows how buckets are logged, as it was found last. It shows nothing before
// that. Its methods may be called from any goroutine.
type Metrics struct {
	logging *prometheus.Desc
	success *prometheus.Desc

	mu      sync.Mutex
	buckets []Bucket  // guarded by mu; replaced, never changed
	at      time.Time // guarded by mu
}

// NewMetrics returns Metrics that show nothing yet.
func NewMetrics() *Metrics {
	return &Metrics{
		logging: prometheus.NewDesc("s3_access_bucket_logging",
			"Always 1: how much of the bucket's object requests a log holds, as AWS's settings show it.",
			[]string{"account_id", "aws_region", "bucket", "log", "scope"}, nil),
		success: prometheus.NewDesc("s3_access_exporter_coverage_last_success_timestamp_seconds",
			"When it was last found out which buckets are logged, in seconds since 1970.", nil, nil),
	}
}

// Set takes what was found, which must not be changed any more.
func (m *Metrics) Set(buckets []Bucket, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buckets, m.at = buckets, at
}

// Last returns what was found last, and when; nothing before the first time.
func (m *Metrics) Last() ([]Bucket, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buckets, m.at
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.logging
	descs <- m.success
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	buckets, at := m.Last()
	if at.IsZero() {
		return
	}
	metrics <- prometheus.MustNewConstMetric(m.success, prometheus.GaugeValue, float64(at.UnixMilli())/1000)
	for i := range buckets {
		b := &buckets[i]
		if b.Name == "" {
			continue // the account's row, of which no bucket is known
		}
		metrics <- prometheus.MustNewConstMetric(m.logging, prometheus.GaugeValue, 1,
			b.AccountID, b.Region, b.Name, "server_access", b.Access.Scope.String())
		metrics <- prometheus.MustNewConstMetric(m.logging, prometheus.GaugeValue, 1,
			b.AccountID, b.Region, b.Name, "cloudtrail", b.Trail.Scope.String())
	}
}

// Print prints what was found as exposition text.
func (m *Metrics) Print(w io.Writer) error {
	registry := prometheus.NewRegistry()
	if err := registry.Register(m); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}
