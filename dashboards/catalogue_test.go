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
