package collector

import (
	"fmt"
	"testing"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestTally_IsBoundedByTheLimit(t *testing.T) {
	const limit, rows = 5, 10
	c, store := forgetful(t, Config{SeriesLimit: limit}, rows), newMemStore()
	var records []record.Record
	for i := range 200 {
		records = append(records, request(inBucket(fmt.Sprintf("example-%d", i)), fromIP(fmt.Sprintf("192.0.2.%d", i))))
	}
	tally := tallyOf(c, records...)
	if got, most := tally.Done(), int(familyCount)*(2*limit+2+rows); got > most {
		t.Errorf("a tally of %d label sets, want at most %d", got, most)
	}
	commit(t, c, store, records...)
	if got := sum(t, c, requestsTotal); got != 200 {
		t.Errorf("%v requests, want 200", got)
	}
	for _, family := range []string{requestsTotal, "s3_access_request_duration_seconds"} {
		if got := labelled(t, c, overflowName, "family", family); got != 200-limit {
			t.Errorf("%v records of %s overflowed, want each of %d once", got, family, 200-limit)
		}
	}
	commit(t, c, store, records...) // into the folded series that are there now
	if got := labelled(t, c, overflowName, "family", requestsTotal); got != 2*(200-limit) {
		t.Errorf("%v records overflowed, want each of %d once", got, 2*(200-limit))
	}
}

// A full Tally goes on counting in the series that it has, also records of which
// other labels are new.
func TestTally_FoldsNothingThatItHas(t *testing.T) {
	const limit = 2
	c := newCollector(t, Config{SeriesLimit: limit})
	one, two, three := fromIP("192.0.2.1"), fromIP("192.0.2.2"), fromIP("192.0.2.3")
	failed := func(r *record.Record) { r.Status = 500 }
	commit(t, c, newMemStore(), request(one), request(two), request(three), request(one, failed))
	const family = "s3_access_sent_bytes_total"
	for ip, want := range map[string]float64{"192.0.2.1": 2000, "192.0.2.2": 1000, classify.Other: 1000} {
		if got := labelled(t, c, family, "source_ip", ip); got != want {
			t.Errorf("%v bytes to %s, want %v", got, ip, want)
		}
	}
}

func TestTally_StartsEmptyOnAWorkbenchThatWasUsed(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	latest := func(r *record.Record) { r.Time, r.RequestID = r.Time+60, []byte("NEVERCOUNTED0000") }
	if series := tallyOf(c, request(sigV2), request(latest)).Done(); series == 0 {
		t.Error("a tally of two requests holds no series")
	}
	commit(t, c, store, request())
	exemplar := only(t, c, requestsTotal).GetCounter().GetExemplar()
	if got, want := exemplar.GetLabel()[0].GetValue(), string(request().RequestID); got != want {
		t.Errorf("exemplar is %s, want %s", got, want)
	}
	if sum(t, c, requestsTotal) != 1 || count(t, c, "s3_access_sigv2_requests_total") != 0 {
		t.Error("increments of a tally that was dropped were counted")
	}
}

// A Tally weighs its rows, its durations, and the series that it is the first to see.
func TestTally_ReturnsHowManyLabelSetsItHolds(t *testing.T) {
	c := newCollector(t, Config{})
	cache := newLabelCache(c.schemas, &c.config, maxRows)
	c.caches.make = func() *labelCache { return cache }
	const rows, durations, cells = 3, 3, 3 * (4 + 5) // five features are undetermined
	records := []record.Record{request(inBucket("a")), request(inBucket("b")), request(inBucket("c")), request(inBucket("a"))}
	for _, want := range []int{rows + durations + cells, rows + durations} {
		if got := tallyOf(c, records...).Done(); got != want {
			t.Errorf("a tally holds %d label sets, want %d", got, want)
		}
	}
}
