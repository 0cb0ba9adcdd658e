//go:build integration

package main

import (
	"flag"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

var demoDuration = flag.Duration("demo.duration", 20*time.Second, "how long Prometheus scrapes the demo")

// Prometheus takes an exemplar that is not later than the one that it has of a series for
// out of order. Each second, requests come, and Prometheus scrapes, in both formats that
// have exemplars.
func TestPrometheus_SeesNoExemplarOfTheDemoOutOfOrder(t *testing.T) {
	t.Parallel()
	demo := launch(t, []string{"TMPDIR=" + t.TempDir()}, "demo", "--web.listen-address=127.0.0.1:0")
	eventually(t, "the demo listens", func() bool { return demo.hasEnded() || demo.url() != "" })
	address, err := url.Parse(demo.url())
	if err != nil || address.Host == "" {
		t.Fatal(err, demo.stderr.String())
	}
	server := startServer(t, "prometheus", "--enable-feature=exemplar-storage", "--storage.tsdb.path="+t.TempDir(),
		"--config.file="+writeFile(t, "prometheus.yml", `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: openmetrics
    static_configs: [targets: ["`+address.Host+`"]]
  - job_name: protobuf
    scrape_native_histograms: true
    static_configs: [targets: ["`+address.Host+`"]]
`))
	own := func() samples {
		response, err := http.Get("http://" + server + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		all, err := parseSamples(text)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	const appended, late = "prometheus_tsdb_exemplar_exemplars_appended_total", "prometheus_tsdb_exemplar_out_of_order_exemplars_total"
	begin := time.Now()
	converge(t, "Prometheus has scraped for long enough", func() (float64, bool) {
		all := own()
		return all[appended], time.Since(begin) > *demoDuration && all[appended] > 1000 || all[late] > 0
	})
	if all := own(); all[late] > 0 {
		t.Errorf("of %v exemplars, %v were out of order", all[appended], all[late])
	} else {
		t.Logf("%v exemplars in %v, none out of order", all[appended], time.Since(begin).Round(time.Second))
	}
}
