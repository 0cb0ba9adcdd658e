package decodertest

import (
	"bytes"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Benchmark measures how long a Decoder takes for a log, of which every record must be
// sound.
func Benchmark(b *testing.B, d record.Decoder, log []byte) {
	decode := Decoding(b, d, log, nil)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		decode()
	}
}

// BenchmarkPassedOver measures how long two Decoders take for a log, one of them with a
// prefilter that wants nothing of it. It reports that one's part of the other's time.
func BenchmarkPassedOver(b *testing.B, f func() record.Decoder, log []byte) {
	b.SetBytes(int64(len(log)))
	passed, decoded := InTurn(b, Decoding(b, f(), log, never), Decoding(b, f(), log, nil))
	b.ReportMetric(passed/decoded, "x-decoder")
}

// Decoding returns a function that decodes a log once, with a prefilter or, if that is
// nil, without.
func Decoding(b *testing.B, d record.Decoder, log []byte, candidate func([]byte) bool) func() {
	source := bytes.NewReader(nil)
	d.Prefilter(candidate)
	return func() {
		source.Reset(log)
		d.Reset(source)
		for d.Next() {
			_ = d.Record()
		}
		if d.Err() != nil || d.Skipped().Malformed > 0 {
			b.Fatal(d.Err(), d.Skipped().First)
		}
	}
}

// InTurn measures one function, and side by side with it another one. It returns the
// time of each in seconds: of the fastest turn, for a busy machine only adds.
func InTurn(b *testing.B, measured, other func()) (measuredTime, otherTime float64) {
	fastest := func(before float64, f func()) float64 {
		start := time.Now()
		f()
		if t := time.Since(start).Seconds(); before == 0 || t < before {
			return t
		}
		return before
	}
	b.ReportAllocs()
	for b.Loop() {
		measuredTime = fastest(measuredTime, measured)
		b.StopTimer()
		otherTime = fastest(otherTime, other)
		b.StartTimer()
	}
	return measuredTime, otherTime
}
