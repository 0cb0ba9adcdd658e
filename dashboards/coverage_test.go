package dashboards_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// ofBuckets is what the names of metrics begin with that are about how buckets are
// logged, and not about requests.
const ofBuckets = "s3_access_bucket_"

// coverageExposition returns what an exporter with --coverage.interval exposes
// besides: a bucket of each kind.
func coverageExposition(t *testing.T) []byte {
	t.Helper()
	exposition, err := os.ReadFile("../cmd/s3_access_exporter/internal/coverage/testdata/metrics.golden")
	if err != nil {
		t.Fatal(err)
	}
	return exposition
}

// someCoverage returns that of a target, as found at a time.
func someCoverage(t *testing.T, target labels.Labels, found time.Time) []sample {
	t.Helper()
	samples := readExposition(t, coverageExposition(t), "text/plain", target)
	looked := 0.0
	for _, s := range samples {
		if s.labels.Get(model.MetricNameLabel) == "s3_access_exporter_coverage_last_success_timestamp_seconds" {
			looked = s.number
		}
	}
	for i := range samples {
		if s := &samples[i]; strings.HasSuffix(s.labels.Get(model.MetricNameLabel), "timestamp_seconds") && s.number > 0 {
			s.number += float64(found.Unix()) - looked
		}
	}
	return samples
}

// TestDashboards_ShowWhichBucketsAreNotSeen looks at a bucket of each kind, which two
// exporters find.
func TestDashboards_ShowWhichBucketsAreNotSeen(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := newTimeless(t)
	for _, instance := range []string{"a:10403", "b:10403"} {
		p.add(t, now, someCoverage(t, labels.FromStrings("job", "s3_access_exporter", "instance", instance), now))
	}
	const health, sigv2 = "s3-access-exporter-health.json", "s3-access-sigv2-migration.json"
	for _, test := range []struct {
		dashboard, panel, log, account string
		want                           []float64 // by query: a number, or of a table the rows
	}{
		// Blind, a log without anything new, unknown, in part, not all read, covered.
		{health, "Buckets by how they are logged", "", ".*", []float64{1, 3, 2, 1, 2, 2}},
		{health, "Buckets that no log covers", "", ".*", []float64{1}},
		{health, "Buckets whose log does not come, or is not read", "", ".*", []float64{5, 5}},
		{sigv2, "Blind spots", "server_access", ".*", []float64{4}},
		{sigv2, "Blind spots", "cloudtrail", ".*", []float64{6}},
		{sigv2, "Blind spots", "cloudtrail", "444455556666", []float64{0}},
		{sigv2, "Buckets in part", "server_access", ".*", []float64{2}},
		{sigv2, "Buckets in part", "cloudtrail", ".*", []float64{6}},
		{sigv2, "Buckets in part", "cloudtrail", "444455556666", []float64{1}},
	} {
		v := newView(now.Add(-time.Hour), now)
		for name, value := range map[string]string{"job": ".+", "instance": ".+", "log": test.log, "account_id": test.account} {
			v = v.with(name, value)
		}
		found := false
		for panel := range loadDashboards(t)[test.dashboard].queries() {
			if panel.Title != test.panel {
				continue
			}
			found = true
			for i := range panel.Targets {
				rows := p.show(t, &panel.Targets[i], v)
				got := float64(len(rows))
				if panel.Type == "stat" && len(rows) == 1 {
					got = rows[0].last
				}
				if len(panel.Targets) != len(test.want) || got != test.want[i] {
					t.Errorf("%s, query %s, of log %q and account %s is %v, want %v", test.panel, panel.Targets[i].RefID, test.log, test.account, got, test.want)
				}
				if rows := newTimeless(t).show(t, &panel.Targets[i], v); len(rows) > 0 {
					t.Errorf("%s, query %s, shows %v where nobody looks", test.panel, panel.Targets[i].RefID, rows)
				}
			}
		}
		if !found {
			t.Errorf("%s has no panel %q", test.dashboard, test.panel)
		}
	}
}
