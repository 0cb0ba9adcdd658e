package dashboards_test

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// fortnight stores weeks in which a number of requests a day was signed with
// Signature Version 2, a minute apart.
func fortnight(t *testing.T, p *timeless, begin time.Time, perDay ...float64) (end time.Time) {
	t.Helper()
	name := func(name string, pairs ...string) labels.Labels {
		pairs = append(pairs, model.MetricNameLabel, name, "job", "s3_access_exporter", "instance", "exporter:10403", "log", "cloudtrail")
		return labels.FromStrings(pairs...)
	}
	sigv2 := name("s3_access_requests_total", "account_id", "111122223333", "aws_region", "eu-west-1", "bucket", "example-media",
		"operation", "GetObject", "outcome", "success", "signature", "SigV2")
	newest := name("s3_access_exporter_newest_event_timestamp_seconds", "location", "s3://example-logs")
	const step = 10 * time.Minute
	number, at := 0.0, begin
	for _, growth := range perDay {
		for end := at.Add(24 * time.Hour); at.Before(end); at = at.Add(step) {
			p.add(t, at, []sample{{labels: sigv2, number: number}, {labels: newest, number: float64(at.Unix())}})
			number += growth * float64(step) / float64(24*time.Hour)
		}
	}
	return at
}

func TestMigration_ComparesDaysAndWeeks(t *testing.T) {
	days := func(weeks ...float64) []float64 {
		var all []float64
		for _, perDay := range weeks {
			for range 7 {
				all = append(all, perDay)
			}
		}
		return all
	}
	const none = -99
	for _, test := range []struct {
		name      string
		perDay    []float64
		day, week float64
	}{
		{"it goes down", append(days(288, 144), 72), -0.5, -0.5},
		{"it stays", days(144, 144, 144), 0, 0},
		{"it is at the goal", days(0, 0, 0), 0, 0},
		{"it is new", append(days(0, 0), 144, 288), 1, 288 + 144 - 1},
		{"there is no week before", []float64{144, 72, 144}, 1, none},
		{"there is no day before", []float64{144}, none, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTimeless(t)
			begin := time.Unix(1_800_000_000, 0).Truncate(24 * time.Hour)
			end := fortnight(t, p, begin, test.perDay...)
			d := loadDashboards(t)["s3-access-sigv2-migration.json"]
			v := p.everything(t, d, "cloudtrail", end.Add(-7*24*time.Hour), end)
			for title, want := range map[string]float64{"Day on day": test.day, "Week on week": test.week} {
				for panel := range d.queries() {
					if panel.Title != title {
						continue
					}
					got := p.show(t, &panel.Targets[0], v)
					if want == none {
						if len(got) != 0 {
							t.Errorf("%s: %v, where there is nothing to compare with", title, got)
						}
						continue
					}
					if tolerance := 0.02 * max(1, want); len(got) != 1 || got[0].last < want-tolerance || got[0].last > want+tolerance {
						t.Errorf("%s: %v, not %v", title, got, want)
					}
				}
			}
		})
	}
}

func TestMigration_ShowsDaysBesideThoseOfTheWeekBefore(t *testing.T) {
	p := newTimeless(t)
	begin := time.Unix(1_800_000_000, 0).Truncate(24 * time.Hour)
	end := fortnight(t, p, begin, 288, 288, 288, 288, 288, 288, 288, 144, 144, 144, 144, 144, 144, 144, 72).Add(-12 * time.Hour)
	d := loadDashboards(t)["s3-access-sigv2-migration.json"]
	v := p.everything(t, d, "cloudtrail", end.Add(-7*24*time.Hour), end)
	for panel := range d.queries() {
		if panel.Title != "SigV2 requests by day" {
			continue
		}
		for i, want := range [][]float64{{144, 144, 144, 144, 144, 144, 144, 72}, {288, 288, 288, 288, 288, 288, 288, 144}} {
			query := &panel.Targets[i]
			v := v.of(query)
			lines := p.graph(t, v.interpolate(query.Expr), v.from.Truncate(v.interval), v.to.Truncate(v.interval), v.interval)
			if len(lines) != 1 || len(lines[0].Floats) != len(want) {
				t.Fatalf("%s: %v", query.LegendFormat, lines)
			}
			for day, point := range lines[0].Floats {
				if point.F < 0.98*want[day] || point.F > 1.02*want[day] {
					t.Errorf("%s, day %d: %v, not %v", query.LegendFormat, day, point.F, want[day])
				}
			}
		}
	}
}
