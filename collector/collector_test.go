package collector

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

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

func TestCollector_HoldsANewSeriesAtZero(t *testing.T) {
	clock := newClock()
	config := Config{SeriesHold: 2 * time.Minute, Now: clock.Now}
	c, store := newCollector(t, config), newMemStore()

	commit(t, c, store, request())
	wantHeld(t, c)
	clock.advance(time.Minute)
	commit(t, c, store, request())
	wantHeld(t, c)
	if c.Due() {
		t.Error("due before the hold is over")
	}

	clock.advance(time.Minute)
	if !c.Due() {
		t.Fatal("not due when the hold is over")
	}
	wantHeld(t, c) // until the release is committed
	expose, err := c.Stage(nil, store)
	if err != nil {
		t.Fatal(err)
	}
	wantHeld(t, c)
	store.commit()
	expose()
	if got := sum(t, c, requestsTotal); got != 2 {
		t.Errorf("%v requests after the hold, want 2", got)
	}
	if only(t, c, requestsTotal).GetCounter().GetExemplar() == nil {
		t.Error("no exemplar after the hold")
	}
	if c.Due() {
		t.Error("still due after the release")
	}
	// A release is for good.
	if got := sum(t, store.load(t, config), requestsTotal); got != 2 {
		t.Errorf("%v requests after a restart, want 2", got)
	}
}

// wantHeld checks that the series are there at 0, and client_info at 1.
func wantHeld(t *testing.T, c *Collector) {
	t.Helper()
	for _, name := range []string{requestsTotal, "s3_access_request_duration_seconds"} {
		if count(t, c, name) != 1 || sum(t, c, name) != 0 {
			t.Errorf("%s: %d series, sum %v; want one series at 0", name, count(t, c, name), sum(t, c, name))
		}
	}
	if only(t, c, requestsTotal).GetCounter().GetExemplar() != nil {
		t.Error("a held series has an exemplar")
	}
	if got := sum(t, c, "s3_access_client_info"); got != 1 {
		t.Errorf("client_info is %v, want 1: it has no hold", got)
	}
}

func TestCollector_RestartBeginsAHoldAnew(t *testing.T) {
	clock := newClock()
	config := Config{SeriesHold: 2 * time.Minute, Now: clock.Now}
	c, store := newCollector(t, config), newMemStore()
	commit(t, c, store, request())

	clock.advance(10 * time.Minute) // down: nobody scraped the 0
	c = store.load(t, config)
	wantHeld(t, c)
	clock.advance(2*time.Minute - 1)
	if c.Due() {
		t.Error("due before the hold since the restart is over")
	}
	clock.advance(1)
	commit(t, c, store)
	if got := sum(t, c, requestsTotal); got != 1 {
		t.Errorf("%v requests after the hold, want 1", got)
	}
}

func TestCollector_HoldsUntilTheReleaseIsCommitted(t *testing.T) {
	clock := newClock()
	c, store := newCollector(t, Config{SeriesHold: time.Minute, Now: clock.Now}), newMemStore()
	commit(t, c, store, request())
	clock.advance(time.Minute)
	if _, err := c.Stage(nil, store); err != nil {
		t.Fatal(err)
	}
	store.rollback()
	wantHeld(t, c)
	if !c.Due() {
		t.Error("not due after a release that was not committed")
	}
}

func TestCollector_DropsASeriesAfterItsTTL(t *testing.T) {
	clock := newClock()
	config := Config{SeriesTTL: time.Hour, Now: clock.Now}
	c, store := newCollector(t, config), newMemStore()
	commit(t, c, store, request(inBucket("busy"), at(clock.now)), request(inBucket("idle"), at(clock.now)))
	clock.advance(30 * time.Minute)
	commit(t, c, store, request(inBucket("busy"), at(clock.now)))

	clock.advance(30*time.Minute - time.Second)
	commit(t, c, store, request(inBucket("busy"), at(clock.now.Add(time.Second))))
	if c.Due() {
		t.Error("due before the ttl")
	}
	clock.advance(time.Second)
	if !c.Due() {
		t.Fatal("not due after the ttl")
	}
	expose, err := c.Stage(nil, store)
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, c, requestsTotal); got != 2 {
		t.Errorf("%d series before the commit, want 2", got)
	}
	store.commit()
	expose()
	for _, c := range []*Collector{c, store.load(t, config)} {
		if got := only(t, c, requestsTotal).GetCounter().GetValue(); got != 3 {
			t.Errorf("the series that is left has %v, want busy's 3", got)
		}
	}
	if c.Due() {
		t.Error("still due after dropping")
	}
	if got := len(c.labelPairs[classify.LabelBucket]); got != 1 {
		t.Errorf("%d buckets are known, want busy alone", got)
	}
	// Back again, it is born at 0 once more.
	commit(t, c, store, request(inBucket("idle")))
	if got := sum(t, c, requestsTotal); got != 4 {
		t.Errorf("%v requests, want 4", got)
	}
}

// A labelCache that knows the series from before must not count in what is gone.
func TestCollector_CountsAnewWhatWasDropped(t *testing.T) {
	clock := newClock()
	c, store := newCollector(t, Config{SeriesTTL: time.Hour, Now: clock.Now}), newMemStore()
	cache := newLabelCache(c.schemas, &c.config, maxRows)
	c.caches.make = func() *labelCache { return cache }
	for range 2 {
		commit(t, c, store, request(at(clock.now)))
	}
	clock.advance(time.Hour)
	commit(t, c, store, request(inBucket("other"), at(clock.now)))
	if got := count(t, c, requestsTotal); got != 1 {
		t.Fatalf("%d series after the ttl, want the other one", got)
	}
	commit(t, c, store, request(at(clock.now)))
	if got := sum(t, c, requestsTotal); got != 2 {
		t.Errorf("%v requests, want the 2 since", got)
	}
}

func TestCollector_KeepsAnExpiringSeriesThatCounts(t *testing.T) {
	clock := newClock()
	c, store := newCollector(t, Config{SeriesTTL: time.Hour, Now: clock.Now}), newMemStore()
	commit(t, c, store, request(at(clock.now)))
	clock.advance(2 * time.Hour)
	commit(t, c, store, request(at(clock.now)))
	if got := sum(t, c, requestsTotal); got != 2 {
		t.Errorf("%v requests, want 2", got)
	}
}

func TestCollector_DropsNoSeriesBeforeItsValueWasShown(t *testing.T) {
	clock := newClock()
	c, store := newCollector(t, Config{SeriesTTL: time.Second, SeriesHold: time.Hour, Now: clock.Now}), newMemStore()
	commit(t, c, store, request(inBucket("held"), at(clock.now)))
	clock.advance(time.Minute)
	commit(t, c, store, request(inBucket("other"), at(clock.now)))
	if got := count(t, c, requestsTotal); got != 2 {
		t.Errorf("%d series, want the held one and the other", got)
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

func TestLoad_NamesWhatItRefuses(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	commit(t, c, store, request(sigV2))
	var key, histogramKey string
	for stored := range store.committed {
		if strings.Contains(stored, requestsTotal) {
			key = stored
		}
		if strings.Contains(stored, "duration") {
			histogramKey = stored
		}
	}
	value := string(store.committed[key])
	bucket := func(index int32) string {
		s := state{duration: &histogram{native: []uint64{1}, first: index}}
		return string(s.append(nil, KindHistogram))
	}
	unknown := strings.Replace(key, "s3_access", "s4_access", 1)
	relabelled := []byte(key)
	relabelled[1+len(requestsTotal)] ^= 1
	for _, test := range []struct {
		name, key, value string
		want             error
		family           string
	}{
		{"unknown family", unknown, value, ErrUnknownFamily, "s4_access_requests_total"},
		{"other labels", string(relabelled), value, ErrOtherLabels, requestsTotal},
		{"no key", "", value, ErrCorrupt, ""},
		{"name beyond the key's end", "\x7fs3", value, ErrCorrupt, ""},
		{"key cut off", key[:len(key)-1], value, ErrCorrupt, requestsTotal},
		{"key with more", key + "x", value, ErrCorrupt, requestsTotal},
		{"key with invalid UTF-8", strings.Replace(key, "GetObject", "Get\xffbject", 1), value, ErrCorrupt, requestsTotal},
		{"no value", key, "", ErrCorrupt, requestsTotal},
		{"format of the future", key, "\x02" + value[1:], ErrCorrupt, requestsTotal},
		{"value cut off", key, value[:len(value)-1], ErrCorrupt, requestsTotal},
		{"value with more", key, value + "x", ErrCorrupt, requestsTotal},
		{"a bucket of durations below 1 ms", histogramKey, bucket(-1 << 30), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket of impossible durations", histogramKey, bucket(1 << 30), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket that is cut off", histogramKey, strings.TrimSuffix(bucket(1<<30), "\x01"), ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a bucket that counted nothing", histogramKey, strings.TrimSuffix(bucket(0), "\x01") + "\x00", ErrCorrupt, "s3_access_request_duration_seconds"},
		{"a counter's value for a histogram", histogramKey, value, ErrCorrupt, "s3_access_request_duration_seconds"},
	} {
		c := newCollector(t, Config{})
		err := c.Load([]byte(test.key), []byte(test.value))
		var stored *StoredError
		if !errors.Is(err, test.want) || !errors.As(err, &stored) || stored.Family != test.family {
			t.Errorf("%s: got %v, want %v of %q", test.name, err, test.want, test.family)
		}
		if held(c) != 0 {
			t.Errorf("%s: a series was loaded", test.name)
		}
	}
}

func TestStage_KeysFitTheStore(t *testing.T) {
	c, store := newCollector(t, Config{}), newMemStore()
	long := []byte(strings.Repeat("a", 100_000))
	commit(t, c, store, request(sigV2, func(r *record.Record) {
		r.Bucket, r.Requester, r.Region, r.Operation = long, long, long, long
		r.UserAgent, r.SourceIP, r.AccountID, r.Host = long, long, long, long
	}))
	for key := range store.committed {
		if len(key) >= 32<<10 {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	if got := sum(t, store.load(t, Config{}), requestsTotal); got != 1 {
		t.Errorf("%v requests, want 1", got)
	}
}

// Whatever bytes are stored, Load refuses them or takes a series that can be
// shown, counted in and stored again.
func FuzzLoad(f *testing.F) {
	c, store := newCollector(f, Config{}), newMemStore()
	commit(f, c, store, mixed()...)
	for key, value := range store.committed {
		f.Add([]byte(key), value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c := newCollector(t, Config{})
		if err := c.Load(key, value); err != nil {
			return
		}
		for _, family := range c.series {
			for _, s := range family {
				again, err := decodeState(s.state.append(nil, s.schema.kind), s.schema, []byte(s.key))
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(again, s.state) {
					t.Errorf("stored again it is %+v, was %+v", again, s.state)
				}
			}
		}
		shown, _, _ := c.snapshot()
		for _, part := range shown {
			for i := range part {
				if err := part[i].Write(&dto.Metric{}); err != nil {
					t.Error(err)
				}
			}
		}
	})
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
