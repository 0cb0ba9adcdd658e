package main

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// A dry run lists, and prints what would be read, how long that takes and what it costs.
func TestDryRun_ReadsNothing(t *testing.T) {
	store, location := startStuckStore(t, 3, 0) // whoever reads an object waits for ever
	got := runToEnd(t, append([]string{"report", "--dry-run"}, location...)...)
	const want = "would read 3 log objects (1.1 KiB), which takes two cores some 1s\n2 LIST requests and 3 GET requests: $0.00001 at list price\n"
	if got.code != exitOK || got.stdout != want || len(store.stuck) > 0 {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestReadingTime_IsThatOfTheSlowestPart(t *testing.T) {
	for _, test := range []struct {
		log  record.Log
		size int64
		want time.Duration
	}{
		{record.ServerAccess, lineSpeed, time.Second}, {record.CloudTrail, trailSpeed, time.Second}, {record.CloudTrail, 1, time.Second / objectSpeed}, {0, 2 * trailSpeed, 2 * time.Second},
	} {
		if got := readingTime(test.log, test.size); got != test.want {
			t.Errorf("%d bytes of %s take %v, want %v", test.size, test.log, got, test.want)
		}
	}
}
