package dashboards_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// truthRules are what keeps a panel from showing what is not so.
var truthRules = []rule{
	{
		// Grafana's units of dates take milliseconds since 1970, Prometheus has seconds.
		name: "dates are in milliseconds",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				for _, target := range p.dates() {
					expr, err := someView().parse(target.Expr)
					if err == nil && !inMilliseconds(expr) {
						complain("panel %q, query %s is not", p.Title, target.RefID)
					}
				}
			}
		},
		breaking: func(d *dashboard) {
			for p := range d.queries() {
				for _, target := range p.dates() {
					target.Expr = strings.Replace(target.Expr, "1000 * ", "", 1)
				}
			}
		},
	},
	{
		// All jobs and instances are those of Prometheus, with every other program.
		name: "what other programs expose too is asked of exporters only",
		check: eachNode(func(node parser.Node, path []parser.Node) error {
			s, ok := node.(*parser.VectorSelector)
			if !ok || strings.Contains(s.Name, "s3_access_") || slices.ContainsFunc(s.LabelMatchers, isExporter) {
				return nil
			}
			below := node
			for _, above := range slices.Backward(path) {
				b, ok := above.(*parser.BinaryExpr)
				if ok && b.Op == parser.LAND && below == b.LHS && b.VectorMatching.On && slices.Equal(b.VectorMatching.MatchingLabels, []string{"job", "instance"}) {
					return nil
				}
				below = above
			}
			return fmt.Errorf("%s is of every program", s)
		}),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = `sum(up{job=~"$job", instance=~"$instance"})` },
	},
	{
		// The steps of a subquery lie before now: what was counted since the last one would
		// be shown as never counted.
		name: "what was counted last is looked for now too",
		check: eachNode(func(node parser.Node, path []parser.Node) error {
			steps, ok := node.(*parser.SubqueryExpr)
			if !ok || !strings.HasPrefix(steps.Expr.String(), "timestamp(") {
				return nil
			}
			for _, above := range path {
				if b, ok := above.(*parser.BinaryExpr); ok && b.Op == parser.LOR && b.LHS.String() == steps.Expr.String() {
					return nil
				}
			}
			return fmt.Errorf("%s is looked for in steps alone", steps.Expr)
		}),
		breaking: func(d *dashboard) {
			firstPanel(d).Targets[0].Expr = `max(max_over_time(timestamp(sum(increase(s3_access_requests_total[5m])) > 0)[1h:5m]))`
		},
	},
	{
		name: "nothing has a text, in every panel",
		check: func(d *dashboard, complain complain) {
			for p := range d.queries() {
				if p.FieldConfig.Defaults.NoValue == "" {
					complain("panel %q shows the text of a failure if there is nothing", p.Title)
				}
				if p.Type == "table" || p.Type == "timeseries" {
					continue
				}
				if !slices.ContainsFunc(p.FieldConfig.Defaults.Mappings, func(m mapping) bool {
					return m.Type == "special" && m.Options.Match == "null+nan" && m.Options.Result.Text != "" && m.Options.Result.Color != ""
				}) {
					complain("panel %q has no text and colour for no number", p.Title)
				}
			}
		},
		breaking: func(d *dashboard) { firstPanel(d).FieldConfig.Defaults.Mappings = nil },
	},
	{
		name: "every panel keeps to the bucket that is chosen, and all buckets are those of the account",
		check: func(d *dashboard, complain complain) {
			v := d.variable("bucket")
			if v == nil {
				return
			}
			if v.AllValue != "" || !strings.Contains(v.Query, `account_id=~"$account_id"`) {
				complain("all buckets are %q of %s", v.AllValue, v.Query)
			}
			// label_values knows no empty value; requests such as ListBuckets name no bucket.
			if len(v.StaticOptions) != 1 || v.StaticOptions[0].Value != "" {
				complain("requests without a bucket are not among all")
			}
			for p := range d.queries() {
				for _, target := range p.Targets {
					byAccount, byBucket := strings.Contains(target.Expr, `account_id=~"$account_id"`), strings.Contains(target.Expr, `bucket=~"$bucket"`)
					// What names no bucket is of all accounts, whose value is .*, and of none.
					byBucket = byBucket && (byAccount || strings.Contains(target.Expr, `bucket=~".+|$account_id"`))
					// Of a bucket that no log covers there are no requests, and so it cannot be chosen.
					byBucket = byBucket || byAccount && strings.Contains(target.Expr, ofBuckets)
					if !byBucket && !strings.Contains(target.Expr, "s3_access_exporter_") {
						complain("panel %q, query %s does not", p.Title, target.RefID)
					}
				}
			}
		},
		breaking: func(d *dashboard) { d.variable("bucket").AllValue = ".*" },
	},
	{
		name: "every dashboard shows how far its data reach, and whether any are missing",
		check: func(d *dashboard, complain complain) {
			want := []string{"Data as of", "Pending or stale"}
			if d.variable("log") == nil {
				want = []string{"Data as of", "Pending objects", "Quarantined objects", "Locations that fail"}
			}
			for _, title := range want {
				if !slices.ContainsFunc(d.Panels, func(p panel) bool { return p.Title == title }) {
					complain("there is no %q", title)
				}
			}
		},
		breaking: func(d *dashboard) {
			d.Panels = slices.DeleteFunc(d.Panels, func(p panel) bool { return p.Title == "Data as of" })
		},
	},
	{
		// A window of rates has to contain two samples of a backfilled series.
		name: "graphs of requests show a backfill at the step of the README",
		check: func(d *dashboard, complain complain) {
			for name, target := range d.targets() {
				if !strings.Contains(target.Expr, "$__rate_interval") || !strings.Contains(target.Expr, "s3_access_") ||
					strings.Contains(target.Expr, "s3_access_exporter_") {
					continue
				}
				closest := newView(time.Unix(0, 0), time.Unix(0, 0).Add(time.Minute))
				closest.scrape, closest.interval = 15*time.Second, time.Second
				if window := closest.of(target).rateInterval; window < 2*recommendedStep() {
					complain("%s: a window is %v", name, window)
				}
			}
		},
		breaking: func(d *dashboard) {
			for _, target := range d.targets() {
				target.Interval = ""
			}
		},
	},
	{
		name: "Prometheus 2.42 knows every function",
		check: eachNode(func(node parser.Node, _ []parser.Node) error {
			if call, ok := node.(*parser.Call); ok && !slices.Contains(oldFunctions, call.Func.Name) {
				return fmt.Errorf("%s came later", call.Func.Name)
			}
			return nil
		}),
		breaking: func(d *dashboard) { firstPanel(d).Targets[0].Expr = "histogram_avg(up)" },
	},
}

// oldFunctions are those functions of Prometheus 2.42 that somebody may want.
var oldFunctions = []string{
	"abs", "absent", "ceil", "changes", "clamp", "clamp_max", "clamp_min", "count_over_time", "delta", "floor", "histogram_count",
	"histogram_quantile", "histogram_sum", "increase", "label_join", "label_replace", "last_over_time", "max_over_time", "min_over_time",
	"present_over_time", "rate", "resets", "round", "scalar", "sort", "sort_desc", "sum_over_time", "time", "timestamp", "vector",
}

func isExporter(m *labels.Matcher) bool {
	return m.Name == "job" && m.Type == labels.MatchEqual && m.Value == "s3_access_exporter"
}

// dates returns the queries of a panel whose results Grafana takes for dates.
func (p *panel) dates() []*target {
	isDate := func(unit string) bool { return strings.HasPrefix(unit, "dateTime") }
	units := overrides[string](p, "unit")
	var all []*target
	for i := range p.Targets {
		target := &p.Targets[i]
		column, ok := p.columns()["Value #"+target.RefID]
		if !ok {
			column = p.columns()["Value"]
		}
		if isDate(p.FieldConfig.Defaults.Unit) || isDate(units[column]) {
			all = append(all, target)
		}
	}
	return all
}

// inMilliseconds reports whether an expression multiplies seconds by 1000.
func inMilliseconds(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return inMilliseconds(e.Expr)
	case *parser.BinaryExpr:
		if e.Op == parser.LOR {
			return inMilliseconds(e.LHS) && inMilliseconds(e.RHS)
		}
		if e.Op == parser.LAND || e.Op == parser.LUNLESS {
			return inMilliseconds(e.LHS)
		}
		n, ok := e.LHS.(*parser.NumberLiteral)
		return e.Op == parser.MUL && ok && n.Val == 1000
	}
	return false
}

var backfillStep = regexp.MustCompile(`s3_access_exporter backfill .*--step (\w+)`)

// recommendedStep returns the longest step of backfills in the examples of
// the commands' README, which is that by default where they have none.
func recommendedStep() time.Duration {
	text, err := os.ReadFile("../cmd/s3_access_exporter/README.md")
	if err != nil {
		panic(err)
	}
	longest := time.Minute
	for _, found := range backfillStep.FindAllSubmatch(text, -1) {
		step, err := model.ParseDuration(string(found[1]))
		if err != nil {
			panic(err)
		}
		longest = max(longest, time.Duration(step))
	}
	return longest
}

func TestREADME_RecommendsAStepOfBackfills(t *testing.T) {
	text, err := os.ReadFile("../cmd/s3_access_exporter/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !backfillStep.Match(text) {
		t.Error("no example of backfill has --step")
	}
}
