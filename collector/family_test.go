package collector

import (
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// What a scrape shows of a single record is what Amounts has for it, under the
// names and labels that Families returns.
func TestAmounts_AreWhatACollectorCounts(t *testing.T) {
	records := mixed()
	for i := range records {
		c := newCollector(t, Config{})
		commit(t, c, newMemStore(), records[i])
		class := classify.NewClassifier(classify.Config{}).Classify(&records[i])
		amounts := AmountsOf(&records[i], &class, records[i].Weight())
		families := gather(t, c)
		for _, family := range Families() {
			shown := families[family.String()].GetMetric()
			if amounts[family] == NotCounted {
				if len(shown) != 0 {
					t.Errorf("record %d: %s has %d series, want none", i, family, len(shown))
				}
				continue
			}
			if len(shown) != 1 {
				t.Fatalf("record %d: %s has %d series, want 1", i, family, len(shown))
			}
			var got, perUnit float64 = 0, 1
			switch family.Kind() {
			case KindCounter:
				got = shown[0].GetCounter().GetValue()
			case KindInfo:
				got = shown[0].GetGauge().GetValue()
			case KindHistogram:
				got, perUnit = shown[0].GetHistogram().GetSampleSum(), 1000
			}
			if want := float64(amounts[family]) / perUnit; got != want {
				t.Errorf("record %d: %s is %v, want %v", i, family, got, want)
			}
			if got, want := len(shown[0].GetLabel()), len(family.Labels()); got != want {
				t.Errorf("record %d: %s has %d labels, want %d", i, family, got, want)
			}
			for _, label := range family.Labels() {
				pair := slices.IndexFunc(shown[0].GetLabel(), func(p *dto.LabelPair) bool { return p.GetName() == label.String() })
				if pair < 0 || shown[0].GetLabel()[pair].GetValue() != class.Labels[label] {
					t.Errorf("record %d: label %s of %s is not %q", i, label, family, class.Labels[label])
				}
			}
		}
	}
}

func TestAmounts_TellADurationOf0FromNone(t *testing.T) {
	for _, test := range []struct{ duration, want int64 }{{0, 0}, {record.Unknown, NotCounted}, {-7, NotCounted}, {3, 3}} {
		r := request(func(r *record.Record) { r.Duration = test.duration })
		class := classify.NewClassifier(classify.Config{}).Classify(&r)
		if got := AmountsOf(&r, &class, r.Weight())[FamilyRequestDuration]; got != test.want {
			t.Errorf("duration %d counts %d, want %d", test.duration, got, test.want)
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
