package collector

import (
	"math"
	"math/rand/v2"
	"slices"
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
	if h.count != 1 || len(h.native) != 1 || h.native[0].count != 1 {
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
	if !slices.IsSortedFunc(h.native, func(a, b nativeBucket) int { return int(a.index) - int(b.index) }) {
		t.Error("buckets out of order")
	}
}

func TestAddSaturating_NeverFalls(t *testing.T) {
	if got := addSaturating(math.MaxUint64-1, 5); got != math.MaxUint64 {
		t.Errorf("got %d", got)
	}
}
