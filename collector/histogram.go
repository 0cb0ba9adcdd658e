package collector

import (
	"iter"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Durations are counted twice: in native buckets, each 2^(1/8) wider than the
// one before (an error of at most 4.4 %), and in a few classic ones for servers
// that do not scrape native histograms.
const (
	nativeSchema = 3
	// nativeZero is the width of the zero bucket, client_golang's default.
	nativeZero = 0x1p-128
)

// nativeBounds are the upper bounds of the native buckets between 0.5 and 1:
// 2^(i/8)/2, rounded as client_golang and Prometheus have them.
var nativeBounds = [1 << nativeSchema]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// nativeBelow is, for each sixteenth of that way, the number of bounds below it.
// In none there is more than one bound.
var nativeBelow = [1 << sixteenthBits]uint8{0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8}

const sixteenthBits = 4

// classicBounds are the upper bounds of the classic buckets in milliseconds.
// S3 answers small requests within some 100 ms to 200 ms
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html),
// so the bounds separate metadata requests from these, and both from transfers of
// large objects.
var classicBounds = [...]int64{10, 100, 1_000, 10_000}

// histogram counts durations. Its size is bounded: an int64 of milliseconds
// falls into one of some 500 native buckets.
type histogram struct {
	count   uint64
	sum     uint64 // milliseconds
	zero    uint64 // durations of 0 ms
	classic [len(classicBounds)]uint64
	// native counts, from the bucket with the index first on, the durations up to
	// 2^(index/8) s and above the bound of the index before. It covers whole
	// octaves.
	native []uint64
	first  int32
}

// observe counts a duration in milliseconds, not negative.
func (h *histogram) observe(ms int64) {
	h.count++
	h.sum = record.AddSaturating(h.sum, uint64(ms))
	for i, bound := range classicBounds {
		if ms <= bound {
			h.classic[i]++
			break
		}
	}
	if ms == 0 {
		h.zero++
		return
	}
	h.add(nativeIndex(ms), 1)
}

// nativeIndex returns the index of the native bucket of a positive duration in
// milliseconds.
func nativeIndex(ms int64) int32 {
	const perSecond, mantissaBits, bias = 1000, 52, 1023
	seconds := float64(ms) / perSecond // normal, so its bits are the octave and the place in it
	bits := math.Float64bits(seconds)
	octave := int32(bits>>mantissaBits) - bias
	fraction := math.Float64frombits(bits&(1<<mantissaBits-1) | (bias-1)<<mantissaBits) // 0.5 to 1
	bound := int32(nativeBelow[bits>>(mantissaBits-sixteenthBits)%(1<<sixteenthBits)])
	if int(bound) < len(nativeBounds) && nativeBounds[bound] < fraction {
		bound++
	}
	return octave<<nativeSchema + bound
}

// add counts n durations in the native bucket index.
func (h *histogram) add(index int32, n uint64) {
	at := int(index - h.first)
	if uint(at) >= uint(len(h.native)) {
		at = h.widen(index)
	}
	h.native[at] += n
}

// widen makes the native buckets cover the octave of an index, and returns its
// place in them.
func (h *histogram) widen(index int32) (at int) {
	const octave = 1 << nativeSchema
	start := index &^ (octave - 1)
	switch {
	case len(h.native) == 0:
		h.first = start
	case start < h.first:
		h.native = slices.Insert(h.native, 0, make([]uint64, h.first-start)...)
		h.first = start
	}
	if missing := int(start-h.first) + octave - len(h.native); missing > 0 {
		h.native = append(h.native, make([]uint64, missing)...)
	}
	return int(index - h.first)
}

// buckets are the native buckets that counted something, by index.
func (h *histogram) buckets() iter.Seq2[int32, uint64] {
	return func(yield func(int32, uint64) bool) {
		for i, n := range h.native {
			if n > 0 && !yield(h.first+int32(i), n) {
				return
			}
		}
	}
}

// merge adds what another histogram counted.
func (h *histogram) merge(more *histogram) {
	h.count += more.count
	h.sum = record.AddSaturating(h.sum, more.sum)
	h.zero += more.zero
	for i, n := range more.classic {
		h.classic[i] += n
	}
	for index, n := range more.buckets() {
		h.add(index, n)
	}
}

// reset makes h an empty histogram, which keeps its memory.
func (h *histogram) reset() {
	clear(h.native)
	*h = histogram{native: h.native, first: h.first}
}

func (h *histogram) clone() *histogram {
	copied := *h
	copied.native = slices.Clone(h.native)
	return &copied
}

// proto returns the histogram as a scrape has it, in seconds.
func (h *histogram) proto() *dto.Histogram {
	const perSecond = 1000
	out := &dto.Histogram{
		SampleCount:   new(h.count),
		SampleSum:     new(float64(h.sum) / perSecond),
		Schema:        new(int32(nativeSchema)),
		ZeroThreshold: new(float64(nativeZero)),
		ZeroCount:     new(h.zero),
	}
	var cumulative uint64
	for i, bound := range classicBounds {
		cumulative += h.classic[i]
		out.Bucket = append(out.Bucket, &dto.Bucket{
			UpperBound:      new(float64(bound) / perSecond),
			CumulativeCount: new(cumulative),
		})
	}
	// Spans are runs of buckets without a gap; counts are differences.
	var next int32
	var last uint64
	for index, n := range h.buckets() {
		if len(out.PositiveSpan) == 0 || index != next {
			out.PositiveSpan = append(out.PositiveSpan, &dto.BucketSpan{
				Offset: new(index - next), Length: new(uint32(0)),
			})
		}
		span := out.PositiveSpan[len(out.PositiveSpan)-1]
		*span.Length++
		out.PositiveDelta = append(out.PositiveDelta, int64(n-last))
		next, last = index+1, n
	}
	return out
}
