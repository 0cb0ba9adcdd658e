// Command oldest runs expressions on samples with the engine of the oldest
// Prometheus that the dashboards and rules support. It reads JSON from standard
// input and writes JSON to standard output; oldest_test.go has both ends.
//
// It is built in a module of its own, with that version of Prometheus.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

type input struct {
	Series []struct {
		Labels     map[string]string
		Numbers    []struct{ T, F any }
		Histograms []struct {
			T int64
			H *histogram.Histogram
		}
	}
	Queries []struct {
		Expr     string
		From, To int64 // milliseconds; equal: an instant
		Step     int64
	}
}

// answer has the last number of each series, by its labels.
type answer struct {
	Error string
	Last  map[string]string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "oldest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	options := tsdb.DefaultOptions()
	options.EnableNativeHistograms = true
	options.OutOfOrderTimeWindow = (30 * 24 * time.Hour).Milliseconds()
	db, err := tsdb.Open(folder, nil, nil, options, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := fill(db, &in); err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50e6, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	answers := make([]answer, len(in.Queries))
	for i, q := range in.Queries {
		var query promql.Query
		var err error
		if from, to := time.UnixMilli(q.From), time.UnixMilli(q.To); q.Step == 0 {
			query, err = engine.NewInstantQuery(db, nil, q.Expr, to)
		} else {
			query, err = engine.NewRangeQuery(db, nil, q.Expr, from, to, time.Duration(q.Step)*time.Millisecond)
		}
		if err != nil {
			answers[i].Error = err.Error()
			continue
		}
		answers[i] = ask(query)
		query.Close()
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// fill stores the samples, a series at a time.
func fill(db *tsdb.DB, in *input) error {
	for _, series := range in.Series {
		appender := db.Appender(context.Background())
		ls := labels.FromMap(series.Labels)
		var ref storage.SeriesRef
		var err error
		for _, n := range series.Numbers {
			number, ok := n.F.(float64)
			if !ok {
				if number, err = strconv.ParseFloat(n.F.(string), 64); err != nil {
					return err
				}
			}
			if ref, err = appender.Append(ref, ls, int64(n.T.(float64)), number); err != nil {
				return fmt.Errorf("%s: %w", ls, err)
			}
		}
		for _, h := range series.Histograms {
			if ref, err = appender.AppendHistogram(ref, ls, h.T, h.H, nil); err != nil {
				return fmt.Errorf("%s: %w", ls, err)
			}
		}
		if err := appender.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func ask(query promql.Query) answer {
	result := query.Exec(context.Background())
	if result.Err != nil {
		return answer{Error: result.Err.Error()}
	}
	last := make(map[string]string)
	add := func(ls labels.Labels, number float64) { last[ls.String()] = strconv.FormatFloat(number, 'g', -1, 64) }
	switch v := result.Value.(type) {
	case promql.Scalar:
		add(nil, v.V)
	case promql.Vector:
		for _, s := range v {
			add(s.Metric, s.V)
		}
	case promql.Matrix:
		for _, s := range v {
			if n := len(s.Points); n > 0 {
				add(s.Metric, s.Points[n-1].V)
			}
		}
	default:
		return answer{Error: "a result of type " + string(result.Value.Type())}
	}
	return answer{Last: last}
}
