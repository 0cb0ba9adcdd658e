package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/history"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// The benchmarks in the files performance*_test.go hold the program against
// yardsticks that are measured in the same run, and report the ratio. It is one of
// CPU time, user and system, where nothing else is said.

// compare measures a program and its yardstick in turns, and reports the ratio of
// their fastest turns: a busy machine only adds to what they take. It returns what
// the program took.
func compare(b *testing.B, unit string, took func(func()) time.Duration, program, yardstick func()) (fastest time.Duration) {
	b.Helper()
	const never = time.Duration(math.MaxInt64)
	fastest, measure := never, never
	for b.Loop() {
		measure = min(measure, took(yardstick))
		fastest = min(fastest, took(program))
	}
	b.ReportMetric(float64(fastest)/float64(measure), unit)
	b.ReportMetric(float64(fastest), "ns/op") // of the program alone
	return fastest
}

// cpu returns the CPU time that the process takes for f.
func cpu(f func()) time.Duration {
	runtime.GC()
	before := cpuTime()
	f()
	return cpuTime() - before
}

// wall returns the time that f takes.
func wall(f func()) time.Duration {
	runtime.GC()
	before := time.Now()
	f()
	return time.Since(before)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// onCores lets Go run on n cores until the benchmark ends.
func onCores(b *testing.B, n int) {
	b.Helper()
	before := runtime.GOMAXPROCS(n)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// epoch is when the logs of all benchmarks begin.
var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// logs returns as many log objects, of CloudTrail or else server access logs as text, as
// have so many bytes decompressed. Each has perObject records at most.
func logs(b *testing.B, trails bool, perObject int, size int64) []fleet.Object {
	b.Helper()
	clients := fleet.New(fleet.Config{Seed: 1, Rate: 25 * perObject, ObjectRequests: perObject})
	var objects []fleet.Object
	for at := epoch; size > 0; at = at.Add(time.Second) {
		delivered, _ := clients.Deliver(at, at.Add(time.Second))
		for _, obj := range delivered {
			key := logkey.Parse(obj.Key)
			if key.Skip != "" {
				continue
			}
			if trails && key.Stream.Layout == logkey.Trail || !trails && key.Stream.Log() == record.ServerAccess && key.Stream.Form() == record.Text {
				objects = append(objects, obj)
				size -= int64(len(plain(b, obj.Body)))
			}
		}
	}
	return objects
}

// plain returns the decompressed bytes of a body.
func plain(b *testing.B, body []byte) []byte {
	b.Helper()
	if !bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	return content
}

// decompressed returns objects whose bodies are not compressed.
func decompressed(b *testing.B, objects []fleet.Object) []fleet.Object {
	b.Helper()
	objects = slices.Clone(objects)
	for i := range objects {
		objects[i].Body = plain(b, objects[i].Body)
	}
	return objects
}

// gunzip decompresses objects, one after the other, as fast as can be.
func gunzip(b *testing.B, objects []fleet.Object) {
	b.Helper()
	var z gzip.Reader
	in := new(bytes.Reader)
	for _, obj := range objects {
		in.Reset(obj.Body)
		if err := z.Reset(in); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, &z); err != nil {
			b.Fatal(err)
		}
	}
}

// bucketOf returns a bucket in memory that holds objects.
func bucketOf(objects []fleet.Object) *sourcetest.Fake {
	bucket := new(sourcetest.Fake)
	for _, obj := range objects {
		bucket.Put(obj.Key, obj.Body, epoch)
	}
	return bucket
}

// enough is a Consumer that calls done once so many objects are counted.
type enough struct {
	counting
	objects int
	done    func()
}

func (e *enough) Stage(tallies []scanner.Tally, store scanner.Store) (func(), error) {
	expose, err := e.counting.Stage(tallies, store)
	if err != nil {
		return nil, err
	}
	return func() {
		expose()
		if e.objects -= len(tallies); e.objects == 0 {
			e.done()
		}
	}, nil
}

// catchUp counts so many objects of a location into a new checkpoint, as serve
// does when it is started for the first time.
func catchUp(b *testing.B, src source.Source, objects, concurrency int) {
	b.Helper()
	state, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoint.db"))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err = scanner.New(scanner.Config{
		Locations:    []source.Location{{Name: "s3://example-logs", Source: src, Store: "aws/example-logs"}},
		Consumer:     &enough{counting: counting{newCounters(b)}, objects: objects, done: cancel},
		Metrics:      scanner.NewMetrics(prometheus.NewRegistry()),
		Checkpoint:   state,
		DedupeWindow: dedupeWindow,
		Concurrency:  concurrency,
		// More often than by default, so that the last commit is not waited for.
		CommitInterval: 250 * time.Millisecond,
	}).Run(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := state.Close(); err != nil {
		b.Fatal(err)
	}
}

func newCounters(b *testing.B) *collector.Collector {
	b.Helper()
	counters, err := collector.New(collector.Config{SeriesLimit: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	return counters
}

func newMetrics(b *testing.B) *history.Metrics {
	b.Helper()
	counters, err := history.NewMetrics(classify.Config{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	return counters
}
