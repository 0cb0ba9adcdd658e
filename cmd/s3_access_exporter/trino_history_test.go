//go:build integration

package main

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

var historySize = flag.Int64("trino.history", 6, "megabytes of decompressed logs, half of each kind, of which Trino and the scanner report")

// A history of weeks, of both logs, is the same to Trino as to the built-in scanner.
func TestTrino_AHistoryIsTheScanners(t *testing.T) {
	server := startTrino(t)
	bucket := filepath.Join(t.TempDir(), "history")
	left := map[record.Log]int64{record.ServerAccess: *historySize * 500_000, record.CloudTrail: *historySize * 500_000}
	put := inTables(func(t *testing.T, key string, body []byte) {
		t.Helper()
		log := logkey.Parse(key).Stream.Log()
		if left[log] <= 0 {
			return
		}
		left[log] -= int64(len(unpacked(t, body)))
		if err := writeObject(filepath.Join(bucket, key), body); err != nil {
			t.Fatal(err)
		}
	})
	for day := 0; left[record.ServerAccess] > 0 || left[record.CloudTrail] > 0; day++ {
		clients := fleet.New(fleet.Config{Seed: uint64(day), Rate: 25, ObjectRequests: 100})
		at := time.Date(2026, 10, 1+day, 12, 0, 0, 0, time.UTC)
		for range 30 { // seconds
			delivered, _ := clients.Deliver(at, at.Add(time.Second))
			for _, obj := range delivered {
				if logkey.Parse(obj.Key).Skip == "" {
					put(t, obj.Key, obj.Body)
				}
			}
			at = at.Add(time.Second)
		}
	}
	server.createTables(t, bucket)
	for _, args := range [][]string{
		{"report", "-o", "csv", "--top=0", bucket},
		{"report", "--by", "day,log,signature,requester,source_ip,client_version", "-o", "csv", "--top=0", bucket},
	} {
		want := runToEnd(t, args...)
		got := server.run(t, args...)
		if got.stdout != want.stdout || got.code != want.code || want.code != exitOK {
			t.Errorf("%q: exit code %d, want %d; %s\n%s", args, got.code, want.code, golden.FirstDifference(got.stdout, want.stdout), got.stderr)
		}
	}
}
