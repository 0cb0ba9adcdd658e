package scanner_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

var restartStreams = flag.Int("restart.streams", 1000, "streams of BenchmarkScanner_Restart; 14 objects each")

// How long it takes until a Scanner is ready again that has read all of a directory with
// many streams: -restart.streams=20000 is what is promised to take 10 s at most.
func BenchmarkScanner_Restart(b *testing.B) {
	dir, path := b.TempDir(), filepath.Join(b.TempDir(), "state.db")
	for i := range *restartStreams {
		for n := range 14 {
			at := time.Now().Add(-time.Duration(n)*97*time.Minute - time.Duration(i%60+5)*time.Minute)
			key := logtest.PartitionedKey(fmt.Sprintf("logs/%012d/eu-west-1/b%d/", i/20, i), at, "0123456789ABCDEF")
			file := filepath.Join(dir, filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(file, logtest.AccessLog(at, key), 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	src, err := dirsource.New(dir)
	if err != nil {
		b.Fatal(err)
	}
	run := func() {
		state, err := checkpoint.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s := scanner.New(scanner.Config{
			Locations:  []source.Location{{Name: dir, Store: src.Store(), Source: src}},
			Consumer:   &consumer{counts: make(map[string]int), hook: func() {}},
			Metrics:    scanner.NewMetrics(prometheus.NewRegistry()),
			Checkpoint: state,
			Since:      24 * time.Hour,
		})
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		for s.Ready() != nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if err := state.Close(); err != nil {
			b.Fatal(err)
		}
	}
	run()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N)/float64(*restartStreams)*1e6, "µs/stream")
}
