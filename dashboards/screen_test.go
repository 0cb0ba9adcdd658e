package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// grafanaModules is a node_modules folder that has @grafana/data.
var grafanaModules = flag.String("grafana.modules", "", "node_modules folder with @grafana/data: asks Grafana what it makes of results")

// What testdata/grafana.cjs gets: panels with the results of their queries.
type (
	grafanaPanel struct {
		Key     string          `json:"key"`
		Panel   json.RawMessage `json:"panel"`
		Queries []grafanaQuery  `json:"queries"`
	}
	grafanaQuery struct {
		RefID  string          `json:"refId"`
		Series []grafanaSeries `json:"series"`
	}
	grafanaSeries struct {
		Labels map[string]string `json:"labels"`
		Points [][2]any          `json:"points"` // milliseconds, and a number or its text
	}
)

// What it makes of them, in one theme. A colour is as CSS writes it.
type (
	grafanaScreen struct {
		Background string                   `json:"background"`
		Panels     map[string]*grafanaShown `json:"panels"`
	}
	grafanaShown struct {
		NoValue string // of tables and graphs
		Values  []grafanaText
		Columns []struct {
			Title string
			Type  string
			Raw   []*string
			Cells []grafanaText
		}
		Series []struct {
			Name, Color, Last string
		}
		Sortable []string // names that a legend can be sorted by
	}
	grafanaText struct {
		Title, Text, Color string
	}
)

// askGrafana returns what Grafana's library shows of panels, by theme.
func askGrafana(t *testing.T, panels []grafanaPanel) map[string]*grafanaScreen {
	t.Helper()
	if *grafanaModules == "" {
		t.Skip("-grafana.modules is not given")
	}
	modules, err := filepath.Abs(*grafanaModules)
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(panels)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "testdata/grafana.cjs")
	node.Env = append(os.Environ(), "NODE_PATH="+modules)
	node.Stdin, node.Stderr = bytes.NewReader(input), os.Stderr
	answer, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	screens := make(map[string]*grafanaScreen)
	if err := json.Unmarshal(answer, &screens); err != nil {
		t.Fatal(err)
	}
	return screens
}

// rawPanels returns the panels of a dashboard as they are in its file, by title.
func rawPanels(t *testing.T, file string) map[string]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []json.RawMessage `json:"panels"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]json.RawMessage)
	for _, raw := range d.Panels {
		var p panel
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		all[p.Title] = raw
	}
	return all
}

// results returns the panels of all dashboards, by file and title, with what a
// storage has for them in a view.
func (p *timeless) results(t *testing.T, v view) []grafanaPanel {
	t.Helper()
	var all []grafanaPanel
	for file, d := range loadDashboards(t) {
		raw := rawPanels(t, file)
		v := p.choose(t, d, v)
		for panel := range d.queries() {
			queried := grafanaPanel{Key: file + " / " + panel.Title, Panel: raw[panel.Title]}
			for i := range panel.Targets {
				queried.Queries = append(queried.Queries, p.answer(t, &panel.Targets[i], v))
			}
			all = append(all, queried)
		}
	}
	return all
}

// answer returns what Prometheus answers to a query.
func (p *timeless) answer(t *testing.T, query *target, v view) grafanaQuery {
	t.Helper()
	v = v.of(query)
	expr := v.interpolate(query.Expr)
	point := func(at int64, number float64) [2]any {
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return [2]any{at, strconv.FormatFloat(number, 'f', -1, 64)}
		}
		return [2]any{at, number}
	}
	answer := grafanaQuery{RefID: query.RefID, Series: []grafanaSeries{}}
	if query.Instant {
		for _, s := range p.instant(t, expr, v.to) {
			answer.Series = append(answer.Series, grafanaSeries{Labels: s.Metric.Map(), Points: [][2]any{point(s.T, s.F)}})
		}
		return answer
	}
	for _, s := range p.graph(t, expr, v.from.Truncate(v.interval), v.to.Truncate(v.interval), v.interval) {
		series := grafanaSeries{Labels: s.Metric.Map()}
		for _, f := range s.Floats {
			series.Points = append(series.Points, point(f.T, f.F))
		}
		answer.Series = append(answer.Series, series)
	}
	return answer
}

// hourBefore returns a storage with an hour of requests, which ended an hour ago.
func hourBefore(t *testing.T, now time.Time) (p *timeless, begin, end time.Time) {
	t.Helper()
	p = newTimeless(t)
	end = now.Add(-time.Hour).Truncate(time.Minute)
	begin = end.Add(-time.Hour)
	someRequests(t, p, begin, time.Minute)
	someExporter(t, p, begin, end)
	for i, version := range []string{"7.0", "2.1354", "1.10", "012"} {
		for _, family := range []string{"s3_access_object_requests_total", "s3_access_sigv2_requests_total", "s3_access_anonymous_requests_total"} {
			pairs := []string{
				"log", "server_access", "bucket", "example-lake", "operation", "GetObject", "source_ip", "192.0.2." + strconv.Itoa(i),
				"client", "boto3", "client_version", version,
			}
			if family != "s3_access_anonymous_requests_total" {
				pairs = append(pairs, "requester", "444455556666")
			}
			if family != "s3_access_sigv2_requests_total" {
				pairs = append(pairs, "outcome", "success")
			} else {
				pairs = append(pairs, "auth_method", "AuthHeader")
			}
			p.growing(t, begin, end, time.Minute, 1, family, pairs...)
		}
		p.constant(t, begin, end, time.Minute, "s3_access_client_info", "client", "boto3", "client_version", version, "sigv4_default", "yes")
	}
	return p, begin, end
}

// someExporter stores what an exporter exposes of itself, from the exposition
// that a test of the command holds the binary against.
func someExporter(t *testing.T, p *timeless, begin, end time.Time) {
	t.Helper()
	exposition, err := os.ReadFile("../cmd/s3_access_exporter/testdata/serve.golden")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("{VARIES}", `{version="1.10"}`, " VARIES", " 7").Replace(string(exposition))
	target := labels.FromStrings("job", "s3_access_exporter", "instance", "exporter:10403")
	known := readExposition(t, []byte(text), "text/plain", target)
	samples := someCoverage(t, target, end)
	for _, s := range known {
		if strings.HasPrefix(s.labels.Get(model.MetricNameLabel), "s3_access_exporter_") {
			samples = append(samples, s)
		}
	}
	for name, number := range map[string]float64{
		"up": 1, "process_cpu_seconds_total": 1, "process_resident_memory_bytes": 1e8, "go_memstats_heap_inuse_bytes": 1e7,
		"process_start_time_seconds": float64(begin.Unix()),
	} {
		samples = append(samples, sample{labels: labels.NewBuilder(target).Set(model.MetricNameLabel, name).Labels(), number: number})
	}
	for minute := 0; !begin.Add(time.Duration(minute) * time.Minute).After(end); minute++ {
		at := begin.Add(time.Duration(minute) * time.Minute)
		for i := range samples {
			switch name := samples[i].labels.Get(model.MetricNameLabel); {
			case strings.HasPrefix(name, ofBuckets), strings.Contains(name, "coverage"):
			case strings.Contains(name, "timestamp_seconds"):
				samples[i].number = float64(at.Unix())
			case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "_bucket"), strings.HasSuffix(name, "_sum"), strings.HasSuffix(name, "_count"):
				samples[i].number++
			}
		}
		p.add(t, at, samples)
	}
}
