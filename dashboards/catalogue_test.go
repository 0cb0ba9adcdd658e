package dashboards_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelSet is a set of labels' names.
type labelSet map[string]bool

func newLabelSet(names ...string) labelSet {
	s := make(labelSet)
	for _, name := range names {
		s[name] = true
	}
	return s
}

func (s labelSet) with(names ...string) labelSet {
	all := maps.Clone(s)
	for _, name := range names {
		all[name] = true
	}
	return all
}

func (s labelSet) without(names ...string) labelSet {
	rest := maps.Clone(s)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

func (s labelSet) String() string {
	return "(" + strings.Join(slices.Sorted(maps.Keys(s)), ", ") + ")"
}

// catalogue has the labels of every metric that there is, by its name.
type catalogue map[string]labelSet

// loadCatalogue returns what a Prometheus has that scrapes the exporter and
// evaluates the recording rules. The exporter's own metrics are from the
// expositions that tests of the command hold it against.
func loadCatalogue(t *testing.T) catalogue {
	t.Helper()
	exposition, err := os.ReadFile("../cmd/s3_access_exporter/testdata/serve.golden")
	if err != nil {
		t.Fatal(err)
	}
	known := catalogue{"up": newLabelSet()}
	// What varies between two runs is masked there.
	known.add(t, []byte(strings.NewReplacer("{VARIES}", `{version=""}`, " VARIES", " 0").Replace(string(exposition))))
	known.add(t, coverageExposition(t))
	known.add(t, expositionOf(t, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})))
	for name, names := range known {
		known[name] = names.with("job", "instance") // from the scrape
	}
	// A set of exporters that work together is what has the same namespace, in Kubernetes.
	for _, name := range []string{"s3_access_exporter_active", "s3_access_exporter_shard_count", "s3_access_exporter_shard_index"} {
		known[name] = known[name].with("namespace")
	}
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			if r.Record == "" {
				continue
			}
			expr, err := promQL().ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := known.check(expr)
			if err != nil {
				t.Errorf("%s: %v", r.Record, err)
			}
			known[r.Record] = recorded.with(slices.Sorted(maps.Keys(r.Labels))...)
		}
	}
	return known
}

// add adds the metrics of an exposition in the text format. A histogram is also
// known by its own name: that of the native one.
func (c catalogue) add(t *testing.T, exposition []byte) {
	t.Helper()
	p := textparse.NewPromParser(exposition, labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var series labels.Labels
		p.Labels(&series)
		names := make(labelSet)
		series.Range(func(l labels.Label) { names[l.Name] = true })
		names = names.without(model.MetricNameLabel)
		name := series.Get(model.MetricNameLabel)
		c[name] = names
		if histogram, ok := strings.CutSuffix(name, "_bucket"); ok {
			c[histogram] = names.without("le")
		}
	}
}

func expositionOf(t *testing.T, all ...prometheus.Collector) []byte {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(all...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// check returns the labels that the expression's result may have. It is an error
// if a metric in it does not exist, or has not the labels that are asked for, or
// if two sides can never match.
func (c catalogue) check(expr parser.Expr) (labelSet, error) {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.checkSelector(e)
	case *parser.MatrixSelector:
		return c.check(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.check(e.Expr)
	case *parser.ParenExpr:
		return c.check(e.Expr)
	case *parser.StepInvariantExpr:
		return c.check(e.Expr)
	case *parser.UnaryExpr:
		return c.check(e.Expr)
	case *parser.AggregateExpr:
		return c.checkAggregation(e)
	case *parser.BinaryExpr:
		return c.checkBinary(e)
	case *parser.Call:
		return c.checkCall(e)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return labelSet{}, nil
	}
	return nil, fmt.Errorf("%s: the test does not know such expressions (%T)", expr, expr)
}

func (c catalogue) checkSelector(e *parser.VectorSelector) (labelSet, error) {
	names, ok := c[e.Name]
	if !ok {
		return nil, fmt.Errorf("there is no metric %q", e.Name)
	}
	for _, m := range e.LabelMatchers {
		if m.Name != model.MetricNameLabel && !names[m.Name] {
			return nil, fmt.Errorf("%s has no label %s, only %s", e.Name, m.Name, names)
		}
	}
	return names, nil
}

func (c catalogue) checkAggregation(e *parser.AggregateExpr) (labelSet, error) {
	names, err := c.check(e.Expr)
	if err != nil {
		return nil, err
	}
	for _, name := range e.Grouping {
		if !names[name] {
			return nil, fmt.Errorf("%s: there is no label %s, only %s", e, name, names)
		}
	}
	switch {
	case e.Op == parser.TOPK || e.Op == parser.BOTTOMK:
		return names, nil
	case e.Without:
		return names.without(e.Grouping...), nil
	}
	return newLabelSet(e.Grouping...), nil
}

func (c catalogue) checkBinary(e *parser.BinaryExpr) (labelSet, error) {
	left, err := c.check(e.LHS)
	if err != nil {
		return nil, err
	}
	right, err := c.check(e.RHS)
	if err != nil {
		return nil, err
	}
	switch {
	case e.VectorMatching == nil && e.LHS.Type() == parser.ValueTypeScalar:
		return right, nil
	case e.VectorMatching == nil:
		return left, nil
	case e.VectorMatching.On:
		for _, name := range e.VectorMatching.MatchingLabels {
			if !left[name] || !right[name] {
				return nil, fmt.Errorf("%s: label %s is not on both sides, %s and %s", e, name, left, right)
			}
		}
	case !maps.Equal(left.without(e.VectorMatching.MatchingLabels...), right.without(e.VectorMatching.MatchingLabels...)):
		return nil, fmt.Errorf("%s: the sides have other labels, %s and %s", e, left, right)
	}
	for _, name := range e.VectorMatching.Include {
		if !right[name] && e.VectorMatching.Card == parser.CardManyToOne {
			return nil, fmt.Errorf("%s: group_left finds no label %s on the right, only %s", e, name, right)
		}
	}
	switch {
	case e.Op == parser.LOR:
		return left.with(slices.Collect(maps.Keys(right))...), nil
	case e.VectorMatching.Card == parser.CardOneToOne && e.VectorMatching.On:
		return newLabelSet(e.VectorMatching.MatchingLabels...), nil
	}
	return left.with(e.VectorMatching.Include...), nil
}

func (c catalogue) checkCall(e *parser.Call) (labelSet, error) {
	result := make(labelSet)
	for _, arg := range e.Args {
		names, err := c.check(arg)
		if err != nil {
			return nil, err
		}
		maps.Copy(result, names)
	}
	switch e.Func.Name {
	case "histogram_quantile":
		return result.without("le"), nil
	case "label_replace":
		if added, ok := e.Args[1].(*parser.StringLiteral); ok {
			return result.with(added.Val), nil
		}
	}
	return result, nil
}

// requestFamily reports whether a metric tells of requests, of which one may
// stand in both logs.
func (c catalogue) requestFamily(name string) bool {
	return c[name]["log"] && !strings.HasPrefix(name, "s3_access_exporter_") && !strings.HasPrefix(name, ofBuckets)
}

// sumsOverLog returns the metrics of which the expression mixes the two logs.
func sumsOverLog(expr parser.Expr, known catalogue) []string {
	var names []string
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok || !known.requestFamily(s.Name) || slices.ContainsFunc(s.LabelMatchers, fixesLog) {
			return nil
		}
		for _, above := range path {
			a, ok := above.(*parser.AggregateExpr)
			if ok && a.Without == slices.Contains(a.Grouping, "log") {
				names = append(names, s.Name)
			}
		}
		return nil
	})
	return names
}

func fixesLog(m *labels.Matcher) bool { return m.Name == "log" && m.Type == labels.MatchEqual }

func TestDashboards_AskForWhatIsThere(t *testing.T) {
	known := loadCatalogue(t)
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for name, target := range d.targets() {
			expr, err := someView().parse(target.Expr)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := known.check(expr); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, family := range sumsOverLog(expr, known) {
				t.Errorf("%s sums %s over log", name, family)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			selector, label, err := v.labelValues()
			if err != nil {
				t.Error(err)
				continue
			}
			names, err := known.check(selector)
			if err != nil || !names[label] {
				t.Errorf("variable %s: label %s of %s: %v", v.Name, label, names, err)
			}
		}
	})
}

func TestRules_AskForWhatIsThere(t *testing.T) {
	known := loadCatalogue(t)
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			expr, err := promQL().ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := known.check(expr); err != nil {
				t.Errorf("%s%s: %v", r.Record, r.Alert, err)
			}
		}
	}
}

func TestCatalogue_FindsWhatIsNotThere(t *testing.T) {
	known := loadCatalogue(t)
	for expr, found := range map[string]bool{
		`sum by (requester) (s3_access_sigv2_requests_total)`:                                                                            true,
		`s3_access_requests_totals`:                                                                                                      false,
		`s3_access_requests_total{requester="x"}`:                                                                                        false,
		`sum by (requester) (s3_access_requests_total)`:                                                                                  false,
		`sum by (bucket) (sum by (log) (s3_access_requests_total))`:                                                                      false,
		`sum by (le) (s3_access_request_duration_seconds)`:                                                                               false,
		`histogram_quantile(0.5, sum by (le) (s3_access_request_duration_seconds_bucket))`:                                               true,
		`sum by (log) (s3_access_requests_total) / sum by (bucket) (s3_access_requests_total)`:                                           false,
		`s3_access_sent_bytes_total * on (client) group_left s3_access_client_info`:                                                      false,
		`s3_access_object_requests_total * on (client, client_version) group_left (sigv4_default) s3_access_client_info`:                 true,
		`sum by (sigv4_default) (s3_access_object_requests_total * on (client, client_version) group_left () s3_access_client_info)`:     false,
		`s3_access_object_requests_total * on (client, client_version) group_left (nothing) s3_access_client_info`:                       false,
		`topk(3, s3_access_requests_total) and on (requester) s3_access_sigv2_requests_total`:                                            false,
		`process_cpu_seconds_total + on (job, instance) go_memstats_heap_inuse_bytes - on (job, instance) s3_access_exporter_build_info`: true,
	} {
		parsed, err := promQL().ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := known.check(parsed); (err == nil) != found {
			t.Errorf("%s: %v", expr, err)
		}
	}
	for expr, mixed := range map[string]bool{
		`sum(s3_access_requests_total)`:                                                true,
		`sum by (bucket) (sum by (bucket, log) (s3_access_requests_total))`:            true,
		`sum by (log) (s3_access_requests_total)`:                                      false,
		`sum without (bucket) (s3_access_requests_total)`:                              false,
		`sum without (log) (s3_access_requests_total)`:                                 true,
		`sum(s3_access_requests_total{log="cloudtrail"})`:                              false,
		`sum(s3_access_requests_total{log=~".+"})`:                                     true,
		`sum(rate(s3_access_exporter_log_records_total[5m]))`:                          false,
		`max(sum by (log) (s3_access_requests_total))`:                                 true,
		`count(sum by (requester) (s3_access_sigv2_requests_total{log="cloudtrail"}))`: false,
	} {
		parsed, err := promQL().ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sumsOverLog(parsed, known)) > 0; got != mixed {
			t.Errorf("%s: mixes the logs: %t", expr, got)
		}
	}
}
