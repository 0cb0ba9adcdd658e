package collector

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

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
