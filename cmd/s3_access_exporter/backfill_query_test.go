package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// openStorage opens Prometheus' storage in a directory, which it keeps as it is.
func openStorage(t *testing.T, dir string) *tsdb.DB {
	t.Helper()
	options := tsdb.DefaultOptions()
	// Nothing is deleted, and the head takes one series after the other.
	const long = 40 * 365 * 24 * time.Hour
	options.RetentionDuration = 0
	options.MinBlockDuration, options.MaxBlockDuration = long.Milliseconds(), long.Milliseconds()
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// load appends a history to a storage.
func load(t *testing.T, db *tsdb.DB, points []point) {
	t.Helper()
	app := db.Appender(t.Context())
	for _, p := range points {
		if _, err := app.Append(0, p.labels, p.time*1000, p.value); err != nil {
			t.Fatalf("%s at %d: %v", p.labels, p.time, err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

// wantIncreases checks that the increase of every series over a whole history is
// what a report counts. A history's series begin with 0, below which Prometheus
// does not extrapolate a counter, and have their last sample at the very end of
// the range. So nothing is extrapolated, and increases are exact.
func wantIncreases(t *testing.T, db storage.Queryable, points []point, report string) {
	t.Helper()
	all, err := parseSamples([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	want := all.requestFamilies().withoutEmptyLabels()
	first := slices.MinFunc(points, func(a, b point) int { return int(a.time - b.time) }).time
	last := slices.MaxFunc(points, func(a, b point) int { return int(a.time - b.time) }).time
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 100e6, Timeout: time.Minute, LookbackDelta: time.Hour, Parser: parser.NewParser(parser.Options{}),
	})
	got := make(samples)
	for name := range namesOf(want) {
		expression := fmt.Sprintf("increase(%s[%ds])", name, last-first+1)
		if name == clientInfo {
			expression = name
		}
		query, err := engine.NewInstantQuery(t.Context(), db, nil, expression, time.Unix(last, 0))
		if err != nil {
			t.Fatal(err)
		}
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		for _, s := range vector {
			named := labels.NewBuilder(s.Metric).Set(model.MetricNameLabel, name).Labels()
			got[point{labels: named}.series()] = s.F
		}
		query.Close()
	}
	if diff := got.diff(want); diff != "" {
		t.Error(diff)
	}
	if len(got) == 0 {
		t.Error("there are no series")
	}
}

// namesOf returns the names of metrics.
func namesOf(s samples) map[string]bool {
	names := make(map[string]bool)
	for series := range s {
		name, _, _ := strings.Cut(series, "{")
		names[name] = true
	}
	return names
}

// commands returns what backfill and report say of a bucket, given the same filters.
func commands(t *testing.T, bucket, step string, filters ...string) (history, report string) {
	t.Helper()
	backfill := runToEnd(t, append([]string{"backfill", "--step=" + step, bucket}, filters...)...)
	counts := runToEnd(t, append([]string{"report", "-o", "prometheus", bucket}, filters...)...)
	if backfill.code != counts.code {
		t.Errorf("exit codes %d and %d: %s", backfill.code, counts.code, backfill.stderr)
	}
	return backfill.stdout, counts.stdout
}

func TestBackfill_IncreasesAreWhatReportCounts(t *testing.T) {
	bucket, _ := deliveredBucket(t, 20*time.Second)
	for name, test := range map[string]struct{ bucket, step string }{
		"a fleet":  {bucket, "1m"},
		"fixtures": {fixtureBucket(t), "168h"},
	} {
		t.Run(name, func(t *testing.T) {
			history, report := commands(t, test.bucket, test.step)
			points := parseHistory(t, history)
			db := openStorage(t, t.TempDir())
			load(t, db, points)
			wantIncreases(t, db, points, report)
		})
	}
}
