package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// TestGrafana_ShowsWhatIsSo looks at what Grafana makes of an hour of requests,
// of which some labels look like numbers, and some are empty.
func TestGrafana_ShowsWhatIsSo(t *testing.T) {
	p, begin, end := hourBefore(t, time.Now())
	screens := askGrafana(t, p.results(t, newView(begin, end).with("log", "server_access")))
	for theme, screen := range screens {
		t.Run(theme, func(t *testing.T) {
			for key, shown := range screen.Panels {
				if len(shown.Values)+len(shown.Columns)+len(shown.Series) == 0 {
					t.Errorf("%s shows nothing", key)
				}
				shown.testTexts(t, key)
				shown.testColumns(t, key)
				shown.testColours(t, key, screen.Background)
			}
		})
	}
	t.Run("accounts and versions", func(t *testing.T) {
		var texts []string
		for _, shown := range screens["light"].Panels {
			for _, column := range shown.Columns {
				for _, cell := range column.Cells {
					texts = append(texts, cell.Text)
				}
			}
		}
		for _, want := range []string{
			"012345678901", "1.10", "7.0", "2.1354", "not told", "an hour ago", "user/cms · 012345678901", "assumed-role/etl · 444455556666",
		} {
			if !slices.Contains(texts, want) {
				t.Errorf("no cell has %q", want)
			}
		}
	})
	t.Run("legends", func(t *testing.T) {
		for file, d := range loadDashboards(t) {
			for panel := range d.queries() {
				legend := panel.Options.Legend
				if panel.Type == "timeseries" && len(legend.Calcs) > 0 &&
					!slices.Contains(screens["light"].Panels[file+" / "+panel.Title].Sortable, legend.SortBy) {
					t.Errorf("%s / %s: no legend can be sorted by %q", file, panel.Title, legend.SortBy)
				}
			}
		}
		for name, want := range map[string]string{"SigV2": "red", "SigV4": "green", "denied": "semi-dark-orange", "error": "red"} {
			found := false
			for key, shown := range screens["dark"].Panels {
				for _, series := range shown.Series {
					if series.Name == "" || series.Name == "Value" {
						t.Errorf("%s: a line has no name", key)
					}
					if series.Name != name {
						continue
					}
					found = true
					if got := series.Color; got != darkColours[want] {
						t.Errorf("%s: %s is %s, not %s", key, name, got, darkColours[want])
					}
				}
			}
			if !found {
				t.Errorf("no graph shows %s", name)
			}
		}
	})
}

// darkColours are some of Grafana's, in the dark theme.
var darkColours = map[string]string{"red": "#F2495C", "green": "#73BF69", "semi-dark-orange": "#FF780A"}

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
	var samples []sample
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
			case strings.Contains(name, "timestamp_seconds"):
				samples[i].number = float64(at.Unix())
			case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "_bucket"), strings.HasSuffix(name, "_sum"), strings.HasSuffix(name, "_count"):
				samples[i].number++
			}
		}
		p.add(t, at, samples)
	}
}

// testTexts looks for dates in the last century, and for blanks.
func (s *grafanaShown) testTexts(t *testing.T, key string) {
	t.Helper()
	texts := slices.Clone(s.Values)
	for _, column := range s.Columns {
		texts = append(texts, column.Cells...)
	}
	for _, shown := range texts {
		if strings.TrimSpace(shown.Text) == "" {
			t.Errorf("%s: something is blank", key)
		}
		if s.Columns != nil && shown.Text == "0" && !strings.Contains(key, "Denied") && !strings.Contains(key, "Requesters") {
			t.Errorf("%s has a row of nothing", key)
		}
		if strings.Contains(shown.Text, "year") || strings.Contains(shown.Text, "NaN") || strings.Contains(shown.Text, "No data") {
			t.Errorf("%s shows %q", key, shown.Text)
		}
	}
}

var mappedARN = regexp.MustCompile(`^arn:[^:]+:(?:iam|sts)::([^:]*):(.+)$`)

// testColumns checks that labels are what they were: numbers are for numbers.
func (s *grafanaShown) testColumns(t *testing.T, key string) {
	t.Helper()
	for _, column := range s.Columns {
		if column.Type != "string" {
			continue
		}
		for i, cell := range column.Cells {
			want := "not told"
			if raw := column.Raw[i]; raw != nil && *raw != "" {
				want = mappedARN.ReplaceAllString(*raw, "$2 · $1")
			}
			if cell.Text != want {
				t.Errorf("%s: column %q shows %q, not %q", key, column.Title, cell.Text, want)
			}
		}
	}
}

// testColours checks that texts that have a colour can be read.
func (s *grafanaShown) testColours(t *testing.T, key, background string) {
	t.Helper()
	const least = 3 // of the WCAG for large text
	for _, shown := range s.Values {
		if !strings.HasPrefix(shown.Color, "#") {
			continue // as all text
		}
		if c := contrast(t, shown.Color, background); c < least {
			t.Errorf("%s: %q is hard to read: %s on %s, contrast %.1f", key, shown.Text, shown.Color, background, c)
		}
	}
}

// contrast returns the contrast ratio of two colours, by the WCAG.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			if c := float64(n) / 255; c <= 0.03928 {
				sum += weight * c / 12.92
			} else {
				sum += weight * math.Pow((c+0.055)/1.055, 2.4)
			}
		}
		return sum
	}
	dark, light := luminance(a), luminance(b)
	if dark > light {
		dark, light = light, dark
	}
	return (light + 0.05) / (dark + 0.05)
}

// TestGrafana_ShowsNothingAsNothing looks at answers without a number: those of a
// Prometheus that knows nothing, and those of a division of nothing by nothing.
func TestGrafana_ShowsNothingAsNothing(t *testing.T) {
	end := time.Unix(1_800_000_000, 0)
	empty := newTimeless(t).results(t, newView(end.Add(-time.Hour), end).with("log", "server_access"))
	undefined := slices.Clone(empty)
	for i := range undefined {
		undefined[i].Queries = slices.Clone(undefined[i].Queries)
		for j := range undefined[i].Queries {
			undefined[i].Queries[j].Series = []grafanaSeries{{Labels: map[string]string{}, Points: [][2]any{{end.UnixMilli(), "NaN"}}}}
		}
	}
	// Of these, that there is none is good, and of those it is bad.
	good := []string{"Since the last"}
	bad := []string{
		"Data as of", "Pending or stale", "Exporters down", "Locations that fail", "Pending objects", "Quarantined objects", "Malformed records",
		"API cost of 30 days", "Series as a share of the limit",
	}
	for name, panels := range map[string][]grafanaPanel{"empty": empty, "undefined": undefined} {
		screen := askGrafana(t, panels)["dark"]
		for key, shown := range screen.Panels {
			_, title, _ := strings.Cut(key, " / ")
			if shown.Columns != nil || shown.Series != nil {
				if shown.NoValue == "" {
					t.Errorf("%s, %s: it looks like a failure", key, name)
				}
				continue
			}
			if len(shown.Values) == 0 {
				t.Errorf("%s, %s: it shows nothing", key, name)
			}
			for _, value := range shown.Values {
				if strings.TrimSpace(value.Text) == "" || strings.Contains(value.Text, "No data") || strings.Contains(value.Text, "NaN") {
					t.Errorf("%s, %s: it shows %q", key, name, value.Text)
				}
				if isRed, isGreen := value.Color == darkColours["red"], value.Color == darkColours["green"]; isRed != slices.Contains(bad, title) ||
					isGreen != slices.Contains(good, title) {
					t.Errorf("%s, %s: %q is %s", key, name, value.Text, value.Color)
				}
			}
		}
	}
}
