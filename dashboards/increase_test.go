package dashboards_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// deliveredBucket returns a new directory with what a fleet delivers in some time.
func deliveredBucket(t *testing.T, span time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	begin := time.Now().Add(-time.Hour)
	objects, _ := fleet.New(fleet.Config{Seed: 7}).Deliver(begin, begin.Add(span))
	for _, obj := range objects {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(obj.Key)), obj.Body)
	}
	return dir
}

// fixtureBucket returns a new directory with the log bucket of the commands' tests.
// What is JSON there is gzipped in the bucket.
func fixtureBucket(t *testing.T) string {
	t.Helper()
	dir, source := t.TempDir(), os.DirFS("../cmd/s3_access_exporter/testdata/bucket")
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".json") {
			path, body = path+".gz", gzipped(t, body)
		}
		writeFile(t, filepath.Join(dir, filepath.FromSlash(path)), body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// commands returns what backfill and report print of a bucket, given the same filters.
func commands(t *testing.T, binary, bucket, step string, filters ...string) (history, report []byte) {
	t.Helper()
	run := func(args ...string) (stdout []byte, code int) {
		t.Helper()
		var stderr bytes.Buffer
		command := exec.CommandContext(t.Context(), binary, append(append(args, bucket), filters...)...)
		command.Stderr = &stderr
		stdout, err := command.Output()
		if failed := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &failed) || failed.ExitCode() != 1) {
			t.Fatalf("%q: %v\n%s", args, err, stderr.String()) // 1: an object could not be read
		}
		return stdout, command.ProcessState.ExitCode()
	}
	history, first := run("backfill", "--step="+step)
	report, second := run("report", "--output=prometheus")
	if first != second {
		t.Errorf("backfill's exit code is %d, that of report %d", first, second)
	}
	return history, report
}

// point is a sample of a history.
type point struct {
	labels labels.Labels
	time   int64 // in milliseconds
	value  float64
}

// parsePoints reads text with Prometheus' own parser.
func parsePoints(t *testing.T, parser textparse.Parser) []point {
	t.Helper()
	var points []point
	for {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return points
		case err != nil:
			t.Fatalf("after %d samples: %v", len(points), err)
		case entry != textparse.EntrySeries:
			continue
		}
		var p point
		_, at, value := parser.Series()
		if at != nil {
			p.time = *at
		}
		parser.Labels(&p.labels)
		p.labels = alike(p.labels, p.labels.Get(model.MetricNameLabel))
		p.value = value
		points = append(points, p)
	}
}

// alike returns a series of a name as all formats have it: OpenMetrics writes
// 1.0 what the older one writes 1, and an empty label is none.
func alike(series labels.Labels, name string) labels.Labels {
	le := strings.TrimSuffix(series.Get(model.BucketLabel), ".0")
	return labels.NewBuilder(series).Set(model.BucketLabel, le).Set(model.MetricNameLabel, name).Labels()
}

func parseHistory(t *testing.T, history []byte) []point {
	t.Helper()
	return parsePoints(t, textparse.NewOpenMetricsParser(history, labels.NewSymbolTable()))
}

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
		if _, err := app.Append(0, p.labels, p.time, p.value); err != nil {
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
func wantIncreases(t *testing.T, db storage.Queryable, points []point, report []byte) {
	t.Helper()
	want, names := make(map[string]float64), make(map[string]bool)
	for _, p := range parsePoints(t, textparse.NewPromParser(report, labels.NewSymbolTable(), false)) {
		name := p.labels.Get(model.MetricNameLabel)
		if strings.HasPrefix(name, "s3_access_") && !strings.HasPrefix(name, "s3_access_exporter_") {
			want[p.labels.String()], names[name] = p.value, true
		}
	}
	byTime := func(a, b point) int { return cmp.Compare(a.time, b.time) }
	first, last := slices.MinFunc(points, byTime).time, slices.MaxFunc(points, byTime).time
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100e6, Timeout: time.Minute, LookbackDelta: time.Hour, Parser: promQL()})
	got := make(map[string]float64)
	for name := range names {
		expression := fmt.Sprintf("increase(%s[%dms])", name, last-first+1)
		if name == "s3_access_client_info" {
			expression = name
		}
		query, err := engine.NewInstantQuery(t.Context(), db, nil, expression, time.UnixMilli(last))
		if err != nil {
			t.Fatal(err)
		}
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		for _, s := range vector {
			got[alike(s.Metric, name).String()] = s.F
		}
		query.Close()
	}
	for series, value := range want {
		if increase, found := got[series]; !found || increase != value {
			t.Fatalf("%s increased by %v (in the history: %t), report counts %v", series, increase, found, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the history has %d series, report %d", len(got), len(want))
	}
	if len(want) == 0 {
		t.Error("there are no series")
	}
}

// Live data begin anew where the history ends, at --until, and with 0, as those of an
// exporter do that counts what comes from then on. The history does not count once more.
func TestBackfill_LiveDataGoOnWhereItEnds(t *testing.T) {
	binary, bucket := build(t), fixtureBucket(t)
	until := time.Date(2026, 1, 15, 10, 3, 17, 0, time.UTC)
	for _, step := range []string{"1m", "1h"} {
		history, report := commands(t, binary, bucket, step, "--since=2026-01-01", "--until="+until.Format(time.RFC3339))
		points := parseHistory(t, history)
		last := make(map[string]point)
		for _, p := range points {
			last[p.labels.String()] = p
		}
		var live []point
		for _, p := range last {
			if p.labels.Get(model.MetricNameLabel) != "s3_access_client_info" {
				p.value = 0
			}
			for _, scrape := range []time.Duration{time.Second, 16 * time.Second} {
				p.time = until.Add(scrape).UnixMilli()
				live = append(live, p)
			}
		}
		db := openStorage(t, t.TempDir())
		load(t, db, points)
		load(t, db, live)
		wantIncreases(t, db, append(points, live...), report)
	}
}

func TestBackfill_IncreasesAreWhatReportCounts(t *testing.T) {
	binary := build(t)
	for name, test := range map[string]struct{ bucket, step string }{
		"a fleet":  {deliveredBucket(t, 20*time.Second), "1m"},
		"fixtures": {fixtureBucket(t), "168h"},
	} {
		t.Run(name, func(t *testing.T) {
			history, report := commands(t, binary, test.bucket, test.step)
			points := parseHistory(t, history)
			db := openStorage(t, t.TempDir())
			load(t, db, points)
			wantIncreases(t, db, points, report)
		})
	}
}
