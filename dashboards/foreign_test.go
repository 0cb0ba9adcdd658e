package dashboards_test

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// program is what Prometheus scrapes.
type program struct {
	job, instance string
	up            bool
	exporter      bool // of S3 access, as long as it is up
}

// scrapeAll stores an hour of scrapes of programs. Those that are down went down
// half an hour ago.
func scrapeAll(t *testing.T, p *timeless, begin time.Time, programs ...program) {
	t.Helper()
	for minute := range 61 {
		var samples []sample
		for _, program := range programs {
			add := func(name string, number float64) {
				samples = append(samples, sample{
					labels: labels.FromStrings(model.MetricNameLabel, name, "job", program.job, "instance", program.instance),
					number: number,
				})
			}
			if !program.up && minute > 30 {
				add("up", 0)
				continue
			}
			add("up", 1)
			add("process_cpu_seconds_total", float64(minute))
			add("process_resident_memory_bytes", 1e8)
			add("process_start_time_seconds", float64(begin.Unix()))
			add("go_memstats_heap_inuse_bytes", 1e7)
			if program.exporter {
				add("s3_access_exporter_build_info", 1)
				add("s3_access_exporter_pending_objects", 0)
				add("s3_access_exporter_quarantined_objects", 0)
			}
		}
		p.add(t, begin.Add(time.Duration(minute)*time.Minute), samples)
	}
}

// TestDashboards_ShowExportersOnly scrapes other programs too: some are down, and
// one shares the job of an exporter.
func TestDashboards_ShowExportersOnly(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	d := loadDashboards(t)["s3-access-exporter-health.json"]
	others := []program{
		{job: "prometheus", instance: "prometheus:9090", up: true},
		{job: "node", instance: "node:9100"},
		{job: "pods", instance: "pod:8080"},
	}
	good := program{job: "s3_access_exporter", instance: "good:10403", up: true, exporter: true}
	dead := program{job: "s3_access_exporter", instance: "dead:10403", exporter: true}
	pod := program{job: "pods", instance: "pod:10403", exporter: true}
	for _, test := range []struct {
		name      string
		exporters []program
		span      time.Duration // of the time range
		down      float64
		named     []string
	}{
		{"all are up", []program{good}, time.Hour, 0, []string{"good:10403"}},
		{"one went down", []program{good, dead}, time.Hour, 1, []string{"dead:10403", "good:10403"}},
		{"one has been down for longer than the time range", []program{good, dead}, 10 * time.Minute, 1, []string{"dead:10403", "good:10403"}},
		{"one with another job went down", []program{good, pod}, time.Hour, 1, []string{"good:10403", "pod:10403"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTimeless(t)
			scrapeAll(t, p, begin, slices.Concat(others, test.exporters)...)
			end := begin.Add(time.Hour)
			v := p.choose(t, d, newView(end.Add(-test.span), end))
			rows := func(title string) []shown {
				for panel := range d.queries() {
					if panel.Title == title {
						return p.show(t, &panel.Targets[0], v)
					}
				}
				t.Fatalf("there is no panel %q", title)
				return nil
			}
			if got := rows("Exporters down"); len(got) != 1 || got[0].last != test.down {
				t.Errorf("exporters down: %v, not %v", got, test.down)
			}
			var named []string
			for _, row := range rows("Exporters") {
				named = append(named, row.labels.Get("instance"))
			}
			if slices.Sort(named); !slices.Equal(named, test.named) {
				t.Errorf("exporters are %q, not %q", named, test.named)
			}
			for _, title := range []string{"CPU", "Memory"} {
				for _, line := range rows(title) {
					if instance := line.labels.Get("instance"); !slices.Contains(test.named, instance) {
						t.Errorf("%s has a line of %s", title, instance)
					}
				}
			}
			for file, d := range loadDashboards(t) {
				for panel := range d.queries() {
					if panel.Title != "Pending or stale" {
						continue
					}
					v := p.choose(t, d, newView(end.Add(-test.span), end).with("log", "server_access"))
					if got := p.show(t, &panel.Targets[0], v); len(got) != 1 || got[0].last != test.down {
						t.Errorf("%s: pending or stale: %v, not %v", file, got, test.down)
					}
				}
			}
		})
	}
}
