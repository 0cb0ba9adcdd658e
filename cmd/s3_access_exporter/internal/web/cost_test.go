package web

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
)

func TestCost_FollowsTheListPrices(t *testing.T) {
	status := scanner.Status{Requests: map[string]int64{"ListObjectsV2": 1000, "GetObject": 1000, "HeadBucket": 1000, "HeadObject": 1000}}
	if got, want := costOf(status), (cost{Total: 0.0062}); got != want {
		t.Errorf("before the start: %v, want %v", got, want)
	}
	status.Time = statusTime
	status.Recent = scanner.Usage{Since: before(59 * time.Second), Objects: 1000, Requests: status.Requests}
	if got, want := costOf(status), (cost{Total: 0.0062}); got != want {
		t.Errorf("in the first minute: %v, want %v", got, want)
	}
	status.Recent = scanner.Usage{Since: before(12 * time.Hour), Objects: 200, Requests: map[string]int64{"ListObjectsV2": 300, "GetObject": 200}}
	if got, want := costOf(status), (cost{Total: 0.0062, PerDay: 0.00316, PerMonth: 0.0948, ListsPerObject: 1.5}); got != want {
		t.Errorf("after half a day: %v, want %v", got, want)
	}
	status.Recent.Objects = 0
	if got := costOf(status); got.ListsPerObject != 0 || got.PerDay == 0 {
		t.Errorf("without an object: %v", got)
	}
}

func TestFormatSpan_UsesTheLargestUnits(t *testing.T) {
	for seconds, want := range map[int64]string{
		0: "0 s", 59: "59 s", 60: "1 min", 3599: "59 min", 3600: "1 h", 3661: "1 h 1 min",
		47*3600 + 59*60: "47 h 59 min", 48 * 3600: "2 d", 51*3600 + 59: "2 d 3 h", 1500 * 24 * 3600: "1,500 d",
	} {
		if got := formatSpan(seconds); got != want {
			t.Errorf("%d seconds: %q, want %q", seconds, got, want)
		}
	}
}

func TestFormatUSD_IsReadable(t *testing.T) {
	for dollars, want := range map[float64]string{
		0: "$0.0000", 0.00001: "< $0.0001", 0.0062: "$0.0062", 0.99994: "$0.9999", 1: "$1.00", 1234567.891: "$1,234,567.89",
	} {
		if got := formatUSD(dollars); got != want {
			t.Errorf("%v dollars: %q, want %q", dollars, got, want)
		}
	}
}
