//go:build integration

package dashboards_test

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// scrape lets a minute pass and scrapes.
func (s *story) scrape(t *testing.T) {
	t.Helper()
	s.now = s.now.Add(time.Minute)
	if gap := time.Since(s.scraped); gap > hold && !s.scraped.IsZero() {
		t.Logf("%v between two scrapes: series may have been missed at 0", gap)
	}
	s.scraped = time.Now()
	for _, e := range []*exporter{s.roomy, s.cramped} {
		s.drawn[e] = e.scrape(t)
	}
	s.store(t)
}

// often enough for Prometheus not to take series for stale.
const often = 4 * time.Minute

// wait lets time pass in which scrapes bring nothing new, and keeps one each
// step.
func (s *story) wait(t *testing.T, span, step time.Duration) {
	t.Helper()
	for end := s.now.Add(span); s.now.Before(end); {
		s.now = s.now.Add(min(step, end.Sub(s.now)))
		s.store(t)
	}
}

// store keeps what was scraped last, and evaluates the recording rules.
func (s *story) store(t *testing.T) {
	t.Helper()
	for _, samples := range s.drawn {
		s.add(t, s.now, samples)
	}
	s.add(t, s.now, s.coverage)
	s.record(t, s.now, s.rules)
}

// scrapeUntil scrapes until the condition holds.
func (s *story) scrapeUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(hold / 40)
	defer ticker.Stop()
	for {
		s.scrape(t)
		if condition() {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("in vain for %v: %s\n%s%s", patience, what, s.roomy.log.String(), s.cramped.log.String())
		}
	}
}

// sum returns the sum of an exporter's series of a name that have all of some
// values of labels, as scraped last.
func (s *story) sum(e *exporter, name string, values ...string) float64 {
	sum := 0.0
	for _, sample := range s.drawn[e] {
		if sample.labels.Get(model.MetricNameLabel) != name {
			continue
		}
		found := make(map[string]bool)
		sample.labels.Range(func(l labels.Label) { found[l.Value] = true })
		all := true
		for _, value := range values {
			all = all && found[value]
		}
		if all {
			sum += sample.number
		}
	}
	return sum
}

// record evaluates the recording rules of groups at a time.
func (p *timeless) record(t *testing.T, at time.Time, groups []rulefmt.RuleGroup) {
	t.Helper()
	for _, group := range groups {
		for _, r := range group.Rules {
			if r.Record == "" {
				continue
			}
			var samples []sample
			for _, s := range p.instant(t, r.Expr, at) {
				all := labels.NewBuilder(s.Metric).Set(model.MetricNameLabel, r.Record)
				for name, value := range r.Labels {
					all.Set(name, value)
				}
				samples = append(samples, sample{labels: all.Labels(), number: s.F})
			}
			p.add(t, at, samples)
		}
	}
}
