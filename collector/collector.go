// Package collector turns records of S3 requests into Prometheus metrics.
//
// It reads in the order in which the data flows. Package classify finds a record's
// label values and traits. The catalogue and Increments show in which series the
// record counts, and how much. A Tally counts the records of one log object. A
// Collector merges tallies into its series and shows them. Totals do without both, for
// what is read once.
//
// # Every text once
//
// The references to its label values are a record's facts (classify.Facts), a cache
// line that one look-up takes to the row of records of the same facts. The row
// knows the cells, which are the series of the families where it counts, so that
// in the steady state no label set is written out and nothing is allocated. Memos,
// rows and cells belong to a labelCache, which goes from one Tally to the next; all
// of them are bounded, and forget when they are full. What is forgotten costs
// time, never a count: keys of series are made of values, not of references.
//
// A Tally holds what each row gained. Tallies that are staged together have many
// rows in common, so Stage adds up by row before it looks at series. By series a
// Tally itself adds up only durations, as a histogram for each row would be much,
// and the rows that its labelCache had to forget. What a Tally held goes back to
// the Collector for the next one when it is exposed.
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
// Anyone can invent what is in a log, so the number of series is bounded
// (Config.SeriesLimit). Over it, label sets are folded into ones with the value
// "other". Sums stay exact, under every limit and every classify.Config.
package collector

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Collector holds the series of all families. It is a prometheus.Collector:
// Describe and Collect may be called at any time by any goroutine. NewTally may
// be, too. All other methods, and the functions that Stage returns, are for one
// goroutine at a time.
type Collector struct {
	config     Config
	schemas    []*schema
	counted    *prometheus.Desc
	limit      *prometheus.Desc
	size       *prometheus.Desc
	overflew   *prometheus.Desc
	caches     freeList[labelCache] // for tallies
	increments sync.Pool            // of *increments, for tallies

	// mu is held to change what follows, and by scrapes to read it. The one
	// goroutine that changes it reads it without.
	mu       sync.RWMutex
	series   [familyCount]map[string]*series // by key
	overflow [familyCount]uint64

	// For the one goroutine only.
	labelPairs labelPairs
	held       map[*series]time.Time // not released: when this process began to show them
	progress   progress
	nextExpiry int64     // progress before which no series expires
	rows       []rowGain // memory for the next stage
	changes    []change  // the same
	buf        []byte    // for two keys
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
		schemas:  newSchemas(),
		counted:  prometheus.NewDesc(countedName, countedHelp, []string{classify.LabelFeature.String()}, nil),
		limit:    prometheus.NewDesc(limitName, limitHelp, nil, nil),
		size:     prometheus.NewDesc(seriesName, seriesHelp, []string{"family"}, nil),
		overflew: prometheus.NewDesc(overflowName, overflowHelp, []string{"family"}, nil),
		held:     make(map[*series]time.Time),
		buf:      make([]byte, 0, 2*maxKey),
	}
	now := config.Now()
	c.progress = progress{begun: now.Unix(), started: now}
	for family := range c.series {
		c.series[family] = make(map[string]*series)
	}
	c.caches.make = func() *labelCache { return newLabelCache(c.schemas, &c.config, maxRows) }
	c.increments.New = func() any { return &increments{} }
	return c, nil
}

// Load takes one series as Stage stored it. Call it once for each of them, before
// the first Stage. A series of a family that is unknown or has other labels now, or
// bytes that Stage did not write, give a *StoredError and change nothing.
func (c *Collector) Load(key, value []byte) error {
	sc, err := schemaOf(c.schemas, key)
	if err != nil {
		return err
	}
	loaded, err := sc.decode(key, value)
	if err != nil {
		return &StoredError{Family: sc.name, Err: err}
	}
	c.progress.load(loaded.state.last)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(loaded, c.config.Now())
	return nil
}

// insert adds a series that is new to the process. mu is held.
func (c *Collector) insert(added *series, now time.Time) {
	added.labels = c.labelPairs.take(added.schema, added.key)
	c.series[added.schema.family][added.key] = added
	if !added.state.released {
		c.held[added] = now
	}
}

// drop removes a series. mu is held.
func (c *Collector) drop(old *series) {
	delete(c.series[old.schema.family], old.key)
	c.labelPairs.release(old.schema, old.labels)
	old.dropped = true
}

// Due reports whether a Stage without tallies would change something, because a
// hold is over or a series has expired.
func (c *Collector) Due() bool {
	now := c.config.Now()
	for _, since := range c.held {
		if c.holdOver(since, now) {
			return true
		}
	}
	return len(c.expired(c.progress.at(now, c.progress.newest))) > 0
}

func (c *Collector) holdOver(since, now time.Time) bool {
	return now.Sub(since) >= c.config.SeriesHold
}

// expired returns the series without an increment for the ttl, when the log has come to
// now. A series that has not shown its value yet stays until it has.
func (c *Collector) expired(now int64) []*series {
	if c.config.SeriesTTL == 0 || now < c.nextExpiry {
		return nil
	}
	ttl := int64(math.Ceil(c.config.SeriesTTL.Seconds()))
	next := now + ttl
	var old []*series
	for _, family := range c.series {
		for _, s := range family {
			switch expiry := s.state.last + ttl; {
			case expiry > now:
				next = min(next, expiry)
			case s.state.released:
				old = append(old, s)
			default:
				next = now
			}
		}
	}
	if len(old) == 0 {
		c.nextExpiry = next
	}
	return old
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, sc := range c.schemas {
		descs <- sc.desc
	}
	descs <- c.counted
	descs <- c.limit
	descs <- c.size
	descs <- c.overflew
}

// Collect implements prometheus.Collector. All that one call sends is of one
// moment.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	shown, sizes, overflow := c.snapshot()
	for i, part := range shown {
		for j := range part {
			metrics <- &part[j]
		}
		shown[i] = nil // what was sent is not needed any more
	}
	c.collectFeatures(metrics)
	limit := math.Inf(1)
	if c.config.SeriesLimit > 0 {
		limit = float64(c.config.SeriesLimit)
	}
	metrics <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, limit)
	for _, sc := range c.schemas {
		metrics <- prometheus.MustNewConstMetric(
			c.size, prometheus.GaugeValue, float64(sizes[sc.family]), sc.name)
		metrics <- prometheus.MustNewConstMetric(
			c.overflew, prometheus.CounterValue, float64(overflow[sc.family]), sc.name)
	}
}

// collectFeatures shows which features count: of another one, there are no series and no
// zero either.
func (c *Collector) collectFeatures(metrics chan<- prometheus.Metric) {
	chosen := c.config.Legacy.OrAll()
	for _, f := range classify.AllFeatures() {
		counted := 0.0
		if chosen.Has(f) {
			counted = 1
		}
		metrics <- prometheus.MustNewConstMetric(c.counted, prometheus.GaugeValue, counted, f.String())
	}
}

// snapshot returns all series with copies of their states, in parts.
func (c *Collector) snapshot() (shown [][]metric, sizes [familyCount]int, overflow [familyCount]uint64) {
	const partSize = 512
	c.mu.RLock()
	defer c.mu.RUnlock()
	part := make([]metric, 0, partSize)
	for family, known := range c.series {
		sizes[family] = len(known)
		for _, s := range known {
			if len(part) == partSize {
				shown = append(shown, part)
				part = make([]metric, 0, partSize)
			}
			part = append(part, metric{series: s, state: s.state})
		}
	}
	return append(shown, part), sizes, c.overflow
}
