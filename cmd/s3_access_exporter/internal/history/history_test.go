package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestSeriesKey_SortsBySeriesAndStep(t *testing.T) {
	var keys []string
	for _, series := range []string{"\x00a\xff", "\x00ab\xff", "\x01a\xff"} {
		for _, step := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			key := appendStep([]byte(series), step)
			if gotSeries, gotStep := splitKey(key); string(gotSeries) != series || gotStep != step {
				t.Errorf("%q at %d is %q at %d", series, step, gotSeries, gotStep)
			}
			keys = append(keys, string(key))
		}
	}
	for at := range slices.Chunk(keys, 5) {
		if !slices.IsSorted(at) {
			t.Errorf("%q", at)
		}
	}
}

func TestHistory_NeedsNoMoreMemoryForMoreSeriesAndSteps(t *testing.T) {
	written := func(memory int) string {
		h := New(Config{Step: 60})
		defer h.Close()
		h.total = h.newSums(memory)
		random := rand.New(rand.NewPCG(1, 2))
		classifier := classify.NewClassifier(classify.Config{})
		for range 20 {
			b := h.NewBatch()
			for range 100 {
				r := record.Record{
					Log: record.ServerAccess, Time: 1_768_464_000 + random.Int64N(3600), Bucket: []byte("example-photos"),
					Operation: []byte("REST.GET.OBJECT"), Key: []byte("a"), Signature: record.SigV2, SourceIP: fmt.Appendf(nil, "192.0.2.%d", random.IntN(100)),
					SentBytes: random.Int64N(1000), ReceivedBytes: record.Unknown, Duration: random.Int64N(1000),
				}
				class := classifier.Classify(&r)
				b.Add(&query.Entry{Record: &r, Class: &class, Weight: r.Weight()})
			}
			if err := h.Take(b); err != nil {
				t.Fatal(err)
			}
		}
		var text strings.Builder
		if err := h.Write(&text, []Label{{Name: "job", Value: "s3_access_exporter"}}); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if few, many := written(10_000), written(1<<30); few != many || !strings.HasSuffix(few, "\n# EOF\n") {
		t.Error("the history depends on the memory")
	}
}
