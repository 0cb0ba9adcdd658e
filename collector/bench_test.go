package collector

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// manyRecords returns records of n label sets.
func manyRecords(n int) []record.Record {
	records := make([]record.Record, n)
	for i := range records {
		records[i] = request(inBucket(fmt.Sprintf("example-%d", i%10)), fromIP(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)))
	}
	return records
}

func TestTally_AddAllocatesNothingForWhatItHasSeen(t *testing.T) {
	c := newCollector(t, Config{})
	records := append(mixed(), manyRecords(100)...)
	tally := tallyOf(c, records...)
	allocations := testing.AllocsPerRun(10, func() {
		for i := range records {
			tally.Add(&records[i])
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for %d records, want 0", allocations, len(records))
	}
}

func BenchmarkTally_Add(b *testing.B) {
	tally := newCollector(b, Config{}).NewTally()
	records := append(mixed(), manyRecords(100)...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tally.Add(&records[i%len(records)])
	}
}

func BenchmarkCollector_Stage10kSeries(b *testing.B) {
	c := newCollector(b, Config{})
	tally := tallyOf(c, manyRecords(5000)...) // of which two families have a series each
	b.ReportAllocs()
	for b.Loop() {
		expose, err := c.Stage([]*Tally{tally}, discard{})
		if err != nil {
			b.Fatal(err)
		}
		expose()
	}
	b.ReportMetric(float64(len(c.series)), "series")
}

// discard is a Store that keeps nothing.
type discard struct{}

func (discard) Put(_, _ []byte) error { return nil }
func (discard) Delete(_ []byte) error { return nil }

func BenchmarkCollector_Collect100kSeries(b *testing.B) {
	c := newCollector(b, Config{})
	commit(b, c, newMemStore(), manyRecords(50_000)...)
	benchmarkGather(b, c)
}

// BenchmarkClientGolang_Collect100kSeries is what the same number of plain
// counters costs.
func BenchmarkClientGolang_Collect100kSeries(b *testing.B) {
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "s3_access_object_requests_total", Help: "As many labels as ours have.",
	}, []string{"log", "bucket", "operation", "outcome", "requester", "source_ip", "client", "client_version"})
	for i := range 100_000 {
		counters.WithLabelValues("server_access", fmt.Sprintf("example-%d", i%10), "GetObject", "success",
			"arn:aws:sts::444455556666:assumed-role/uploader", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255),
			"aws-cli", "1.11.90").Inc()
	}
	benchmarkGather(b, counters)
}

func benchmarkGather(b *testing.B, c prometheus.Collector) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		families, err := registry.Gather()
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		for _, family := range families {
			n += len(family.GetMetric())
		}
	}
	b.ReportMetric(float64(n), "series")
}
