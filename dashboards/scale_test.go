package dashboards_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// crowd returns the samples of an exposition that was read, but with many series
// instead of few, up to a number of each metric: the values of labels that the
// world chooses become many.
func crowd(few []sample, most int) []sample {
	// How many values each of those labels has, in a large company.
	values := map[string]int{
		"account_id": 60, "bucket": 400, "operation": 60, "requester": 3000, "source_ip": most, "client": 40, "client_version": 400,
		"location": 34,
	}
	shares := make(map[string]int)
	for _, s := range few {
		shares[s.labels.Get(model.MetricNameLabel)]++
	}
	seen := make(map[uint64]bool)
	var all []sample
	for _, s := range few {
		own := strings.HasPrefix(s.labels.Get(model.MetricNameLabel), "s3_access_exporter_")
		for i := range most / shares[s.labels.Get(model.MetricNameLabel)] {
			b := labels.NewBuilder(s.labels)
			open := false
			for name, n := range values {
				if s.labels.Has(name) && (!own || name == "location") {
					b.Set(name, fmt.Sprintf("%s-%d", name, i%n))
					open = true
				}
			}
			if series := b.Labels(); !seen[series.Hash()] {
				seen[series.Hash()] = true
				all = append(all, sample{labels: series, number: s.number})
			}
			if !open {
				break
			}
		}
	}
	return all
}

// representatives returns one sample each of the metrics of a few, with all
// values of the labels whose values the exporter chooses.
func representatives(all []sample) []sample {
	seen := make(map[string]bool)
	var few []sample
	for _, s := range all {
		var closed strings.Builder
		for _, name := range []string{model.MetricNameLabel, "log", "outcome", "signature", "auth_method", "reason", "family", "le"} {
			closed.WriteString(s.labels.Get(name) + "\xff")
		}
		if !seen[closed.String()] {
			seen[closed.String()] = true
			few = append(few, s)
		}
	}
	return few
}

func TestDashboards_StayReadableWithThousandsOfSeries(t *testing.T) {
	const (
		series  = 12_000 // of each metric
		scrapes = 4
		rows    = 50
		lines   = 12
	)
	exposition, err := os.ReadFile("../cmd/s3_access_exporter/testdata/serve.golden")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("{VARIES}", "", " VARIES", " 7").Replace(string(exposition))
	one := labels.FromStrings("job", "s3_access_exporter", "instance", "exporter-1")
	samples := crowd(representatives(readExposition(t, []byte(text), "text/plain", one)), series)
	counted := make(map[string]int)
	for _, s := range samples {
		counted[s.labels.Get(model.MetricNameLabel)]++
	}
	for _, family := range []string{"s3_access_sigv2_requests_total", "s3_access_anonymous_requests_total", "s3_access_object_requests_total"} {
		if counted[family] < 10_000 {
			t.Errorf("%s has only %d series", family, counted[family])
		}
	}

	p := newTimeless(t)
	begin := time.Unix(0, 0).Add(time.Hour)
	for i := range scrapes {
		for j := range samples {
			samples[j].number = float64(i * (j%100 + 1))
		}
		p.add(t, begin.Add(time.Duration(i)*time.Minute), samples)
	}
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		v := p.everything(t, d, "server_access", begin, begin.Add((scrapes-1)*time.Minute))
		for panel := range d.queries() {
			n, most := 0, lines
			for i := range panel.Targets {
				found := len(p.show(t, &panel.Targets[i], v))
				if panel.Type == "table" {
					n, most = max(n, found), rows // merged
				} else {
					n += found
				}
			}
			if n > most {
				t.Errorf("panel %q shows %d series, more than %d", panel.Title, n, most)
			}
		}
	})
}
