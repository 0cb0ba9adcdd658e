package collector

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

const requestsTotal = "s3_access_requests_total"

func TestNew_RefusesNegativeValues(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{SeriesLimit: -1}, "series limit -1 is negative"},
		{Config{SeriesTTL: -time.Second}, "series ttl -1s is negative"},
		{Config{SeriesHold: -time.Second}, "series hold -1s is negative"},
	} {
		if _, err := New(test.config); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestStage_ShowsNothingBeforeExpose(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	expose, err := c.Stage([]*Tally{tallyOf(c, request())}, store)
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, c, requestsTotal); got != 0 {
		t.Errorf("%d series before the commit", got)
	}
	store.commit()
	expose()
	if got := sum(t, c, requestsTotal); got != 1 {
		t.Errorf("%v requests after the commit, want 1", got)
	}
}

func TestStage_CountsOnceAfterAFailedCommit(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	commit(t, c, store, request())
	tallies := []*Tally{tallyOf(c, request(), request(sigV2)), tallyOf(c, request())}

	if _, err := c.Stage(tallies, store); err != nil {
		t.Fatal(err)
	}
	store.rollback() // the commit failed, expose is dropped
	store.fail = errCommit
	if _, err := c.Stage(tallies, store); !errors.Is(err, errCommit) {
		t.Fatalf("got %v, want the store's error", err)
	}
	store.rollback()
	store.fail = nil

	expose, err := c.Stage(tallies, store)
	if err != nil {
		t.Fatal(err)
	}
	store.commit()
	expose()
	for _, c := range []*Collector{c, store.load(t, Config{})} {
		if got := sum(t, c, requestsTotal); got != 4 {
			t.Errorf("%v requests, want 4", got)
		}
		if got := sum(t, c, "s3_access_request_duration_seconds"); got != 4 {
			t.Errorf("%v durations, want 4", got)
		}
		if got := sum(t, c, "s3_access_sigv2_requests_total"); got != 1 {
			t.Errorf("%v SigV2 requests, want 1", got)
		}
	}
}

func TestStage_NeedsNoStore(t *testing.T) {
	c := newCollector(t, Config{})
	expose, err := c.Stage([]*Tally{tallyOf(c, request(), request())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expose()
	if got := sum(t, c, requestsTotal); got != 2 {
		t.Errorf("%v requests, want 2", got)
	}
}

func TestCollector_ShowsTheSameAfterARestart(t *testing.T) {
	clock := newClock()
	config := Config{Now: clock.Now}
	c, store := newCollector(t, config), newMemStore()
	commit(t, c, store, mixed()...)
	before, after := gather(t, c), gather(t, store.load(t, config))
	for name, family := range before {
		if got, want := len(after[name].GetMetric()), len(family.GetMetric()); got != want {
			t.Fatalf("%s has %d series, want %d", name, got, want)
		}
		for i, m := range family.GetMetric() {
			if m.Counter != nil {
				m.Counter.Exemplar = nil // kept in memory only
			}
			if got, want := after[name].GetMetric()[i].String(), m.String(); got != want {
				t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
			}
		}
	}
}

func TestCollector_FoldsLabelSetsOverTheLimit(t *testing.T) {
	const limit = 3
	c, store := newCollector(t, Config{SeriesLimit: limit}), newMemStore()
	for i := range 10 {
		commit(t, c, store, request(fromIP(fmt.Sprintf("192.0.2.%d", i))))
	}
	const family = "s3_access_object_requests_total"
	if got := count(t, c, family); got != limit+1 {
		t.Errorf("%d series, want %d and the folded one", got, limit)
	}
	if got := sum(t, c, family); got != 10 {
		t.Errorf("%v requests, want 10", got)
	}
	if got := labelled(t, c, family, "source_ip", classify.Other); got != 7 {
		t.Errorf("%v requests folded, want 7", got)
	}
	if got := labelled(t, c, overflowName, "family", family); got != 7 {
		t.Errorf("%v records overflowed, want 7", got)
	}
	// One bucket: this family has room.
	if got := labelled(t, c, overflowName, "family", requestsTotal); got != 0 {
		t.Errorf("%v records of %s overflowed, want 0", got, requestsTotal)
	}
}

func TestCollector_FoldedLabelSetsAreBoundedToo(t *testing.T) {
	const limit = 3
	c, store := newCollector(t, Config{SeriesLimit: limit}), newMemStore()
	for i := range 30 {
		commit(t, c, store, request(inBucket(fmt.Sprintf("example-%d", i)), fromIP(fmt.Sprintf("192.0.2.%d", i))))
	}
	for family, most := range map[string]int{
		"s3_access_object_requests_total":    2*limit + 1,
		"s3_access_sent_bytes_total":         2*limit + 1,
		requestsTotal:                        limit + 1, // has nobody's name in it
		"s3_access_request_duration_seconds": limit + 1,
	} {
		if got := count(t, c, family); got != most {
			t.Errorf("%s has %d series, want %d", family, got, most)
		}
	}
	if got := labelled(t, c, requestsTotal, "bucket", classify.Other); got != 27 {
		t.Errorf("%v requests in bucket other, want 27", got)
	}
	for _, family := range []string{requestsTotal, "s3_access_object_requests_total", "s3_access_request_duration_seconds"} {
		if got := sum(t, c, family); got != 30 {
			t.Errorf("%s sums to %v, want 30", family, got)
		}
	}
}

func TestStage_ExposeEmptiesTheTallies(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	tally := tallyOf(c, request(), request(sigV2))
	for range 2 {
		stageAll(t, c, store, []*Tally{tally})
	}
	if got := tally.Done(); got != 0 {
		t.Errorf("the tally holds %d label sets", got)
	}
	if got := sum(t, c, requestsTotal); got != 2 {
		t.Errorf("%v requests, want 2", got)
	}
	// Those that come then have nothing in common.
	next, dropped := tallyOf(c, request()), tallyOf(c, request())
	dropped.Done()
	stageAll(t, c, store, []*Tally{next})
	if got := sum(t, c, requestsTotal); got != 3 {
		t.Errorf("%v requests, want 3", got)
	}
}

// labelled returns the sum of the series with a label value.
func labelled(t *testing.T, c *Collector, family, label, value string) float64 {
	t.Helper()
	var total float64
	for _, m := range gather(t, c)[family].GetMetric() {
		for _, pair := range m.GetLabel() {
			if pair.GetName() == label && pair.GetValue() == value {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

func TestCollector_OneVerdictForAClientVersion(t *testing.T) {
	boto3 := func(botocore string) record.Record {
		return request(func(r *record.Record) {
			r.UserAgent = []byte("Boto3/1.4.5 Python/3.6.1 Linux/4.9 Botocore/" + botocore)
		})
	}
	c, store := newCollector(t, Config{}), newMemStore()
	for _, step := range []struct{ botocore, want string }{
		{"1.5.80", "yes"},
		{"none", "unknown"}, // only boto3's version is left, and 1.4.5 goes with either
		{"1.5.60", "no"},
		{"1.5.80", "no"}, // the worse verdict stays
	} {
		commit(t, c, store, boto3(step.botocore))
		for _, c := range []*Collector{c, store.load(t, Config{})} {
			labels := only(t, c, "s3_access_client_info").GetLabel()
			if got := labels[2].GetValue(); got != step.want {
				t.Errorf("after botocore %s the verdict is %s, want %s", step.botocore, got, step.want)
			}
		}
	}
	for _, rows := range []int{1, maxRows} { // in one tally, also if it is forgetful
		c := forgetful(t, Config{}, rows)
		commit(t, c, newMemStore(), boto3("1.5.80"), boto3("1.5.60"), boto3("none"))
		labels := only(t, c, "s3_access_client_info").GetLabel()
		if got := labels[2].GetValue(); got != "no" {
			t.Errorf("%d rows: the verdict is %s, want no", rows, got)
		}
	}
}

// What is folded is of no single client, so its verdict is none of a client's.
func TestCollector_FoldedClientsHaveNoVerdict(t *testing.T) {
	outdated := func(version string) record.Record {
		return request(func(r *record.Record) { r.UserAgent = []byte("aws-cli/" + version) })
	}
	one, two := outdated("1.11.1"), outdated("1.11.2")
	for name, tallies := range map[string][][]record.Record{
		"one tally": {{one, two, one, two}}, "many tallies": {{one}, {two}, {one}, {two}},
	} {
		for _, rows := range []int{1, maxRows} {
			c := forgetful(t, Config{SeriesLimit: 1}, rows)
			for _, records := range tallies {
				commit(t, c, newMemStore(), records...)
			}
			verdicts := map[string]string{}
			for _, m := range gather(t, c)["s3_access_client_info"].GetMetric() {
				labels := m.GetLabel()
				verdicts[labels[0].GetValue()] = labels[2].GetValue()
			}
			if want := map[string]string{"aws-cli": "no", classify.Other: "unknown"}; !maps.Equal(verdicts, want) {
				t.Errorf("%s, %d rows: the verdicts are %v, want %v", name, rows, verdicts, want)
			}
		}
	}
}

// Every record here counts in three families, so a scrape that sees one commit
// half would have different sums.
func TestCollector_AScrapeSeesOneMoment(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			tally := tallyOf(c, request(inBucket(fmt.Sprintf("example-%d", i%17))), request())
			expose, err := c.Stage([]*Tally{tally}, store)
			if err != nil {
				t.Error(err)
				return
			}
			expose()
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		sums := sums(t, c)
		n := sums[requestsTotal]
		if sums["s3_access_object_requests_total"] != n || sums["s3_access_request_duration_seconds"] != n {
			t.Fatalf("sums of one scrape differ: %v", sums)
		}
	}
}
