package collector

import (
	"iter"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Gathered returns the families of requests that have series, as a prometheus.Registry
// would gather them: by name, with their series by the values of the labels. It makes one
// after the other and checks nothing, which for hundreds of thousands of series takes a
// fraction of a Registry's time and memory. A family is the caller's but for its labels,
// which are shared and must not be changed. It may be called by any goroutine.
func (c *Collector) Gathered() iter.Seq[*dto.MetricFamily] {
	return func(yield func(*dto.MetricFamily) bool) {
		schemas := slices.SortedFunc(slices.Values(c.schemas), func(a, b *schema) int { return strings.Compare(a.name, b.name) })
		for _, sc := range schemas {
			if gathered := c.gather(sc); len(gathered.Metric) > 0 && !yield(gathered) {
				return
			}
		}
	}
}

// gather returns one family.
func (c *Collector) gather(sc *schema) *dto.MetricFamily {
	shown := c.shown(sc.family)
	sorted := make([]*metric, len(shown))
	for i := range shown {
		sorted[i] = &shown[i]
	}
	slices.SortFunc(sorted, func(a, b *metric) int { return compareValues(a.series.labels, b.series.labels) })
	metrics := make([]dto.Metric, len(sorted))
	family := &dto.MetricFamily{Name: &sc.name, Help: &sc.help, Type: sc.kind.dto().Enum(), Metric: make([]*dto.Metric, len(sorted))}
	for i, m := range sorted {
		family.Metric[i] = &metrics[i]
		_ = m.Write(&metrics[i]) // it never fails
	}
	return family
}

// shown returns the series of a family with copies of their states.
func (c *Collector) shown(family Family) []metric {
	c.mu.RLock()
	defer c.mu.RUnlock()
	shown := make([]metric, 0, len(c.series[family]))
	for _, s := range c.series[family] {
		shown = append(shown, metric{series: s, state: s.state})
	}
	return shown
}

// compareValues compares label sets of one family by their values. The same value is the
// same pair: see labelPairs.
func compareValues(a, b []*dto.LabelPair) int {
	for i := range a {
		if a[i] != b[i] {
			return strings.Compare(*a[i].Value, *b[i].Value)
		}
	}
	return 0
}

// dto returns the kind as the exposition names it.
func (k Kind) dto() dto.MetricType {
	switch k {
	case KindHistogram:
		return dto.MetricType_HISTOGRAM
	case KindInfo:
		return dto.MetricType_GAUGE
	}
	return dto.MetricType_COUNTER
}
