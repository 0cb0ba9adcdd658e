package collector

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// manyRecords returns records of n label sets: a tenth as many requesters, each
// at ten addresses.
func manyRecords(n int) []record.Record {
	records := make([]record.Record, n)
	for i := range records {
		requester := fmt.Appendf(nil, "arn:aws:sts::444455556666:assumed-role/example-service-%d/i-0a1b2c3d4e5f60718", i/10)
		records[i] = request(inBucket(fmt.Sprintf("example-bucket-%d", i%10)), fromIP(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)),
			func(r *record.Record) { r.Requester, r.RequestID = requester, fmt.Appendf(nil, "K2F4M6P8%08d", i) })
	}
	return records
}

// flood returns n records of which no two have the same requester, address or
// user agent, as long as those of real requests.
func flood(n int) []record.Record {
	records := manyRecords(n)
	for i := range records {
		records[i].Signature = record.SigV2
		records[i].Requester = fmt.Appendf(nil, "arn:aws:iam::444455556666:user/example-user-%d", i)
		records[i].UserAgent = fmt.Appendf(nil, "aws-cli/1.%d.%d Python/2.7.12 Linux/4.4.0 botocore/1.5.53", i>>8, i&255)
	}
	return records
}

// heap returns the bytes that are in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // pools are emptied at the second
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkTally_FloodMemory reports what a Tally holds until it is staged, when
// every record has a label set of its own.
func BenchmarkTally_FloodMemory(b *testing.B) {
	records := flood(50_000)
	c := newCollector(b, Config{SeriesLimit: 10_000})
	for b.Loop() {
		before := heap()
		tally := tallyOf(c, records...)
		series := tally.Done()
		b.ReportMetric(float64(heap()-before)/float64(series), "B/series")
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		runtime.KeepAlive(tally)
	}
	runtime.KeepAlive(records)
}

// BenchmarkCollector_Memory100kSeries reports what a series costs, at rest and
// while a scrape is under way.
func BenchmarkCollector_Memory100kSeries(b *testing.B) {
	records := manyRecords(50_000)
	for b.Loop() {
		before := heap()
		c := newCollector(b, Config{})
		expose, err := c.Stage([]*Tally{tallyOf(c, records...)}, discard{})
		if err != nil {
			b.Fatal(err)
		}
		expose()
		registry := prometheus.NewRegistry()
		registry.MustRegister(c)
		series := float64(held(c))
		b.ReportMetric(series, "series")
		b.ReportMetric(float64(heap()-before)/series, "B/series")
		families, err := registry.Gather()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/series, "scraped-B/series")
		runtime.KeepAlive(families)
		runtime.KeepAlive(registry)
	}
	runtime.KeepAlive(records)
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

// What was learned goes from one Tally to the next. To learn it anew takes 2,500
// allocations; the race detector lets a pool lose a quarter of what it gets.
func TestTally_GoesOnWhereTheLastOneEnded(t *testing.T) {
	c, records := newCollector(t, Config{}), manyRecords(200)
	allocations := testing.AllocsPerRun(50, func() {
		tally := tallyOf(c, records...)
		tally.Done()
		expose, err := c.Stage([]*Tally{tally}, nil)
		if err != nil {
			t.Fatal(err)
		}
		expose()
	})
	if allocations > 1500 {
		t.Errorf("%v allocations for %d label sets that were seen before", allocations, len(records))
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

// BenchmarkTally_Flood is what a record costs that nothing is remembered of.
func BenchmarkTally_Flood(b *testing.B) {
	records := flood(100_000)
	c := newCollector(b, Config{SeriesLimit: 10_000})
	b.ReportAllocs()
	for b.Loop() {
		tallyOf(c, records...).Done()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

// BenchmarkCollector_Objects is what a record costs from decoded to shown, in log
// objects of 1500 records and some 300 label sets, most of whose texts are known.
func BenchmarkCollector_Objects(b *testing.B) {
	const objects, perObject, labelSets, sessions = 8, 1500, 300, 200
	rng := rand.New(rand.NewPCG(5, 6))
	world := append(mixed(), manyRecords(labelSets)...)
	records := make([]record.Record, 0, objects*perObject)
	for range objects * perObject {
		n := rng.IntN(len(world))
		r := world[n]
		if len(r.Requester) > 0 {
			r.Requester = fmt.Appendf(nil, "arn:aws:sts::444455556666:assumed-role/example-%d/i-%017x", n%5, rng.IntN(sessions))
		}
		r.RequestID = fmt.Appendf(nil, "%016X", rng.Uint64())
		records = append(records, r)
	}
	c := newCollector(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		for object := range slices.Chunk(records, perObject) {
			expose, err := c.Stage([]*Tally{tallyOf(c, object...)}, nil)
			if err != nil {
				b.Fatal(err)
			}
			expose()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
	b.ReportMetric(float64(held(c)), "series")
}

func BenchmarkCollector_Stage10kSeries(b *testing.B) {
	c := newCollector(b, Config{})
	records := manyRecords(5000) // of which two families have a series each
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		tally := tallyOf(c, records...)
		b.StartTimer()
		expose, err := c.Stage([]*Tally{tally}, discard{})
		if err != nil {
			b.Fatal(err)
		}
		expose()
	}
	b.ReportMetric(float64(held(c)), "series")
}

// discard is a Store that keeps nothing.
type discard struct{}

func (discard) Put(_, _ []byte) error { return nil }
func (discard) Delete(_ []byte) error { return nil }

// BenchmarkCollector_Collect100kSeries reports what a scrape costs, as a
// multiple of what it costs client_golang to gather as many plain counters.
func BenchmarkCollector_Collect100kSeries(b *testing.B) {
	c := newCollector(b, Config{})
	commit(b, c, newMemStore(), manyRecords(50_000)...)
	own, plain := gatherer(c), gatherer(plainCounters(held(c)))
	var took [2]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, registry := range []*prometheus.Registry{own, plain} {
			start := time.Now()
			if _, err := registry.Gather(); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(held(c)), "series")
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-client_golang")
}

func gatherer(c prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	return registry
}

// plainCounters returns n counters of client_golang's, with labels as ours.
func plainCounters(n int) prometheus.Collector {
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "s3_access_object_requests_total", Help: "As many labels as ours have.",
	}, []string{"log", "bucket", "operation", "outcome", "requester", "source_ip", "client", "client_version"})
	for i := range n {
		counters.WithLabelValues("server_access", fmt.Sprintf("example-%d", i%10), "GetObject", "success",
			"arn:aws:sts::444455556666:assumed-role/uploader", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255),
			"aws-cli", "1.11.90").Inc()
	}
	return counters
}
