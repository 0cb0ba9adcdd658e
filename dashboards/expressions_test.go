//go:build integration

package dashboards_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

var logs = []string{"server_access", "cloudtrail"}

func TestExpressions_OnARealRun(t *testing.T) {
	s := tellStory(t)
	t.Run("every query of every panel shows something, for either log", s.testPanels)
	t.Run("histograms show, native and classic", s.testHistograms)
	t.Run("every variable has values", s.testVariables)
	t.Run("tables have the columns that they name", s.testColumns)
	t.Run("panels tell the truth", s.testTruth)
	t.Run("nothing is shown as 0", s.testNothing)
	t.Run("the exporters' health is told", s.testHealth)
	t.Run("every rule has a result, and every alert names its culprit", s.testRules)
}

// atDusk is the view of the evening, with its trouble, of one log.
func (s *story) atDusk(t *testing.T, d *dashboard, log string) view {
	t.Helper()
	return s.everything(t, d, log, s.dusk, s.evening)
}

// testPanels looks at the evening, in which everything happens, and at the end of
// the night, when what was counted is old. Without the recording rules, nothing
// is ranked by them.
func (s *story) testPanels(t *testing.T) {
	for _, log := range logs {
		eachDashboard(t, func(t *testing.T, d *dashboard) {
			dusk := s.atDusk(t, d, log)
			night := s.everything(t, d, log, s.evening, s.morning)
			for name, target := range d.targets() {
				if len(s.show(t, target, dusk)) == 0 && len(s.show(t, target, night)) == 0 {
					t.Errorf("%s: nothing of %s", name, log)
				}
				if ranked := strings.Contains(target.Expr, "$ranked"); !ranked {
					continue
				}
				with, without := s.show(t, target, dusk), s.show(t, target, dusk.with("ranked", "()"))
				if len(with) == 0 || len(with) != len(without) {
					t.Errorf("%s: %d lines of %s, and %d without recording rules", name, len(with), log, len(without))
				}
			}
		})
	}
}

func (s *story) testHistograms(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for name, target := range d.targets() {
			if !strings.Contains(target.Expr, "histogram_quantile") {
				continue
			}
			for _, instance := range []string{roomy, cramped} {
				if len(s.show(t, target, s.atDusk(t, d, logs[0]).with("instance", instance))) == 0 {
					t.Errorf("%s: nothing of %s", name, instance)
				}
			}
		}
	})
	for instance, native := range map[string]bool{roomy: true, cramped: false} {
		for name, want := range map[string]bool{"s3_access_request_duration_seconds": native, "s3_access_request_duration_seconds_bucket": !native} {
			if got := len(s.instant(t, name+`{instance="`+instance+`"}`, s.evening)) > 0; got != want {
				t.Errorf("%s of %s: %t", name, instance, got)
			}
		}
	}
}

func (s *story) testVariables(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			if values := s.options(t, &v, s.atDusk(t, d, logs[0])); len(values) == len(v.StaticOptions) {
				t.Errorf("%s has no values", v.Name)
			}
		}
	})
}

// testColumns checks that the tables rename what the queries bring, and nothing
// else: their labels, and the values by the query's letter if there are several.
func (s *story) testColumns(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for p := range d.queries() {
			if p.Type != "table" {
				continue
			}
			fields := make(map[string]bool)
			for i := range p.Targets {
				target := &p.Targets[i]
				for _, row := range s.show(t, target, s.atDusk(t, d, logs[0])) {
					row.labels.Range(func(l labels.Label) { fields[l.Name] = true })
				}
				if len(p.Targets) > 1 {
					fields["Value #"+target.RefID] = true
				} else {
					fields["Value"] = true
				}
			}
			for _, field := range p.hidden() {
				delete(fields, field)
			}
			if got, want := slices.Sorted(maps.Keys(p.columns())), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
				t.Errorf("panel %q names the columns %q, not %q", p.Title, got, want)
			}
		}
	})
}

// find returns a query of a panel, and its dashboard.
func (s *story) find(t *testing.T, name, title, refID string) (*dashboard, *target) {
	t.Helper()
	d := loadDashboards(t)["s3-access-"+name+".json"]
	for p := range d.queries() {
		for i := range p.Targets {
			if p.Title == title && p.Targets[i].RefID == refID {
				return d, &p.Targets[i]
			}
		}
	}
	t.Fatalf("%s has no panel %q with a query %s", name, title, refID)
	return nil, nil
}

// testNothing looks at a bucket in which nothing of the kind happened: the goal
// of a migration is a 0, which is not to look like a lack of data.
func (s *story) testNothing(t *testing.T) {
	const innocent = "example-reports"
	for _, panel := range [][2]string{
		{"sigv2-migration", "SigV2 requests"},
		{"sigv2-migration", "Share of signed"},
		{"sigv2-migration", "Requesters left"},
		{"sigv2-migration", "Buckets left"},
		{"anonymous-denied", "Anonymous success"},
		{"anonymous-denied", "Open buckets"},
		{"turned-off", "Requesters left"},
		{"turned-off", "Buckets left"},
	} {
		title := panel[1]
		d, query := s.find(t, panel[0], title, "A")
		for _, log := range logs {
			v := s.atDusk(t, d, log).with("feature", "(sigv2|tls1[.]1)")
			if got := s.show(t, query, v.with("bucket", innocent)); len(got) != 1 || got[0].last != 0 {
				t.Errorf("%s: %s of %s is %v", log, title, innocent, got)
			}
			if got := s.show(t, query, v.with("bucket", "no-such-bucket")); len(got) != 0 {
				t.Errorf("%s: %s of a bucket that nobody knows is %v", log, title, got)
			}
		}
	}
}

func (s *story) testHealth(t *testing.T) {
	health := loadDashboards(t)["s3-access-exporter-health.json"]
	evening := s.atDusk(t, health, logs[0])
	morning := s.everything(t, health, logs[0], s.evening, s.bereft)
	end := s.everything(t, health, logs[0], s.evening, s.end)
	for _, test := range []struct {
		panel string
		view  view
		want  float64
	}{
		{"Exporters down", evening, 0},
		{"Exporters down", end, 1},
		{"Locations that fail", evening, 0},
		{"Locations that fail", morning, 1},
		{"Pending objects", evening, 1},
		{"Quarantined objects", evening, 1},
		{"Malformed records", evening, malformed},
		{"Malformed records", end, 0},
	} {
		_, query := s.find(t, "exporter-health", test.panel, "A")
		got := s.show(t, query, test.view)
		if len(got) != 1 || got[0].last != test.want {
			t.Errorf("%s: %v, want %v", test.panel, got, test.want)
		}
	}

	spent := func(matcher string) float64 {
		const name = "s3_access_exporter_s3_api_requests_total"
		last := s.instant(t, "sum("+name+matcher+")", s.evening)
		first := s.instant(t, "sum("+name+matcher+")", s.dusk.Add(time.Minute))
		return last[0].F - first[0].F
	}
	const month = 30 * 24 * time.Hour
	want := (spent(`{operation="ListObjectsV2"}`)*0.005 + spent(`{operation!="ListObjectsV2"}`)*0.0004) / 1000 *
		month.Seconds() / s.evening.Sub(s.dusk).Seconds()
	_, cost := s.find(t, "exporter-health", "API cost of 30 days", "A")
	got := s.show(t, cost, evening)
	// Prometheus guesses what was before the first scrape.
	if len(got) != 1 || got[0].last < want || got[0].last > 1.2*want {
		t.Errorf("the cost is %v, not %v USD", got, want)
	}

	migration, where := s.find(t, "sigv2-migration", "Where SigV2 is used", "B")
	for _, seen := range s.show(t, where, s.atDusk(t, migration, logs[0])) {
		if at := time.UnixMilli(int64(seen.last)); at.Before(s.dusk) || at.After(s.evening) {
			t.Errorf("%s: last counted at %v", seen.labels, at)
		}
	}
}

// untoldAlerts are about exporters that share the work or start again and again, and about logs
// that are delivered twice or change: nothing of the kind is in the story, and promtool tests them.
var untoldAlerts = []string{
	"S3AccessExporterDoubleCounting", "S3AccessExporterObjectsChanged", "S3AccessExporterRestarting",
	"S3AccessExporterShardsDisagree", "S3AccessExporterInactive", "S3AccessExporterNoneActive", "S3AccessExporterTwoActive", "S3AccessExporterNoStandby",
}

func (s *story) testRules(t *testing.T) {
	for _, group := range s.rules {
		for _, r := range group.Rules {
			const step = 2 * time.Minute
			first := s.dusk.Add(time.Minute) // scrape
			found := append(s.graph(t, r.Expr, first, s.evening, step), s.graph(t, r.Expr, s.morning, s.end, step)...)
			if len(found) == 0 {
				if slices.Contains(untoldAlerts, r.Alert) {
					continue
				}
				t.Errorf("%s%s has no result at any time", r.Record, r.Alert)
				continue
			}
			if r.Alert != "" {
				s.testAlert(t, r, found[0])
			}
		}
	}
}

// testAlert checks the texts of an alert that fires.
func (s *story) testAlert(t *testing.T, r rulefmt.Rule, firing promql.Series) {
	t.Helper()
	query := func(_ context.Context, expr string, at time.Time) (promql.Vector, error) {
		return s.instant(t, expr, at), nil
	}
	first := firing.Floats[0]
	data := template.AlertTemplateData(firing.Metric.Map(), nil, "", promql.Sample{Metric: firing.Metric, F: first.F, T: first.T})
	var texts strings.Builder
	for name, text := range r.Annotations {
		const definitions = `{{$labels := .Labels}}{{$value := .Value}}`
		// Prometheus itself writes nothing for a label that is not there.
		expanded, err := template.NewTemplateExpander(
			t.Context(), definitions+text, r.Alert, data, model.Time(first.T), query, nil, []string{"missingkey=error"}).Expand()
		if err != nil || strings.TrimSpace(expanded) == "" || strings.Contains(expanded, "<no value>") {
			t.Errorf("%s: %s: %q, %v", r.Alert, name, expanded, err)
		}
		texts.WriteString(expanded)
	}
	firing.Metric.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel && !strings.Contains(texts.String(), l.Value) {
			t.Errorf("%s: its texts do not tell %s, which is %q", r.Alert, l.Name, l.Value)
		}
	})
}
