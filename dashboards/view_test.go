package dashboards_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// view is what somebody has chosen in Grafana: a time range and the values of
// the variables. Grafana puts both into the expressions.
type view struct {
	from, to     time.Time
	interval     time.Duration // between two points of a graph
	scrape       time.Duration // of the data source
	rateInterval time.Duration
	values       map[string]string // by variable, as Grafana writes them into a regular expression
}

// newView returns a view in which no variable has a value.
func newView(from, to time.Time) view {
	v := view{from: from, to: to, scrape: time.Minute, interval: time.Minute, values: make(map[string]string)}
	return v.of(&target{})
}

// of returns the view of a query: its least interval counts as that of scrapes.
func (v view) of(query *target) view {
	if query.Interval != "" {
		least, err := model.ParseDuration(query.Interval)
		if err != nil {
			panic(err)
		}
		v.scrape = time.Duration(least)
		v.interval = max(v.interval, v.scrape)
	}
	v.rateInterval = max(v.interval+v.scrape, 4*v.scrape)
	return v
}

// with returns the view with another value of a variable.
func (v view) with(name, value string) view {
	v.values = maps.Clone(v.values)
	v.values[name] = value
	return v
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
	v := newView(time.Unix(0, 0), time.Unix(0, 0).Add(6*time.Hour))
	v.rateInterval = 241 * time.Second
	v.values = map[string]string{
		"job": ".+", "instance": ".+", "account_id": ".*", "bucket": "(example-media|)", "log": "server_access", "ranked": "()", "feature": ".+",
	}
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

// everything returns the view of somebody who has chosen a log, and All of
// everything else.
func (p *timeless) everything(t *testing.T, d *dashboard, log string, from, to time.Time) view {
	t.Helper()
	return p.choose(t, d, newView(from, to).with("log", log))
}

// choose gives values to those variables of a dashboard that have none in the
// view: All, as Grafana understands it. That is the value for it if the variable
// has one, else every value that there is in the time range.
func (p *timeless) choose(t *testing.T, d *dashboard, v view) view {
	t.Helper()
	for i := range d.Templating.List {
		variable := &d.Templating.List[i]
		if _, chosen := v.values[variable.Name]; chosen || variable.Type != "query" {
			continue
		}
		if variable.AllValue != "" {
			v = v.with(variable.Name, variable.AllValue)
			continue
		}
		v = v.with(variable.Name, anyOf(p.options(t, variable, v)))
	}
	return v
}

// options returns the values that a variable offers in a view.
func (p *timeless) options(t *testing.T, variable *variable, v view) []string {
	t.Helper()
	query := labelValuesQuery.FindStringSubmatch(variable.Query)
	selector, label := v.interpolate(query[1]), query[2]
	span := model.Duration(v.to.Sub(v.from)).String()
	var options []string
	for _, s := range p.instant(t, "count by ("+label+") (last_over_time("+selector+"["+span+"]))", v.to) {
		if value := s.Metric.Get(label); value != "" {
			options = append(options, value)
		}
	}
	slices.Sort(options)
	for _, o := range variable.StaticOptions {
		options = append(options, o.Value)
	}
	return options
}

// anyOf returns a regular expression in an expression of PromQL, as Grafana
// writes several chosen values.
func anyOf(values []string) string {
	var all []string
	for _, value := range values {
		all = append(all, strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`))
	}
	if len(all) == 1 {
		return all[0]
	}
	return "(" + strings.Join(all, "|") + ")"
}
