package dashboards_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// rule is a rule that every dashboard keeps.
type rule struct {
	name     string
	check    func(d *dashboard, complain complain)
	breaking func(d *dashboard) // makes a dashboard break it
}

type complain func(format string, args ...any)

// complaints returns what a rule has against a dashboard.
func (r rule) complaints(d *dashboard) []string {
	var all []string
	r.check(d, func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) })
	return all
}

// linterRules are those of Grafana's dashboard linter, by its names for them:
// https://github.com/grafana/dashboard-linter/blob/main/docs/index.md.
// They are read strictly: the linter lets other kinds of panels off. Units of
// tables are those of their columns, which tableRules ask for.
var linterRules = []rule{
	{
		name: "template-datasource-rule",
		check: func(d *dashboard, complain complain) {
			v := d.variable("datasource")
			if v == nil || v.Type != "datasource" || v.Query != "prometheus" || v.Label != "Data source" {
				complain("the variable datasource is %+v", v)
			}
		},
		breaking: func(d *dashboard) { d.variable("datasource").Name = "ds" },
	},
	{
		name:     "template-job-rule",
		check:    func(d *dashboard, complain complain) { checkTargetVariable(d, "job", "Job", complain) },
		breaking: func(d *dashboard) { d.variable("job").AllValue = ".*" },
	},
	{
		name:     "template-instance-rule",
		check:    func(d *dashboard, complain complain) { checkTargetVariable(d, "instance", "Instance", complain) },
		breaking: func(d *dashboard) { d.variable("instance").Multi = false },
	},
	{
		name: "template-label-promql-rule",
		check: func(d *dashboard, complain complain) {
			for _, v := range d.Templating.List {
				if v.Type != "query" {
					continue
				}
				if _, _, err := v.labelValues(); err != nil {
					complain("%v", err)
				}
			}
		},
		breaking: func(d *dashboard) { d.variable("job").Query = "label_values(up{, job)" },
	},
	{
		name: "template-on-time-change-reload-rule",
		check: func(d *dashboard, complain complain) {
			const onTimeRangeChange = 2
			for _, v := range d.Templating.List {
				if v.Type == "query" && v.Refresh != onTimeRangeChange {
					complain("variable %s has refresh %d", v.Name, v.Refresh)
				}
			}
		},
		breaking: func(d *dashboard) { d.variable("job").Refresh = 1 },
	},
	{
		name: "panel-datasource-rule",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if p.Datasource != variableDatasource {
					complain("panel %q has the data source %v", p.Title, p.Datasource)
				}
			}
			for name, target := range d.targets() {
				if target.Datasource != variableDatasource {
					complain("%s has the data source %v", name, target.Datasource)
				}
			}
			for _, v := range d.Templating.List {
				if v.Type == "query" && v.Datasource != variableDatasource {
					complain("variable %s has the data source %v", v.Name, v.Datasource)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Datasource.UID = "prometheus" },
	},
	{
		name: "panel-title-description-rule",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if p.Title == "" || !strings.HasSuffix(p.Description, ".") {
					complain("panel %q has the description %q", p.Title, p.Description)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Description = "" },
	},
	{
		name: "panel-units-rule",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if unit := p.FieldConfig.Defaults.Unit; p.Type != "table" && !slices.Contains(units, unit) {
					complain("panel %q has the unit %q", p.Title, unit)
				}
				for column, unit := range overrides[string](p, "unit") {
					if !slices.Contains(units, unit) {
						complain("panel %q, column %q has the unit %q", p.Title, column, unit)
					}
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).FieldConfig.Defaults.Unit = "requests" },
	},
	{
		name: "panel-no-targets-rule",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if len(p.Targets) == 0 {
					complain("panel %q has no queries", p.Title)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Targets = nil },
	},
	{
		name: "target-promql-rule",
		check: func(d *dashboard, complain complain) {
			for name, target := range d.targets() {
				if _, err := someView().parse(target.Expr); err != nil {
					complain("%s: %v", name, err)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "sum(up" },
	},
	{
		name:     "target-rate-interval-rule",
		check:    eachNode(checkRateInterval),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "rate(s3_access_requests_total[5m])" },
	},
	{
		name:     "target-job-rule",
		check:    eachNode(wantMatcher("job")),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = `up{job="a"}` },
	},
	{
		name:     "target-instance-rule",
		check:    eachNode(wantMatcher("instance")),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "up" },
	},
	{
		name:     "target-counter-agg-rule",
		check:    eachNode(checkCounter),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "sum(s3_access_requests_total)" },
	},
	{
		name: "uneditable-dashboard",
		check: func(d *dashboard, complain complain) {
			if d.Editable {
				complain("the dashboard can be edited")
			}
		},
		breaking: func(d *dashboard) { d.Editable = true },
	},
}

// units are the identifiers of Grafana's units that the dashboards use.
var units = []string{"Bps", "bytes", "currencyUSD", "dateTimeFromNow", "locale", "percentunit", "s", "short", "string"}

var variableDatasource = datasource{Type: "prometheus", UID: "${datasource}"}

func firstPanel(d *dashboard) *panel {
	for p := range d.queries() {
		return p
	}
	return nil
}

// checkTargetVariable checks a variable that chooses targets of Prometheus.
func checkTargetVariable(d *dashboard, name, label string, complain complain) {
	v := d.variable(name)
	if v == nil || v.Type != "query" || v.Label != label || !v.Multi || !v.IncludeAll || v.AllValue != ".+" {
		complain("the variable %s is %+v", name, v)
	}
}

var labelValuesQuery = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// labelValues returns the selector and the label whose values the variable's
// query asks for.
func (v *variable) labelValues() (parser.Expr, string, error) {
	parts := labelValuesQuery.FindStringSubmatch(v.Query)
	if parts == nil {
		return nil, "", fmt.Errorf("variable %s: %q is no label_values(…)", v.Name, v.Query)
	}
	selector, err := someView().parse(parts[1])
	if err != nil {
		return nil, "", fmt.Errorf("variable %s: %w", v.Name, err)
	}
	return selector, parts[2], nil
}

// eachNode returns a check of all nodes of all expressions. The path leads from
// the expression down to the node.
func eachNode(check func(node parser.Node, path []parser.Node) error) func(*dashboard, complain) {
	return func(d *dashboard, complain complain) {
		for name, target := range d.targets() {
			expr, err := someView().parse(target.Expr)
			if err != nil {
				continue // another rule
			}
			parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
				if node == nil {
					return nil
				}
				if err := check(node, path); err != nil {
					complain("%s: %v", name, err)
				}
				return nil
			})
		}
	}
}

// callAround returns the name of the function whose argument is the last node of
// the path, if it is one.
func callAround(path []parser.Node) string {
	if len(path) > 0 {
		if call, ok := path[len(path)-1].(*parser.Call); ok {
			return call.Func.Name
		}
	}
	return ""
}

// calendar has the spans of which people compare one with that before.
var calendar = []time.Duration{24 * time.Hour, 7 * 24 * time.Hour}

func checkRateInterval(node parser.Node, path []parser.Node) error {
	m, ok := node.(*parser.MatrixSelector)
	if !ok {
		return nil
	}
	switch v, function := someView(), callAround(path); {
	case function == "rate" || function == "irate":
		if m.Range != v.rateInterval {
			return fmt.Errorf("%s of a range other than $__rate_interval", function)
		}
	case function == "increase" && slices.Contains(calendar, m.Range):
		return nil
	case function == "last_over_time" && (m.Range == time.Hour || slices.Contains(calendar, m.Range)):
		return nil // whether something was there at all
	case m.Range != v.rateInterval && m.Range != v.to.Sub(v.from):
		return fmt.Errorf("%s: the interval %v is fixed", m, m.Range)
	}
	return nil
}

// wantMatcher returns a check that every selector takes the variable of the
// label's name.
func wantMatcher(label string) func(parser.Node, []parser.Node) error {
	return func(node parser.Node, _ []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
			return m.Name == label && m.Type == labels.MatchRegexp && m.Value == someView().values[label]
		}) {
			return fmt.Errorf(`%s has no %s=~"$%[2]s"`, s, label)
		}
		return nil
	}
}

func checkCounter(node parser.Node, path []parser.Node) error {
	s, ok := node.(*parser.VectorSelector)
	if !ok || !strings.HasSuffix(s.Name, "_total") && !strings.HasSuffix(s.Name, "_bucket") {
		return nil
	}
	if len(path) > 1 {
		if _, ranged := path[len(path)-1].(*parser.MatrixSelector); ranged &&
			slices.Contains([]string{"rate", "irate", "increase"}, callAround(path[:len(path)-1])) {
			return nil
		}
	}
	return fmt.Errorf("the counter %s is not in rate, irate or increase", s.Name)
}

func TestDashboards_KeepTheRulesOfGrafanasLinter(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for _, r := range linterRules {
			for _, complaint := range r.complaints(d) {
				t.Errorf("%s: %s", r.name, complaint)
			}
		}
	})
}

// ourRules are what a reader of the dashboards can rely on.
func ourRules() []rule { return slices.Concat(layoutRules, tableRules, graphRules, truthRules) }

func TestDashboards_KeepOurRules(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for _, r := range ourRules() {
			for _, complaint := range r.complaints(d) {
				t.Errorf("%s: %s", r.name, complaint)
			}
		}
	})
}

func TestRulesOfDashboards_CanBeBroken(t *testing.T) {
	const file = "s3-access-sigv2-migration.json"
	for _, r := range slices.Concat(linterRules, ourRules()) {
		d := loadDashboards(t)[file]
		r.breaking(d)
		if len(r.complaints(d)) == 0 {
			t.Errorf("%s is not broken", r.name)
		}
	}
}
