// Package dashboards_test holds Grafana's dashboards and Prometheus' rules
// against what they are made for.
//
// dashboard_test.go and rules_test.go read the files; view_test.go has what
// somebody has chosen in Grafana.
//
// Rules about the files: lint_test.go has those of Grafana's linter,
// layout_test.go, table_test.go and graph_test.go what makes a dashboard
// readable, truth_test.go what makes it true. catalogue_test.go holds the names
// in the expressions against the metrics that there are.
//
// A storage of Prometheus (prometheus_test.go) with made-up series
// (requests_test.go) shows that a choice reaches every panel (account_test.go),
// and other programs reach none (foreign_test.go), that backfills show
// (backfill_test.go), how days and weeks compare (compare_test.go), that
// thousands of series do not flood a panel (scale_test.go), how many buckets are not
// seen (coverage_test.go), and what of that which AWS turns off was found nowhere,
// cannot be told, or is not counted (turned_off_test.go).
//
// Storages take what backfill writes, too (increase_test.go, blocks_test.go).
//
// grafana_test.go asks Grafana's own library what becomes of results
// (screen_test.go), if it is told where that is; oldest_test.go asks the engine
// of the oldest Prometheus.
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
	"testing"
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
	Annotations struct {
		List []struct {
			Name       string     `json:"name"`
			Datasource datasource `json:"datasource"`
			Target     target     `json:"target"`
		} `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name          string     `json:"name"`
	Label         string     `json:"label"`
	Description   string     `json:"description"`
	Type          string     `json:"type"`
	Query         string     `json:"query"`
	Datasource    datasource `json:"datasource"`
	Hide          int        `json:"hide"`
	Multi         bool       `json:"multi"`
	IncludeAll    bool       `json:"includeAll"`
	AllValue      string     `json:"allValue"`
	Refresh       int        `json:"refresh"`
	StaticOptions []struct {
		Value string `json:"value"`
	} `json:"staticOptions"`
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
	MaxDataPoints int      `json:"maxDataPoints"`
	Targets       []target `json:"targets"`
	FieldConfig   struct {
		Defaults struct {
			Unit     string    `json:"unit"`
			NoValue  string    `json:"noValue"`
			Mappings []mapping `json:"mappings"`
			Custom   struct {
				FillOpacity int `json:"fillOpacity"`
				Stacking    struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
		Overrides []override `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		SortBy []struct {
			DisplayName string `json:"displayName"`
		} `json:"sortBy"`
		Legend struct {
			Calcs       []string `json:"calcs"`
			DisplayMode string   `json:"displayMode"`
			Placement   string   `json:"placement"`
			SortBy      string   `json:"sortBy"`
			SortDesc    bool     `json:"sortDesc"`
		} `json:"legend"`
	} `json:"options"`
	Transformations []transformation `json:"transformations"`
	Panels          []panel          `json:"panels"` // of a collapsed row
}

// mapping is texts, and maybe colours, that stand for values.
type mapping struct {
	Type    string
	Options struct { // of the type special
		Match  string     `json:"match"`
		Result mappedText `json:"result"`
	}
	Texts map[string]mappedText // of the type value
}

type mappedText struct {
	Text  string `json:"text"`
	Color string `json:"color"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *mapping) UnmarshalJSON(text []byte) error {
	var raw struct {
		Type    string          `json:"type"`
		Options json.RawMessage `json:"options"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if m.Type = raw.Type; m.Type == "value" {
		return json.Unmarshal(raw.Options, &m.Texts)
	}
	return json.Unmarshal(raw.Options, &m.Options)
}

// override changes how some fields look.
type override struct {
	Matcher struct {
		ID      string `json:"id"`
		Options string `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

// property decodes the value of a property, and reports whether the override
// has it.
func (o *override) property(id string, value any) bool {
	for _, p := range o.Properties {
		if p.ID == id {
			return json.Unmarshal(p.Value, value) == nil
		}
	}
	return false
}

// overrides returns the values of a property by the names of the fields that
// have it.
func overrides[V any](p *panel, id string) map[string]V {
	all := make(map[string]V)
	for i := range p.FieldConfig.Overrides {
		var value V
		if o := &p.FieldConfig.Overrides[i]; o.property(id, &value) {
			all[o.Matcher.Options] = value
		}
	}
	return all
}

// row is the type of the headlines between panels.
const row = "row"

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
	Format       string     `json:"format"`
	Interval     string     `json:"interval"` // the least between two points
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

// hidden returns the fields that the panel's table does not show.
func (p *panel) hidden() []string {
	var all []string
	for _, t := range p.Transformations {
		for field, excluded := range t.Options.ExcludeByName {
			if excluded {
				all = append(all, field)
			}
		}
	}
	return all
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

// targets returns all queries, of panels and of annotations, with what to call
// them in messages.
func (d *dashboard) targets() iter.Seq2[string, *target] {
	return func(yield func(string, *target) bool) {
		for i := range d.Annotations.List {
			a := &d.Annotations.List[i]
			a.Target.Range, a.Target.Datasource = true, a.Datasource
			if !yield(fmt.Sprintf("annotation %q", a.Name), &a.Target) {
				return
			}
		}
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
