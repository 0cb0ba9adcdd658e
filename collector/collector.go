// Package collector turns records of S3 requests into Prometheus metrics.
//
// It reads in the order in which the data flows. A Classifier finds a record's
// label values; operation.go, requester.go, sourceip.go, region.go, useragent.go
// and sigv4.go each know one of them. A Tally counts the records of one log
// object. A Collector merges tallies into its series and shows them.
//
// # Exposed means committed
//
// The merge has two phases, so that a scrape never sees what a crash could take
// back. Stage computes the next state of every series that changes and writes it
// to a Store, within the transaction that marks the log objects as counted. Only
// when that is committed does the function that Stage returned make the changes
// visible. At start, Load takes the stored series before anything else.
//
// # Born at 0
//
// Prometheus cannot see the increase of a counter that was never there before.
// So a new series is shown at 0 for a while (Config.SeriesHold), and its value
// only after a further commit has stored that it was released: a restart in the
// middle of a hold begins the hold anew, as nobody may have seen the 0.
//
// # Bounded
//
// What a log says can be invented by anyone, so the number of series is bounded
// (Config.SeriesLimit). Over it, label sets are folded into ones with the value
// "other". Sums stay exact, under every limit and every LabelConfig.
package collector

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector holds the series of all families. It is a prometheus.Collector:
// Describe and Collect may be called at any time by any goroutine. NewTally may
// be, too. All other methods, and the functions that Stage returns, are for one
// goroutine at a time.
type Collector struct {
	config   Config
	families []*family
	byName   map[string]*family
	size     *prometheus.Desc
	overflew *prometheus.Desc
	benches  sync.Pool // of *workbench, for tallies

	// mu is held to change what follows, and by scrapes to read it. The one
	// goroutine that changes it reads it without.
	mu       sync.RWMutex
	series   map[string]*series // by key
	sizes    [familyCount]int
	overflow [familyCount]uint64

	// For the one goroutine only.
	held       map[*series]struct{} // not released
	nextExpiry int64                // Unix seconds before which no series expires
}

// New returns a Collector without series. It does no I/O. The error is about a
// negative value in config.
func New(config Config) (*Collector, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	c := &Collector{
		config:   config,
		families: newFamilies(),
		byName:   make(map[string]*family),
		size:     prometheus.NewDesc(seriesName, seriesHelp, []string{"family"}, nil),
		overflew: prometheus.NewDesc(overflowName, overflowHelp, []string{"family"}, nil),
		series:   make(map[string]*series),
		held:     make(map[*series]struct{}),
	}
	c.benches.New = func() any { return newWorkbench(config.Labels) }
	for _, f := range c.families {
		c.byName[f.name] = f
	}
	return c, nil
}

// Load takes one series as Stage stored it. Call it once for each of them, before
// the first Stage. A series of a family that is unknown or has other labels now, or
// bytes that Stage did not write, give a *StoredError and change nothing.
func (c *Collector) Load(key, value []byte) error {
	name, err := familyName(key)
	if err != nil {
		return &StoredError{Err: err}
	}
	f := c.byName[name]
	if f == nil {
		return &StoredError{Family: name, Err: ErrUnknownFamily}
	}
	labels, err := f.decodeKey(key)
	if err != nil {
		return &StoredError{Family: name, Err: err}
	}
	loaded := newSeries(f, &labels, string(key))
	if loaded.state, err = decodeState(value, f.kind); err != nil {
		return &StoredError{Family: name, Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(loaded, c.config.Now())
	return nil
}

// insert adds a series that is new to the process. mu is held.
func (c *Collector) insert(added *series, now time.Time) {
	c.series[added.key] = added
	c.sizes[added.family.id]++
	if !added.state.released {
		added.heldSince = now
		c.held[added] = struct{}{}
	}
}

// Due reports whether a Stage without tallies would change something, because a
// hold is over or a series has expired.
func (c *Collector) Due() bool {
	now := c.config.Now()
	for held := range c.held {
		if c.holdOver(held, now) {
			return true
		}
	}
	return len(c.expired(now)) > 0
}

func (c *Collector) holdOver(held *series, now time.Time) bool {
	return now.Sub(held.heldSince) >= c.config.SeriesHold
}

// expired returns the series without an increment for the ttl. A series that
// has not shown its value yet stays until it has.
func (c *Collector) expired(now time.Time) []*series {
	if c.config.SeriesTTL == 0 || now.Unix() < c.nextExpiry {
		return nil
	}
	ttl := int64(math.Ceil(c.config.SeriesTTL.Seconds()))
	next := now.Unix() + ttl
	var old []*series
	for _, s := range c.series {
		switch expiry := s.state.last + ttl; {
		case expiry > now.Unix():
			next = min(next, expiry)
		case s.state.released:
			old = append(old, s)
		default:
			next = now.Unix()
		}
	}
	if len(old) == 0 {
		c.nextExpiry = next
	}
	return old
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range c.families {
		descs <- f.desc
	}
	descs <- c.size
	descs <- c.overflew
}

// Collect implements prometheus.Collector. All that one call sends is of one
// moment.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	shown, sizes, overflow := c.snapshot()
	for i := range shown {
		metrics <- &shown[i]
	}
	for _, f := range c.families {
		metrics <- prometheus.MustNewConstMetric(
			c.size, prometheus.GaugeValue, float64(sizes[f.id]), f.name)
		metrics <- prometheus.MustNewConstMetric(
			c.overflew, prometheus.CounterValue, float64(overflow[f.id]), f.name)
	}
}

// snapshot returns all series with their states. States are not changed once
// they are visible, so the pointers are enough.
func (c *Collector) snapshot() (shown []metric, sizes [familyCount]int, overflow [familyCount]uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	shown = make([]metric, 0, len(c.series))
	for _, s := range c.series {
		shown = append(shown, metric{series: s, state: s.state})
	}
	return shown, c.sizes, c.overflow
}
