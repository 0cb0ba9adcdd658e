package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// point is a sample of a history.
type point struct {
	name  string
	text  string // the series, name and labels, as the history has it
	time  int64  // in seconds
	value float64
}

// A sample of a history, and a label of one, as OpenMetrics has them:
// https://prometheus.io/docs/specs/om/open_metrics_spec/#abnf
var (
	pointLine = regexp.MustCompile(`^(([a-z_0-9]+)(?:\{` + label + `(?:,` + label + `)*\})?) (\S+) (\d+)\n$`)
	pairText  = regexp.MustCompile(label)
)

const label = `([a-z_0-9]+)=("(?:[^"\\\n]|\\["\\n])*")`

// parseHistory reads what backfill writes. dashboards/increase_test.go reads it with
// Prometheus' own parser.
func parseHistory(t *testing.T, text string) []point {
	t.Helper()
	var points []point
	for line := range strings.Lines(text) {
		if line[0] == '#' {
			continue
		}
		found := pointLine.FindStringSubmatch(line)
		if found == nil {
			t.Fatalf("after %d samples: %q", len(points), line)
		}
		value, err := strconv.ParseFloat(found[len(found)-2], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		seconds, err := strconv.ParseInt(found[len(found)-1], 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		points = append(points, point{name: found[2], text: found[1], time: seconds, value: value})
	}
	return points
}

// series returns the point's series as the samples of a scrape name it, without
// what a fleet does not know.
func (p point) series() string {
	var pairs [][]string
	var last []string
	for _, pair := range pairText.FindAllStringSubmatch(p.text, -1) {
		value, err := strconv.Unquote(pair[2])
		switch {
		case err != nil:
			panic(err) // the pattern allows what Go does
		case pair[1] == "sigv4_default", pair[1] == "support":
		case pair[1] == "le":
			last = []string{"le", strings.TrimSuffix(value, ".0")}
		default:
			pairs = append(pairs, []string{pair[1], value})
		}
	}
	slices.SortFunc(pairs, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return labelled(p.name, append(slices.Concat(pairs...), last...)...)
}
