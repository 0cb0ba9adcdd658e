package scanner

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/shard"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Metrics are the exporter's metrics on itself. Their counters begin at 0 with
// each start, those of the collector do not.
type Metrics struct {
	objects        *prometheus.CounterVec
	records        *prometheus.CounterVec
	bytes          *prometheus.CounterVec
	skippedObjects *prometheus.CounterVec
	skippedRecords *prometheus.CounterVec
	newSchema      *prometheus.CounterVec
	doubleCounted  prometheus.Gauge
	objectErrors   *prometheus.CounterVec
	changedObjects *prometheus.CounterVec
	quarantined    prometheus.Gauge
	pending        prometheus.Gauge
	late           *prometheus.CounterVec
	newestEvent    *prometheus.GaugeVec
	lastPoll       *prometheus.GaugeVec
	lastPollOK     *prometheus.GaugeVec
	delay          prometheus.Histogram
	requests       *prometheus.CounterVec
	commitDuration prometheus.Histogram
	commitFailures prometheus.Counter
	checkpointSize prometheus.Gauge
	shardIndex     prometheus.Gauge
	shards         atomic.Int64 // how many share the streams
	shardCount     prometheus.UntypedFunc
}

// The values of the label "change" of s3_access_exporter_changed_objects_total.
const (
	changeSize    = "size"
	changeContent = "content"
)

const namespace = "s3_access_exporter"

// NewMetrics returns Metrics that are registered with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		objects:        counter("log_objects_total", "Log objects that were read to their end and counted.", "log"),
		records:        counter("log_records_total", "Records of S3 requests in the log objects that were counted.", "log"),
		bytes:          counter("log_bytes_total", "Bytes of the log objects that were counted, as stored.", "log"),
		skippedObjects: counter("skipped_objects_total", "Objects of a location that are no log objects, by what they are instead.", "reason"),
		skippedRecords: counter("skipped_records_total", "Records in counted log objects that are no requests to S3, were counted already, or could not be understood.", "log", "reason"),
		newSchema:      counter("new_schema_records_total", "Records that were counted although the version of their schema is not known: with what they held in the versions before.", "log"),
		doubleCounted:  gauge("double_counted_buckets", "Buckets whose requests were found in two places that are both read, as text and as JSON for example, so that each counts twice."),
		objectErrors:   counter("object_errors_total", "Failed attempts to read a log object, by reason.", "reason"),
		changedObjects: counter("changed_objects_total", "Objects that were seen before and have changed since, by what has: the size, or only the content. What was counted stays counted.", "change"),
		quarantined:    gauge("quarantined_objects", "Log objects that cannot be read and are tried again at the next start, or once they change."),
		pending:        gauge("pending_objects", "Log objects that could not be read yet and are tried again."),
		late:           counter("late_objects_total", "Log objects that appeared below an object that was already listed.", "log"),
		newestEvent: gaugeVec("newest_event_timestamp_seconds",
			"Time of the newest request that was counted, in seconds since 1970.", "location", "log"),
		lastPoll:   gaugeVec("last_poll_timestamp_seconds", "When the location was last listed without an error, or when its first listing began if none has ended so, in seconds since 1970.", "location"),
		lastPollOK: gaugeVec("last_poll_success", "Whether the last listing of the location was without an error.", "location"),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "delivery_delay_seconds",
			Help:    "Age of the newest request of each log object at the moment in which it was counted.",
			Buckets: []float64{60, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600},

			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		requests: counter("s3_api_requests_total", "HTTP requests sent to S3 for the logs and the checkpoint, retries included, by operation.", "operation"),
		commitDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "checkpoint_commit_duration_seconds",
			Help:    "Time that a commit of the checkpoint took.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10},

			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		commitFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "checkpoint_commit_failures_total",
			Help: "Failed attempts to write the checkpoint.",
		}),
		checkpointSize: gauge("checkpoint_size_bytes", "Size of the checkpoint's file."),
		shardIndex:     gauge("shard_index", "Which of the shards that share the streams this one is, from 0 on."),
	}
	// It is no gauge, as Prometheus' linter leaves the suffix _count to histograms among all
	// metrics that have a type.
	m.shardCount = prometheus.NewUntypedFunc(prometheus.UntypedOpts{
		Namespace: namespace, Name: "shard_count", Help: "How many shards share the streams.",
	}, func() float64 { return float64(m.shards.Load()) })
	m.begin()
	reg.MustRegister(m.objects, m.records, m.bytes, m.skippedObjects, m.skippedRecords, m.newSchema, m.doubleCounted, m.objectErrors, m.changedObjects, m.quarantined,
		m.pending, m.late, m.newestEvent, m.lastPoll, m.lastPollOK, m.delay, m.requests, m.commitDuration, m.commitFailures, m.checkpointSize,
		m.shardIndex, m.shardCount)
	return m
}

// begin makes the series of all known label values, so that they are 0 before anything
// happens.
func (m *Metrics) begin() {
	for _, log := range record.Logs() {
		for _, vec := range []*prometheus.CounterVec{m.objects, m.records, m.bytes, m.late, m.newSchema} {
			vec.WithLabelValues(log.String())
		}
		for reason := range (record.Skipped{}).All() {
			m.skippedRecords.WithLabelValues(log.String(), string(reason))
		}
	}
	for _, operation := range []string{"ListObjectsV2", "GetObject", "HeadBucket"} {
		m.requests.WithLabelValues(operation)
	}
	for _, reason := range logkey.SkipReasons() {
		m.skippedObjects.WithLabelValues(string(reason))
	}
	for _, change := range []string{changeSize, changeContent} {
		m.changedObjects.WithLabelValues(change)
	}
	for _, reason := range reader.Reasons() {
		m.objectErrors.WithLabelValues(string(reason))
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// showShard shows which part of the streams is tailed.
func (m *Metrics) showShard(s shard.Shard) {
	m.shardIndex.Set(float64(s.Index))
	m.shards.Store(int64(max(s.Count, 1)))
}

// CountRequest counts one HTTP request to S3, such as "GetObject", that AWS
// bills. It may be called from many goroutines at once.
func (m *Metrics) CountRequest(operation string) { m.requests.WithLabelValues(operation).Inc() }

// CountCommitFailure counts an attempt to write the checkpoint that has failed, and that its
// Update has made again by itself. It may be called from many goroutines at once.
func (m *Metrics) CountCommitFailure() { m.commitFailures.Inc() }

// usage returns what was requested and counted since the start, until now.
func (m *Metrics) usage(now time.Time) Usage {
	u := Usage{Since: now, Requests: countsOf(m.requests)}
	for _, n := range countsOf(m.objects) {
		u.Objects += n
	}
	return u
}

// uncounted returns what was found since the start that is not counted.
func (m *Metrics) uncounted() UncountedStatus {
	u := UncountedStatus{
		GoneObjects:    countOf(m.objectErrors.WithLabelValues(string(source.ReasonGone))),
		ResizedObjects: countOf(m.changedObjects.WithLabelValues(changeSize)),
	}
	for _, log := range record.Logs() {
		u.MalformedRecords += countOf(m.skippedRecords.WithLabelValues(log.String(), string(record.SkipMalformed)))
	}
	return u
}

func countOf(c prometheus.Counter) int64 {
	var sample dto.Metric
	_ = c.Write(&sample) // a counter's never fails
	return int64(sample.GetCounter().GetValue())
}

// countsOf returns the counts of a vector by its one label.
func countsOf(vec *prometheus.CounterVec) map[string]int64 {
	counters := make(chan prometheus.Metric)
	go func() {
		vec.Collect(counters)
		close(counters)
	}()
	counts := make(map[string]int64)
	for counter := range counters {
		var sample dto.Metric
		if counter.Write(&sample) == nil { // a counter's never fails
			counts[sample.GetLabel()[0].GetValue()] = int64(sample.GetCounter().GetValue())
		}
	}
	return counts
}

// counted shows an object that was read and committed.
func (m *Metrics) counted(r *result) {
	log := r.Log().String()
	m.objects.WithLabelValues(log).Inc()
	for _, l := range record.Logs() {
		m.records.WithLabelValues(l.String()).Add(float64(r.RecordsOf(l)))
	}
	m.newSchema.WithLabelValues(log).Add(float64(r.NewSchema))
	m.bytes.WithLabelValues(log).Add(float64(r.Object.Size))
	for reason, n := range r.Skipped.All() {
		m.skippedRecords.WithLabelValues(log, string(reason)).Add(float64(n))
	}
	if r.State.late {
		m.late.WithLabelValues(log).Inc()
	}
	if r.Newest > 0 {
		m.delay.Observe(max(0, time.Since(time.Unix(r.Newest, 0)).Seconds()))
	}
}

// failing shows how an object's failure changed; the zero Failure is none.
func (m *Metrics) failing(before, after checkpoint.Failure) {
	count := func(f checkpoint.Failure, n float64) {
		switch {
		case f.Quarantined:
			m.quarantined.Add(n)
		case f.Attempts > 0:
			m.pending.Add(n)
		}
	}
	count(before, -1)
	count(after, 1)
}
