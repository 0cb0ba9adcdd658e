//go:build integration

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// optional finds options that stand in comments: unlike prose, they are indented
// by steps of two behind the sign.
var optional = regexp.MustCompile(`(?m)^( *)#((?:  )*[^ \n])`)

// example returns a copy of one of the examples in deploy/, with all options
// switched on, in which texts are replaced by others, pair by pair.
func example(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	text := optional.ReplaceAllString(string(body), "$1$2")
	for pair := range slices.Chunk(replacements, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("%s does not have %q", name, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return writeFile(t, filepath.Base(name), text)
}

// promptRules returns a folder with copies of the rules in dashboards/, without
// the intervals that some groups have, for which a test cannot wait.
func promptRules(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../dashboards/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of rules, %v", len(files), err)
	}
	dir := t.TempDir()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`(?m)^    interval: .*\n`).ReplaceAll(text, nil)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startServer starts one of Prometheus' servers, which has to be on the PATH, on
// a free port, and returns where it listens. It ends with the test.
func startServer(t *testing.T, name string, args ...string) (address string) {
	t.Helper()
	var log logText
	server := exec.CommandContext(t.Context(), name, append(args, "--web.listen-address=127.0.0.1:0")...)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Wait() // the test's context has ended, and killed it
		if t.Failed() {
			t.Logf("%s:\n%s", name, log.problems())
		}
	})
	eventually(t, name+" is ready", func() bool {
		found := regexp.MustCompile(`msg="Listening on" .*address=(\S+)`).FindStringSubmatch(log.String())
		if found == nil {
			return false
		}
		address = found[1]
		response, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return address
}

// prometheusServer is a running Prometheus.
type prometheusServer struct {
	api v1.API
}

func startPrometheus(t *testing.T, configFile string) prometheusServer {
	t.Helper()
	address := startServer(t, "prometheus", "--config.file="+configFile, "--storage.tsdb.path="+t.TempDir())
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	return prometheusServer{api: v1.NewAPI(client)}
}

// awaitValue waits until an expression has a value, and no other.
func (p prometheusServer) awaitValue(t *testing.T, expr string, want model.SampleValue) {
	t.Helper()
	var got model.Vector
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s was last %v", expr, got)
		}
	})
	eventually(t, expr+" is "+want.String(), func() bool {
		got = evaluate[model.Vector](t, p, expr)
		return len(got) == 1 && got[0].Value == want
	})
}

// history returns all samples of the series that a selector selects.
func (p prometheusServer) history(t *testing.T, selector string) model.Matrix {
	t.Helper()
	return evaluate[model.Matrix](t, p, selector+"[1h]")
}

// evaluate returns what an expression, which is of type V, is now.
func evaluate[V model.Value](t *testing.T, p prometheusServer, expr string) V {
	t.Helper()
	value, _, _, err := p.api.Query(t.Context(), expr, time.Now())
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return value.(V)
}

// awaitEvaluations waits until all rules were evaluated some more times, and
// succeeded.
func (p prometheusServer) awaitEvaluations(t *testing.T, times int) {
	t.Helper()
	for range times {
		began := time.Now()
		eventually(t, "all rules are evaluated", func() bool {
			result, err := p.api.Rules(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range result.Groups {
				for _, rule := range group.Rules {
					if !evaluatedSince(t, rule, began) {
						return false
					}
				}
			}
			return len(result.Groups) > 0
		})
	}
}

// evaluatedSince reports whether an alerting or recording rule was evaluated
// after a time. It fails the test if the rule fails.
func evaluatedSince(t *testing.T, rule any, began time.Time) bool {
	t.Helper()
	var name, problem string
	var evaluated time.Time
	switch r := rule.(type) {
	case v1.AlertingRule:
		name, problem, evaluated = r.Name, r.LastError, r.LastEvaluation
	case v1.RecordingRule:
		name, problem, evaluated = r.Name, r.LastError, r.LastEvaluation
	default:
		t.Fatalf("a rule of type %T", rule)
	}
	if problem != "" {
		t.Fatalf("%s: %s", name, problem)
	}
	return evaluated.After(began)
}

// awaitNoAlerts waits until no alert is pending or firing. Those that look back
// an hour stay, so it misses none that fired before.
func (p prometheusServer) awaitNoAlerts(t *testing.T) {
	t.Helper()
	var got map[v1.AlertState][]string
	t.Cleanup(func() {
		if t.Failed() && len(got) > 0 {
			t.Logf("alerts: %q", got)
		}
	})
	eventually(t, "there are no alerts", func() bool {
		got = p.alerts(t)
		return len(got) == 0
	})
}

// alerts returns the names of the alerts that are pending or firing, by state.
func (p prometheusServer) alerts(t *testing.T) map[v1.AlertState][]string {
	t.Helper()
	result, err := p.api.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[v1.AlertState][]string)
	for _, alert := range result.Alerts {
		names[alert.State] = append(names[alert.State], string(alert.Labels[model.AlertNameLabel]))
	}
	return names
}

// pagerServer is whoever is called by Alertmanager's webhook.
type pagerServer struct {
	url   string
	calls chan notification
}

// notification is what Alertmanager tells a webhook.
// See https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
type notification struct {
	Receiver string
	Status   string // firing or resolved
	Alerts   []struct {
		Labels, Annotations map[string]string
	}
}

func startPager(t *testing.T) pagerServer {
	t.Helper()
	const most = 16 // calls; Alertmanager repeats what is not taken
	p := pagerServer{calls: make(chan notification, most)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call notification
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Errorf("Alertmanager's call: %v", err)
		}
		select {
		case p.calls <- call:
		default:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// await returns the next call.
func (p pagerServer) await(t *testing.T) notification {
	t.Helper()
	const within = time.Minute
	select {
	case call := <-p.calls:
		return call
	case <-time.After(within):
		t.Fatalf("nobody calls the pager within %v", within)
		return notification{}
	}
}

// wantSilence fails the test if there was a call since the last.
func (p pagerServer) wantSilence(t *testing.T) {
	t.Helper()
	select {
	case call := <-p.calls:
		t.Errorf("the pager is told %+v", call)
	default:
	}
}
