package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// oldestPrometheus is the program in testdata/oldest.
var oldestPrometheus = flag.String("prometheus.oldest", "", "program with the engine of the oldest Prometheus: runs every expression there too")

// What that program gets.
type (
	oldestInput struct {
		Series  []oldestSeries
		Queries []oldestQuery
	}
	oldestSeries struct {
		Labels     map[string]string
		Numbers    []oldestNumber
		Histograms []oldestHistogram
	}
	oldestNumber struct {
		T int64
		F any // a number, or its text
	}
	oldestHistogram struct {
		T int64
		H *histogram.Histogram
	}
	oldestQuery struct {
		Expr     string
		From, To int64
		Step     int64
	}
	oldestAnswer struct {
		Error string
		Last  map[string]string
	}
)

// dump returns everything that is stored.
func (p *timeless) dump(t *testing.T) []oldestSeries {
	t.Helper()
	querier, err := p.storage.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = querier.Close() }()
	set := querier.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	var all []oldestSeries
	var it chunkenc.Iterator
	for set.Next() {
		series := oldestSeries{Labels: set.At().Labels().Map()}
		it = set.At().Iterator(it)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			switch kind {
			case chunkenc.ValFloat:
				at, number := it.At()
				n := oldestNumber{T: at, F: number}
				if math.IsNaN(number) || math.IsInf(number, 0) {
					n.F = strconv.FormatFloat(number, 'g', -1, 64)
				}
				series.Numbers = append(series.Numbers, n)
			case chunkenc.ValHistogram:
				at, h := it.AtHistogram(nil)
				series.Histograms = append(series.Histograms, oldestHistogram{T: at, H: h.Copy()})
			default:
				t.Fatalf("%s has samples of kind %s", set.At().Labels(), kind)
			}
		}
		all = append(all, series)
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// grow stores a native histogram that gets two observations a minute.
func (p *timeless) grow(t *testing.T, begin, end time.Time, name string, pairs ...string) {
	t.Helper()
	series := labels.NewBuilder(labels.FromStrings(pairs...)).Set(model.MetricNameLabel, name).Labels()
	n := int64(0)
	for at := begin; !at.After(end); at = at.Add(time.Minute) {
		p.add(t, at, []sample{{labels: series, histogram: &histogram.Histogram{
			Count: uint64(2 * n), Sum: float64(3 * n), ZeroThreshold: 0.001,
			PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}}, PositiveBuckets: []int64{n, 0},
		}}})
		n++
	}
}

// TestOldestPrometheus_AnswersAsTheNewest runs every expression of the dashboards
// and of the rules with both engines. One instance has native histograms, the
// other classic ones.
func TestOldestPrometheus_AnswersAsTheNewest(t *testing.T) {
	if *oldestPrometheus == "" {
		t.Skip("-prometheus.oldest is not given")
	}
	p, begin, end := hourBefore(t, time.Now())
	const native = "native:10403"
	for name, pairs := range map[string][]string{
		"s3_access_request_duration_seconds":                    {"log", "server_access", "bucket", "example-lake", "operation", "GetObject"},
		"s3_access_exporter_delivery_delay_seconds":             nil,
		"s3_access_exporter_checkpoint_commit_duration_seconds": nil,
	} {
		p.grow(t, begin, end, name, append(pairs, "job", "s3_access_exporter", "instance", native)...)
	}
	p.growing(t, begin, end, time.Minute, 2, "s3_access_requests_total", "log", "server_access", "bucket", "example-lake", "operation", "GetObject",
		"instance", native)

	in := oldestInput{Series: p.dump(t)}
	var names []string
	var want []map[string]float64
	ask := func(name string, query *target, v view) {
		v = v.of(query)
		q := oldestQuery{Expr: v.interpolate(query.Expr), From: v.to.UnixMilli(), To: v.to.UnixMilli()}
		if !query.Instant {
			q.From, q.To, q.Step = v.from.Truncate(v.interval).UnixMilli(), v.to.Truncate(v.interval).UnixMilli(), v.interval.Milliseconds()
		}
		last := make(map[string]float64)
		for _, series := range p.answer(t, query, v).Series {
			number := series.Points[len(series.Points)-1][1]
			if text, ok := number.(string); ok {
				number, _ = strconv.ParseFloat(text, 64)
			}
			last[labels.FromMap(series.Labels).String()] = number.(float64)
		}
		if histogram := strings.Contains(query.Expr, "histogram_quantile"); histogram && len(last) == 0 {
			t.Errorf("%s: nothing of %s", name, v.values["instance"])
		}
		names, want, in.Queries = append(names, name), append(want, last), append(in.Queries, q)
	}
	for file, d := range loadDashboards(t) {
		v := p.everything(t, d, "server_access", begin, end)
		for name, query := range d.targets() {
			if strings.Contains(query.Expr, "histogram_quantile") {
				ask(file+", "+name+", native", query, v.with("instance", native))
				v := v.with("instance", "exporter:10403")
				ask(file+", "+name+", classic", query, v)
				continue
			}
			ask(file+", "+name, query, v)
		}
	}
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			ask(r.Alert+r.Record, &target{Expr: r.Expr, Instant: true}, newView(begin, end))
		}
	}

	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), *oldestPrometheus)
	program.Stdin, program.Stderr = bytes.NewReader(input), os.Stderr
	output, err := program.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []oldestAnswer
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatal(err)
	}
	for i, got := range answers {
		if got.Error != "" || len(got.Last) != len(want[i]) {
			t.Errorf("%s: %s: %d series, not %d", names[i], got.Error, len(got.Last), len(want[i]))
			continue
		}
		for series, number := range want[i] {
			old, err := strconv.ParseFloat(got.Last[series], 64)
			// Ranges were closed on both sides before Prometheus 3.
			if tolerance := 0.05 * math.Abs(number); err != nil || math.Abs(old-number) > tolerance && !math.IsNaN(number) {
				t.Errorf("%s: %s is %q, not %v", names[i], series, got.Last[series], number)
			}
		}
	}
	if len(answers) < 100 {
		t.Errorf("only %d expressions", len(answers))
	}
}
