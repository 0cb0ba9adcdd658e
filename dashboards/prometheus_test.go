package dashboards_test

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// timeless is a Prometheus without a clock: its storage takes samples of any
// time, in the order of time, and its engine runs expressions on them.
type timeless struct {
	storage *tsdb.DB
	engine  *promql.Engine
}

func newTimeless(t *testing.T) *timeless {
	t.Helper()
	options := tsdb.DefaultOptions()
	// Nothing leaves the head while a test runs.
	const long = 30 * 24 * time.Hour
	options.MinBlockDuration, options.MaxBlockDuration = long.Milliseconds(), long.Milliseconds()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &timeless{
		storage: db,
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 50e6, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promQL(),
		}),
	}
}

// sample is the value of a series, which is a number or a native histogram.
type sample struct {
	labels    labels.Labels
	number    float64
	histogram *histogram.Histogram
}

// readExposition returns the samples of an exposition in any format of which
// Prometheus has a parser, with the labels of their target added. Of a histogram
// that is there in both kinds it takes the native one, as Prometheus does.
func readExposition(t *testing.T, body []byte, contentType string, target labels.Labels) []sample {
	t.Helper()
	p, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return samples
		}
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		switch entry {
		case textparse.EntrySeries:
			_, _, s.number = p.Series()
		case textparse.EntryHistogram:
			_, _, s.histogram, _ = p.Histogram()
		default:
			continue
		}
		p.Labels(&s.labels)
		all := labels.NewBuilder(s.labels)
		target.Range(func(l labels.Label) { all.Set(l.Name, l.Value) })
		s.labels = all.Labels()
		samples = append(samples, s)
	}
}

// add stores samples as scraped at a time.
func (p *timeless) add(t *testing.T, at time.Time, samples []sample) {
	t.Helper()
	appender := p.storage.AppenderV2(t.Context())
	for _, s := range samples {
		_, err := appender.Append(0, s.labels, 0, timestamp.FromTime(at), s.number, s.histogram, nil, storage.AOptions{})
		if err != nil {
			t.Fatalf("%s: %v", s.labels, err)
		}
	}
	if err := appender.Commit(); err != nil {
		t.Fatal(err)
	}
}

// instant returns an expression's result at a time.
func (p *timeless) instant(t *testing.T, expr string, at time.Time) promql.Vector {
	t.Helper()
	query, err := p.engine.NewInstantQuery(t.Context(), p.storage, nil, expr, at)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v", expr, result.Err)
	}
	if scalar, ok := result.Value.(promql.Scalar); ok {
		return promql.Vector{{T: scalar.T, F: scalar.V}}
	}
	vector, err := result.Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	// The query's memory is used again after its end.
	copied := make(promql.Vector, len(vector))
	copy(copied, vector)
	return copied
}

// graph returns an expression's results from one time to another.
func (p *timeless) graph(t *testing.T, expr string, from, to time.Time, step time.Duration) promql.Matrix {
	t.Helper()
	query, err := p.engine.NewRangeQuery(t.Context(), p.storage, nil, expr, from, to, step)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v", expr, result.Err)
	}
	matrix, err := result.Matrix()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	copied := make(promql.Matrix, len(matrix))
	for i, series := range matrix {
		copied[i] = promql.Series{Metric: series.Metric, Floats: append([]promql.FPoint(nil), series.Floats...)}
	}
	return copied
}

// shown is what a query of a panel brings: a line of a graph, a row of a table or
// a number each. Where there is no number nothing is shown.
type shown struct {
	labels labels.Labels
	last   float64
}

// show runs a query of a panel as Grafana does in a view: the points of a graph
// are at multiples of its interval.
func (p *timeless) show(t *testing.T, query *target, v view) []shown {
	t.Helper()
	v = v.of(query)
	expr := v.interpolate(query.Expr)
	var all []shown
	if query.Instant {
		for _, s := range p.instant(t, expr, v.to) {
			if !math.IsNaN(s.F) {
				all = append(all, shown{labels: s.Metric, last: s.F})
			}
		}
		return all
	}
	for _, series := range p.graph(t, expr, v.from.Truncate(v.interval), v.to.Truncate(v.interval), v.interval) {
		numbers := slices.DeleteFunc(series.Floats, func(p promql.FPoint) bool { return math.IsNaN(p.F) })
		if n := len(numbers); n > 0 {
			all = append(all, shown{labels: series.Metric, last: numbers[n-1].F})
		}
	}
	return all
}
