package collector

import (
	"testing"
	"time"
)

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
