// Package dashboards_test holds Grafana's dashboards and Prometheus' rules
// against what they are made for.
//
// dashboard_test.go and rules_test.go read the files, lint_test.go and
// layout_test.go check their form, catalogue_test.go the names in their
// expressions, scale_test.go that thousands of series do not flood a panel.
//
// With the build tag integration, the real binary (exporter_test.go) reads log
// buckets whose truth is known (story_test.go, incident_test.go), a storage of
// Prometheus takes what it exposes (prometheus_test.go), and every expression is
// run on that (expressions_test.go).
package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// dashboard is a dashboard in Grafana's classic JSON model, as far as the tests
// look at it.
type dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	SchemaVersion int      `json:"schemaVersion"`
	Editable      bool     `json:"editable"`
	Links         []struct {
		Type        string   `json:"type"`
		Tags        []string `json:"tags"`
		IncludeVars bool     `json:"includeVars"`
		KeepTime    bool     `json:"keepTime"`
	} `json:"links"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name        string     `json:"name"`
	Label       string     `json:"label"`
	Description string     `json:"description"`
	Type        string     `json:"type"`
	Query       string     `json:"query"`
	Datasource  datasource `json:"datasource"`
	Multi       bool       `json:"multi"`
	IncludeAll  bool       `json:"includeAll"`
	AllValue    string     `json:"allValue"`
	Refresh     int        `json:"refresh"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	GridPos     struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets     []target `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
		Overrides []struct {
			Matcher struct {
				ID      string `json:"id"`
				Options string `json:"options"`
			} `json:"matcher"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		SortBy []struct {
			DisplayName string `json:"displayName"`
		} `json:"sortBy"`
	} `json:"options"`
	Transformations []transformation `json:"transformations"`
	Panels          []panel          `json:"panels"` // of a collapsed row
}

// row is the type of the headlines between panels.
const row = "row"

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
	Format       string     `json:"format"`
	Instant      bool       `json:"instant"`
	Range        bool       `json:"range"`
}

type transformation struct {
	ID      string `json:"id"`
	Options struct {
		ExcludeByName map[string]bool   `json:"excludeByName"`
		IndexByName   map[string]int    `json:"indexByName"`
		RenameByName  map[string]string `json:"renameByName"`
	} `json:"options"`
}

// columns returns the columns that the panel's table shows: their titles by the
// names of the fields.
func (p *panel) columns() map[string]string {
	for _, t := range p.Transformations {
		if t.ID == "organize" {
			return t.Options.RenameByName
		}
	}
	return nil
}

// queries returns the panels that have queries, in reading order.
func (d *dashboard) queries() iter.Seq[*panel] {
	return func(yield func(*panel) bool) {
		for i := range d.Panels {
			if p := &d.Panels[i]; p.Type != row && !yield(p) {
				return
			}
		}
	}
}

// targets returns all queries of panels, with what to call them in messages.
func (d *dashboard) targets() iter.Seq2[string, *target] {
	return func(yield func(string, *target) bool) {
		for p := range d.queries() {
			for i := range p.Targets {
				t := &p.Targets[i]
				if !yield(fmt.Sprintf("panel %q, query %s", p.Title, t.RefID), t) {
					return
				}
			}
		}
	}
}

func (d *dashboard) variable(name string) *variable {
	for i := range d.Templating.List {
		if v := &d.Templating.List[i]; v.Name == name {
			return v
		}
	}
	return nil
}

// loadDashboards returns the dashboards by file name.
func loadDashboards(t *testing.T) map[string]*dashboard {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := make(map[string]*dashboard)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := new(dashboard)
		if err := json.Unmarshal(text, d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[file] = d
	}
	return all
}

// eachDashboard runs a subtest for each dashboard.
func eachDashboard(t *testing.T, test func(t *testing.T, d *dashboard)) {
	t.Helper()
	all := loadDashboards(t)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		t.Run(file, func(t *testing.T) { test(t, all[file]) })
	}
}

// view is what somebody has chosen in Grafana: a time range and the values of
// the variables. Grafana puts both into the expressions.
type view struct {
	from, to     time.Time
	interval     time.Duration // between two points of a graph
	rateInterval time.Duration
	values       map[string]string // by variable, as Grafana writes them into a regular expression
}

// everything is a view of all jobs, instances, accounts and buckets, and of one
// log.
func everything(log string, from, to time.Time) view {
	const interval = time.Minute
	return view{
		from: from, to: to,
		interval: interval, rateInterval: 4 * interval, // as Grafana does if interval is the scrape interval
		values: map[string]string{"job": ".+", "instance": ".+", "account_id": ".*", "bucket": ".*", "log": log},
	}
}

// interpolate writes the view into an expression.
func (v view) interpolate(expr string) string {
	span := v.to.Sub(v.from)
	pairs := []string{
		"$__rate_interval", model.Duration(v.rateInterval).String(),
		"$__range_s", strconv.FormatFloat(span.Seconds(), 'f', -1, 64),
		"$__range", model.Duration(span).String(),
		"$__interval", model.Duration(v.interval).String(),
	}
	for name, value := range v.values {
		pairs = append(pairs, "$"+name, value)
	}
	return strings.NewReplacer(pairs...).Replace(expr)
}

// someView is a view for those who do not run expressions. Its rate interval is
// no other duration of it.
func someView() view {
	v := everything("server_access", time.Unix(0, 0), time.Unix(0, 0).Add(6*time.Hour))
	v.rateInterval = 241 * time.Second
	return v
}

// promQL parses expressions as Prometheus does without feature flags.
func promQL() parser.Parser { return parser.NewParser(parser.Options{}) }

// parse parses an expression as it is in a view.
func (v view) parse(expr string) (parser.Expr, error) {
	text := v.interpolate(expr)
	if i := strings.IndexByte(text, '$'); i >= 0 {
		return nil, fmt.Errorf("%s: no variable has this name", text[i:])
	}
	return promQL().ParseExpr(text)
}

func TestDashboards_AreFormattedAsGrafanaExportsThem(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var formatted bytes.Buffer
		if err := json.Indent(&formatted, text, "", "  "); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !bytes.Equal(bytes.TrimSpace(formatted.Bytes()), bytes.TrimSpace(text)) {
			t.Errorf("%s is not indented by two spaces", file)
		}
	}
}
