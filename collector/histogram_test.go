package collector

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// referenceHistogram is client_golang's histogram with our buckets.
func referenceHistogram() prometheus.Histogram {
	var buckets []float64
	for _, ms := range classicBounds {
		buckets = append(buckets, float64(ms)/1000)
	}
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:                        "reference",
		Buckets:                     buckets,
		NativeHistogramBucketFactor: math.Exp2(math.Exp2(-nativeSchema)),
	})
}

func TestHistogram_HasTheBucketsOfClientGolang(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	durations := []int64{0, 0, 1, 2, 3, 9, 10, 11, 99, 100, 101, 125, 250, 500, 1000, 1001, 2000, 10_000, 10_001, 1 << 40, math.MaxInt64}
	for range 5000 {
		durations = append(durations, int64(math.Exp(rng.Float64()*15)))
	}
	for _, cut := range []int{0, 1, 2, 3, 21, len(durations)} {
		var h histogram
		reference := referenceHistogram()
		for _, ms := range durations[:cut] {
			h.observe(ms)
			reference.Observe(float64(ms) / 1000)
		}
		var want dto.Metric
		if err := reference.Write(&want); err != nil {
			t.Fatal(err)
		}
		got := h.proto()
		if math.Abs(got.GetSampleSum()-want.Histogram.GetSampleSum()) > 1e-9*want.Histogram.GetSampleSum() {
			t.Errorf("sum is %v, want %v", got.GetSampleSum(), want.Histogram.GetSampleSum())
		}
		got.SampleSum, want.Histogram.SampleSum = nil, nil
		want.Histogram.CreatedTimestamp = nil
		if got.String() != normal(want.Histogram).String() {
			t.Errorf("%d durations: got\n%v\nwant\n%v", cut, got, want.Histogram)
		}
	}
}

// normal rewrites a histogram as ours is written: client_golang fills small gaps
// between spans with empty buckets.
func normal(h *dto.Histogram) *dto.Histogram {
	var filled histogram
	index, n, next := int32(0), int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			n += h.GetPositiveDelta()[next]
			next++
			if n > 0 {
				filled.add(index, uint64(n))
			}
			index++
		}
	}
	rewritten := filled.proto()
	h.PositiveSpan, h.PositiveDelta = rewritten.PositiveSpan, rewritten.PositiveDelta
	return h
}

// searchedIndex is nativeIndex as client_golang finds it.
func searchedIndex(ms int64) int32 {
	fraction, exponent := math.Frexp(float64(ms) / 1000)
	return int32(sort.SearchFloat64s(nativeBounds[:], fraction) + (exponent-1)*len(nativeBounds))
}

// Indexes never fall as durations grow, so it is enough to compare where they rise.
func TestNativeIndex_IsThatOfClientGolangForEveryDuration(t *testing.T) {
	if got, want := nativeIndex(1), searchedIndex(1); got != want {
		t.Fatalf("1 ms has the index %d, want %d", got, want)
	}
	for index := searchedIndex(1); index < searchedIndex(math.MaxInt64); index++ {
		first := int64(1) // of a higher index
		for above := int64(math.MaxInt64); first < above; {
			if middle := first + (above-first)/2; searchedIndex(middle) > index {
				above = middle
			} else {
				first = middle + 1
			}
		}
		for _, ms := range []int64{first - 1, first} {
			if got, want := nativeIndex(ms), searchedIndex(ms); got != want {
				t.Errorf("%d ms has the index %d, want %d", ms, got, want)
			}
		}
	}
	if got, want := nativeIndex(math.MaxInt64), searchedIndex(math.MaxInt64); got != want {
		t.Errorf("the longest duration has the index %d, want %d", got, want)
	}
	for ms := int64(1); ms < 1<<20; ms++ {
		if got, want := nativeIndex(ms), searchedIndex(ms); got != want {
			t.Fatalf("%d ms has the index %d, want %d", ms, got, want)
		}
	}
}

func TestHistogram_ResetForgetsEverything(t *testing.T) {
	var used, fresh histogram
	for _, ms := range []int64{0, 3, 70, 5000, math.MaxInt64} {
		used.observe(ms)
	}
	used.reset()
	for _, ms := range []int64{0, 1, 400} {
		used.observe(ms)
		fresh.observe(ms)
	}
	if got, want := used.proto().String(), fresh.proto().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkHistogram_Observe(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 9))
	var durations [1024]int64
	for i := range durations {
		durations[i] = int64(math.Exp(rng.Float64() * 10))
	}
	var h histogram
	for i := 0; b.Loop(); i++ {
		h.observe(durations[i%len(durations)])
	}
}

func TestHistogram_MergeIsTheSameAsObserving(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var all, merged histogram
	for range 50 {
		var part histogram
		for range rng.IntN(20) {
			ms := rng.Int64N(1 << rng.IntN(40))
			all.observe(ms)
			part.observe(ms)
		}
		merged.merge(&part)
	}
	if got, want := merged.proto().String(), all.proto().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistogram_CloneIsIndependent(t *testing.T) {
	var h histogram
	h.observe(5)
	copied := h.clone()
	copied.observe(5)
	copied.observe(7000)
	if h.count != 1 || !slices.Equal(h.native, []uint64{0, 0, 0, 1, 0, 0, 0, 0}) {
		t.Errorf("changed with its clone: %+v", h)
	}
}

func TestHistogram_SizeIsBounded(t *testing.T) {
	var h histogram
	for exponent := range 63 {
		for step := range int64(64) {
			h.observe(int64(1)<<exponent + step<<exponent/64)
		}
	}
	if len(h.native) > 512 {
		t.Errorf("%d native buckets", len(h.native))
	}
}
