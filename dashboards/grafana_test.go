package dashboards_test

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestGrafana_ShowsWhatIsSo looks at what Grafana makes of an hour of requests,
// of which some labels look like numbers, and some are empty.
func TestGrafana_ShowsWhatIsSo(t *testing.T) {
	p, begin, end := hourBefore(t, time.Now())
	screens := askGrafana(t, p.results(t, newView(begin, end).with("log", "server_access")))
	for theme, screen := range screens {
		t.Run(theme, func(t *testing.T) {
			for key, shown := range screen.Panels {
				if len(shown.Values)+len(shown.Columns)+len(shown.Series) == 0 {
					t.Errorf("%s shows nothing", key)
				}
				shown.testTexts(t, key)
				shown.testColumns(t, key)
				shown.testColours(t, key, screen.Background)
			}
		})
	}
	t.Run("accounts and versions", func(t *testing.T) {
		var texts []string
		for _, shown := range screens["light"].Panels {
			for _, column := range shown.Columns {
				for _, cell := range column.Cells {
					texts = append(texts, cell.Text)
				}
			}
		}
		for _, want := range []string{
			"012345678901", "1.10", "7.0", "2.1354", "not told", "an hour ago", "user/cms · 012345678901", "assumed-role/etl · 444455556666",
		} {
			if !slices.Contains(texts, want) {
				t.Errorf("no cell has %q", want)
			}
		}
	})
	t.Run("legends", func(t *testing.T) {
		for file, d := range loadDashboards(t) {
			for panel := range d.queries() {
				legend := panel.Options.Legend
				if panel.Type == "timeseries" && len(legend.Calcs) > 0 &&
					!slices.Contains(screens["light"].Panels[file+" / "+panel.Title].Sortable, legend.SortBy) {
					t.Errorf("%s / %s: no legend can be sorted by %q", file, panel.Title, legend.SortBy)
				}
			}
		}
		for name, want := range map[string]string{"SigV2": "red", "SigV4": "green", "denied": "semi-dark-orange", "error": "red"} {
			found := false
			for key, shown := range screens["dark"].Panels {
				for _, series := range shown.Series {
					if series.Name == "" || series.Name == "Value" {
						t.Errorf("%s: a line has no name", key)
					}
					if series.Name != name {
						continue
					}
					found = true
					if got := series.Color; got != darkColours[want] {
						t.Errorf("%s: %s is %s, not %s", key, name, got, darkColours[want])
					}
				}
			}
			if !found {
				t.Errorf("no graph shows %s", name)
			}
		}
	})
}

// darkColours are some of Grafana's, in the dark theme.
var darkColours = map[string]string{"red": "#F2495C", "green": "#73BF69", "semi-dark-orange": "#FF780A"}

// testTexts looks for dates in the last century, and for blanks.
func (s *grafanaShown) testTexts(t *testing.T, key string) {
	t.Helper()
	texts := slices.Clone(s.Values)
	for _, column := range s.Columns {
		texts = append(texts, column.Cells...)
	}
	for _, shown := range texts {
		if strings.TrimSpace(shown.Text) == "" {
			t.Errorf("%s: something is blank", key)
		}
		// A shard's number may be 0, which is no amount.
		if s.Columns != nil && shown.Text == "0" && !strings.Contains(key, "Denied") && !strings.Contains(key, "Requesters") && !strings.Contains(key, "Shards") {
			t.Errorf("%s has a row of nothing", key)
		}
		if strings.Contains(shown.Text, "year") || strings.Contains(shown.Text, "NaN") || strings.Contains(shown.Text, "No data") {
			t.Errorf("%s shows %q", key, shown.Text)
		}
	}
}

var mappedARN = regexp.MustCompile(`^arn:[^:]+:(?:iam|sts)::([^:]*):(.+)$`)

// testColumns checks that labels are what they were: numbers are for numbers.
func (s *grafanaShown) testColumns(t *testing.T, key string) {
	t.Helper()
	for _, column := range s.Columns {
		if column.Type != "string" {
			continue
		}
		for i, cell := range column.Cells {
			want := "not told"
			if raw := column.Raw[i]; raw != nil && *raw != "" {
				want = mappedARN.ReplaceAllString(*raw, "$2 · $1")
			}
			if cell.Text != want {
				t.Errorf("%s: column %q shows %q, not %q", key, column.Title, cell.Text, want)
			}
		}
	}
}

// testColours checks that texts that have a colour can be read.
func (s *grafanaShown) testColours(t *testing.T, key, background string) {
	t.Helper()
	const least = 3 // of the WCAG for large text
	for _, shown := range s.Values {
		if !strings.HasPrefix(shown.Color, "#") {
			continue // as all text
		}
		if c := contrast(t, shown.Color, background); c < least {
			t.Errorf("%s: %q is hard to read: %s on %s, contrast %.1f", key, shown.Text, shown.Color, background, c)
		}
	}
}

// contrast returns the contrast ratio of two colours, by the WCAG.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			if c := float64(n) / 255; c <= 0.03928 {
				sum += weight * c / 12.92
			} else {
				sum += weight * math.Pow((c+0.055)/1.055, 2.4)
			}
		}
		return sum
	}
	dark, light := luminance(a), luminance(b)
	if dark > light {
		dark, light = light, dark
	}
	return (light + 0.05) / (dark + 0.05)
}

// TestGrafana_ShowsNothingAsNothing looks at answers without a number: those of a
// Prometheus that knows nothing, and those of a division of nothing by nothing.
func TestGrafana_ShowsNothingAsNothing(t *testing.T) {
	end := time.Unix(1_800_000_000, 0)
	empty := newTimeless(t).results(t, newView(end.Add(-time.Hour), end).with("log", "server_access"))
	undefined := slices.Clone(empty)
	for i := range undefined {
		undefined[i].Queries = slices.Clone(undefined[i].Queries)
		for j := range undefined[i].Queries {
			undefined[i].Queries[j].Series = []grafanaSeries{{Labels: map[string]string{}, Points: [][2]any{{end.UnixMilli(), "NaN"}}}}
		}
	}
	// Of these, that there is none is good, and of those it is bad.
	good := []string{"Since the last"}
	bad := []string{
		"Data as of", "Pending or stale", "Exporters down", "Locations that fail", "Pending objects", "Quarantined objects", "Malformed records",
		"API cost of 30 days", "Series as a share of the limit",
	}
	for name, panels := range map[string][]grafanaPanel{"empty": empty, "undefined": undefined} {
		screen := askGrafana(t, panels)["dark"]
		for key, shown := range screen.Panels {
			_, title, _ := strings.Cut(key, " / ")
			if shown.Columns != nil || shown.Series != nil {
				if shown.NoValue == "" {
					t.Errorf("%s, %s: it looks like a failure", key, name)
				}
				continue
			}
			if len(shown.Values) == 0 {
				t.Errorf("%s, %s: it shows nothing", key, name)
			}
			for _, value := range shown.Values {
				if strings.TrimSpace(value.Text) == "" || strings.Contains(value.Text, "No data") || strings.Contains(value.Text, "NaN") {
					t.Errorf("%s, %s: it shows %q", key, name, value.Text)
				}
				if isRed, isGreen := value.Color == darkColours["red"], value.Color == darkColours["green"]; isRed != slices.Contains(bad, title) ||
					isGreen != slices.Contains(good, title) {
					t.Errorf("%s, %s: %q is %s", key, name, value.Text, value.Color)
				}
			}
		}
	}
}
