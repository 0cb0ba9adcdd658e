package collector

import (
	"testing"
	"time"
)

// Series expire as the log goes on, and not by what a clock says: it may have jumped, or
// the exporter may have been down, and what came meanwhile is still to be counted.
func TestCollector_ClockAloneDropsNoSeries(t *testing.T) {
	const month = 31 * 24 * time.Hour
	clock := newClock()
	config := Config{SeriesTTL: 30 * 24 * time.Hour, Now: clock.Now}
	c, store := newCollector(t, config), newMemStore()
	commit(t, c, store, request(inBucket("a"), at(clock.now)), request(inBucket("b"), at(clock.now)))
	keeps := func(when string, c *Collector) {
		t.Helper()
		if c.Due() {
			t.Errorf("%s: due", when)
		}
		commit(t, c, store)
		if got := count(t, c, requestsTotal); got != 2 {
			t.Errorf("%s: %d series, want both", when, got)
		}
	}
	clock.advance(month)
	keeps("the clock jumps", c)
	commit(t, c, store, request(inBucket("a"), at(clock.now.AddDate(70, 0, 0))))
	keeps("a request of another century", c)
	clock.advance(-month)
	commit(t, c, store, request(inBucket("a"), at(clock.now)))
	keeps("it jumps back", c)

	clock.advance(month)
	c = store.load(t, config)
	keeps("a month of downtime", c)
	commit(t, c, store, request(inBucket("a"), at(clock.now)))
	keeps("the newest object is the first to be counted", c)
	commit(t, c, store, request(inBucket("b"), at(clock.now.Add(-month/2))))
	keeps("then an older one", c)

	for range 31 {
		clock.advance(24 * time.Hour)
		commit(t, c, store, request(inBucket("a"), at(clock.now)))
	}
	if got := count(t, c, requestsTotal); got != 1 {
		t.Errorf("%d series a month later, want the one that counts", got)
	}
}
