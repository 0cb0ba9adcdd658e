package collector

import (
	"maps"
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// What a scrape shows of a single record is what Increments yields for it, under the names
// and labels that Families returns.
func TestIncrements_AreWhatACollectorCounts(t *testing.T) {
	records := mixed()
	for i := range records {
		c := newCollector(t, Config{})
		commit(t, c, newMemStore(), records[i])
		class := classify.NewClassifier(classify.Config{}).Classify(&records[i])
		want := map[string]float64{}
		for more := range Increments(&records[i], &class, records[i].Weight(), 0) {
			perUnit := 1.0
			if more.Family.Kind() == KindHistogram {
				perUnit = 1000
			}
			want[seriesText(more.Family.String(), more.Family.Labels(), *more.Labels)] += float64(more.Amount) / perUnit
		}
		got := map[string]float64{}
		families := gather(t, c)
		for _, family := range Families() {
			for _, m := range families[family.String()].GetMetric() {
				var labels classify.Labels
				for _, pair := range m.GetLabel() {
					labels[slices.Index(labelPairNames[:], pair.GetName())] = pair.GetValue()
				}
				if len(m.GetLabel()) != len(family.Labels()) {
					t.Errorf("record %d: %s has %d labels, want %d", i, family, len(m.GetLabel()), len(family.Labels()))
				}
				got[seriesText(family.String(), family.Labels(), labels)] =
					m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("record %d: %v, want %v", i, got, want)
		}
	}
}

func TestIncrements_TellADurationOf0FromNone(t *testing.T) {
	for _, test := range []struct {
		duration int64
		counts   bool
	}{{0, true}, {record.Unknown, false}, {-7, false}, {3, true}} {
		r := request(func(r *record.Record) { r.Duration = test.duration })
		class := classify.NewClassifier(classify.Config{}).Classify(&r)
		counts := false
		for more := range Increments(&r, &class, r.Weight(), 0) {
			if more.Family == FamilyRequestDuration {
				counts = more.Amount == test.duration
			}
		}
		if counts != test.counts {
			t.Errorf("duration %d counts: %t", test.duration, counts)
		}
	}
}

func TestFamily_ReturnsTheBucketsOfAHistogram(t *testing.T) {
	for _, family := range Families() {
		buckets := family.Buckets()
		if (family.Kind() == KindHistogram) != (len(buckets) > 0) {
			t.Errorf("%s has buckets %v", family, buckets)
		}
		if !slices.IsSorted(buckets) {
			t.Errorf("%s has buckets out of order: %v", family, buckets)
		}
		if family.Help() == "" {
			t.Errorf("%s has no help", family)
		}
	}
}
