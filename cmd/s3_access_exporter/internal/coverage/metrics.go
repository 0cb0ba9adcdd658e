package coverage

import (
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// Metrics shows how buckets are logged, as it was found last: no bucket before that.
// Its methods may be called from any goroutine.
type Metrics struct {
	logging *prometheus.Desc
	newest  *prometheus.Desc
	tailed  *prometheus.Desc
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
		newest: prometheus.NewDesc("s3_access_bucket_logging_newest_timestamp_seconds",
			"When the newest object of the bucket's access log was written, or all that its trails record was delivered last, in seconds since 1970; 0: not for a year.",
			[]string{"account_id", "aws_region", "bucket", "log"}, nil),
		tailed: prometheus.NewDesc("s3_access_bucket_tailed",
			"Whether the exporter's locations read all requests to the bucket that are in a log that comes: 1 or 0.",
			[]string{"account_id", "aws_region", "bucket"}, nil),
		success: prometheus.NewDesc("s3_access_exporter_coverage_last_success_timestamp_seconds",
			"When it was last found out which buckets are logged, in seconds since 1970; 0: not since the start.", nil, nil),
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
	descs <- m.newest
	descs <- m.tailed
	descs <- m.success
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	buckets, at := m.Last()
	metrics <- prometheus.MustNewConstMetric(m.success, prometheus.GaugeValue, seconds(at))
	for i := range buckets {
		m.collect(&buckets[i], metrics)
	}
}

// collect shows a bucket. The row of an account whose buckets nobody may list has no
// name, and so an empty label.
func (m *Metrics) collect(b *Bucket, metrics chan<- prometheus.Metric) {
	show := func(desc *prometheus.Desc, value float64, more ...string) {
		labels := append([]string{b.AccountID, b.Region, b.Name}, more...)
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	show(m.logging, 1, accessLog, b.AccessScope().String())
	show(m.logging, 1, cloudTrail, b.Trail.Scope.String())
	if b.Access.Scope == ScopeAll && b.Access.Unseen == "" {
		show(m.newest, seconds(b.Access.Newest), accessLog)
	}
	if b.Trail.Scope > ScopeUnknown {
		show(m.newest, seconds(b.Trail.Newest), cloudTrail)
	}
	if b.Tailed != nil && max(b.AccessScope(), b.Trail.Scope) > ScopeUnknown {
		tailed := 1.0
		if b.Missed {
			tailed = 0
		}
		show(m.tailed, tailed)
	}
}

// The values of the label log.
const (
	accessLog  = "server_access"
	cloudTrail = "cloudtrail"
)

// seconds returns the seconds since 1970; 0 for no time at all.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
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
