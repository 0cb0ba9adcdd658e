package collector

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Totals write what a Collector counts that shows everything at once, however their records
// are shared out to Counts.
func TestTotals_WriteWhatACollectorCounts(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		records := append(mixed(), randomRecords(rng, 300)...)
		for i := range 60 { // of some the duration is known, of others of the same series it is not
			records = append(records, request(func(r *record.Record) { r.Duration = []int64{record.Unknown, int64(i)}[rng.IntN(2)] }))
		}
		for _, hostile := range []string{"a\"\\\nb", "\xff", "", "ü{}"} {
			records = append(records, request(inBucket(hostile), sigV2))
		}
		c, totals := newCollector(t, Config{}), newTotals(t)
		commit(t, c, newMemStore(), records...)
		for len(records) > 0 {
			count := totals.NewCount()
			n := 1 + rng.IntN(len(records))
			for i := range records[:n] {
				count.Add(&records[i], records[i].Weight())
			}
			if count.Done() == 0 {
				t.Error("a Count of records holds no label sets")
			}
			totals.Take(count)
			records = records[n:]
		}
		if got, want := textOf(t, totals), registryText(t, c); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// Nothing changes if there are more label sets than a Count remembers, and more values than
// 64 bits can number.
func TestTotals_HaveNoLimit(t *testing.T) {
	c, totals := newCollector(t, Config{}), newTotals(t)
	var records []record.Record
	const many = maxRows + maxRows/4
	for i := range many {
		records = append(records, request(inBucket(fmt.Sprint("b", i%4000)), sigV2, func(r *record.Record) {
			r.SourceIP = fmt.Appendf(nil, "10.0.%d.%d", i>>8, i&255)
			r.Requester = fmt.Appendf(nil, "arn:aws:iam::111122223333:user/u%d", i*7919%many)
			r.UserAgent = fmt.Appendf(nil, "aws-cli/1.%d.%d", i%200, i/200)
			r.Operation = fmt.Appendf(nil, "REST.GET.X%d", i*31%many)
		}))
	}
	records = append(records, records[:maxRows/2]...)
	commit(t, c, newMemStore(), records...)
	count := totals.NewCount()
	for i := range records {
		count.Add(&records[i], records[i].Weight())
	}
	count.Done()
	totals.Take(count)
	if got, want := textOf(t, totals), registryText(t, c); !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, want %d", len(got), len(want))
	}
}

// A record that stands for many requests counts what these count one by one.
func TestTotals_WeightedRecordsCountAsTheirRequests(t *testing.T) {
	const times = 1000
	single, weighted := newTotals(t), newTotals(t)
	one, many := single.NewCount(), weighted.NewCount()
	for _, r := range []record.Record{
		request(), request(sigV2), request(func(r *record.Record) { r.Duration = 0 }),
		request(func(r *record.Record) { r.SentBytes, r.ReceivedBytes, r.Duration = record.Unknown, 7, record.Unknown }),
	} {
		w := r.Weight()
		for range times {
			one.Add(&r, w)
		}
		w.Requests *= times
		if w.SentBytes != record.Unknown {
			w.SentBytes *= times
		}
		w.ReceivedBytes *= times
		many.Add(&r, w)
	}
	one.Done()
	many.Done()
	single.Take(one)
	weighted.Take(many)
	if got, want := textOf(t, weighted), textOf(t, single); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTotals_OfNothingAreEmpty(t *testing.T) {
	totals := newTotals(t)
	empty := totals.NewCount()
	if empty.Done() != 0 {
		t.Error("an empty Count holds label sets")
	}
	totals.Take(empty)
	if got := textOf(t, totals); len(got) > 0 {
		t.Errorf("%s", got)
	}
}

func TestTotals_ReturnTheErrorOfTheirWriter(t *testing.T) {
	totals := newTotals(t)
	count := totals.NewCount()
	r := request()
	count.Add(&r, r.Weight())
	count.Done()
	totals.Take(count)
	reader, writer := io.Pipe()
	_ = reader.CloseWithError(io.ErrShortWrite)
	if err := totals.WriteText(writer); err != io.ErrShortWrite { //nolint:errorlint // it is that one
		t.Error(err)
	}
}

func newTotals(t *testing.T) *Totals {
	t.Helper()
	totals, err := NewTotals(classify.Config{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return totals
}

func textOf(t *testing.T, totals *Totals) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := totals.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// registryText returns what a Registry gathers of a Collector's requests, as text.
func registryText(t *testing.T, c *Collector) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, family := range gatheredOf(t, c) {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// gatheredOf returns the families of a Collector's requests as a Registry gathers them.
func gatheredOf(t *testing.T, c *Collector) []*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(family *dto.MetricFamily) bool {
		name := family.GetName()
		return name == seriesName || name == overflowName || name == limitName || name == countedName
	})
}
