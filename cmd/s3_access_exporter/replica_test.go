//go:build integration

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

var (
	failoverKills = flag.Int("failovers.kills", 5, "how often another replica takes over from one that was killed")
	failoverStops = flag.Int("failovers.stops", 5, "how often another replica takes over from one that stands still")
)

// stateBucket is where the replicas of a test keep their checkpoint.
const (
	logBucket   = "example-logs"
	stateBucket = "example-state"
	port        = ":10403" // of the kit's examples
)

// startStore starts a store with the buckets of replicas, and returns the arguments with
// which they are started.
func startStore(t *testing.T) (*miniotest.MinIO, []string) {
	t.Helper()
	minio := miniotest.Start(t)
	minio.CreateBucket(t, logBucket)
	minio.CreateBucket(t, stateBucket)
	return minio, []string{
		"s3://" + logBucket, "--aws.endpoint-url=" + minio.Endpoint, "--aws.path-style",
		"--checkpoint.path=s3://" + stateBucket + "/exporter", "--checkpoint.takeover=2s", "--checkpoint.interval=200ms",
		"--scan.interval=200ms", "--scan.sweep-interval=2s",
	}
}

// isActive reports whether a process says that it is active. One that does not answer is
// not.
func (p *process) isActive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if p.url() == "" {
		return false
	}
	status, _, err := p.get(ctx, web.ActivePath, "")
	return err == nil && status == http.StatusOK
}

// Whichever of two replicas is killed, or stands still for long and goes on: the other one
// takes over, no counter that is read through one address ever falls, Prometheus sees every
// series from 0 on, and at the end every request is counted once.
//
// The test is not run in parallel with others: it has to scrape often.
func TestServe_CountsExactlyOnceThroughFailovers(t *testing.T) {
	const hold = 5 * time.Second
	minio, args := startStore(t)
	args = append(args, "--series.hold="+hold.String())
	objects := make(map[string][]byte)
	logs := newFeed(5, func(_ *testing.T, key string, body []byte) { objects[key] = body })
	stopFeed := background(t, func(ctx context.Context) {
		every(ctx, 500*time.Millisecond, func() {
			logs.deliver(t, 2*time.Second)
			minio.PutAll(t, logBucket, objects)
			clear(objects)
		})
	})

	hosts := startPair(t)
	serveAt := func(host string) *process {
		return serve(t, credentials(minio), append(args, "--web.listen-address="+host)...)
	}
	active := serveAt(hosts.hosts[0])
	eventually(t, "the first one is active", func() bool { return active.isActive(t.Context()) })
	standby := serveAt(hosts.hosts[1])
	prometheus := hosts.prometheus(t)
	w := &addressWatcher{t: t, address: hosts.address, shown: make(samples)}
	stopWatching := background(t, w.run)

	failovers := *failoverKills + *failoverStops
	for i := range failovers {
		eventually(t, "the counters are shown again", func() bool { return w.scrapedFrom(active) })
		stop := (i+1)**failoverStops/failovers > i**failoverStops/failovers // evenly among the kills
		if stop {
			sendSignal(t, active, syscall.SIGSTOP)
		} else {
			active.kill()
		}
		eventually(t, "the other one takes over", func() bool { return standby.isActive(t.Context()) })
		if stop {
			sendSignal(t, active, syscall.SIGCONT)
			for s, err := active.scrape(t.Context()); err == nil; s, err = active.scrape(t.Context()) {
				if shown := s.requestFamilies(); len(shown) > 0 {
					t.Errorf("the zombie shows %d series", len(shown))
				}
			}
			if code := active.exitCode(); code != exitFailed {
				t.Errorf("the zombie ends with code %d", code)
			}
			text := active.stderr.String()
			last := text[strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1:]
			if n := strings.Count(text, "has taken over"); n != 1 || !strings.Contains(last, "has taken over") {
				t.Errorf("%d lines have it that another one has taken over; the last is %s", n, last)
			}
		}
		active, standby = standby, serveAt(hosts.hosts[i%2])
	}
	stopFeed()
	wantExactly(t, active, logs.requests)
	active.polled(t)
	wantExactly(t, active, logs.requests)
	truth := 0.0
	eventually(t, "the active one shows its counters", func() bool { // which it does not while a commit is slow
		truth = active.mustScrape(t).sum("s3_access_requests_total")
		return truth > 0
	})
	prometheus.awaitValue(t, "sum(s3_access_requests_total)", model.SampleValue(truth))
	stopWatching()
	w.judge()

	// Prometheus has seen every series at 0 first, and none fall: so its increase is the truth.
	for _, job := range []string{"up", "s3_access_exporter_active"} {
		prometheus.awaitValue(t, "count("+job+`{job="s3_access_exporter_replicas"})`, 2)
	}
	prometheus.awaitValue(t, `sum(s3_access_exporter_active{job="s3_access_exporter_replicas"})`, 1)
	increase := 0.0
	for _, series := range prometheus.history(t, "s3_access_requests_total") {
		before := 0.0
		for i, sample := range series.Values {
			value := float64(sample.Value)
			if i == 0 && value != 0 || value < before {
				t.Errorf("%s: sample %d is %v, after %v", series.Metric, i, value, before)
			}
			before = value
		}
		increase += before
	}
	if increase != truth || truth == 0 {
		t.Errorf("the increase is %v, the truth %v", increase, truth)
	}
	t.Logf("%d kills, %d stops, %d requests, %d scrapes, %d of them without counters", *failoverKills, *failoverStops, len(logs.requests), w.scrapes+w.empty, w.empty)

	// An end in peace is followed at once, and the checkpoint is sound.
	if code := active.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	eventually(t, "the standby counts", func() bool { return standby.isActive(t.Context()) })
	verify := launch(t, credentials(minio), "checkpoint", "verify", "s3://"+stateBucket+"/exporter", "--aws.endpoint-url="+minio.Endpoint, "--aws.path-style")
	if code := verify.exitCode(); code != exitOK || !strings.Contains(verify.stdout.String(), "is sound") {
		t.Errorf("checkpoint verify: %s%s", verify.stdout.String(), verify.stderr.String())
	}
	t.Log(verify.stdout.String())
	if code := standby.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func sendSignal(t *testing.T, p *process, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// pair is two hosts for replicas and one address that leads to the active one, as
// deploy/docker/standby.yaml has them. All of them are addresses of this machine.
type pair struct {
	address string    // of HAProxy, which asks who is active
	hosts   [2]string // addresses of the exporters
}

// startPair starts HAProxy as the kit configures it.
func startPair(t *testing.T) pair {
	t.Helper()
	network := fmt.Sprintf("127.%d.%d", os.Getpid()>>8&0xff, os.Getpid()&0xff)
	p := pair{address: network + ".1" + port, hosts: [2]string{network + ".2" + port, network + ".3" + port}}
	var log logText
	command := exec.CommandContext(t.Context(), "haproxy", "-f", example(t, "docker/haproxy.cfg",
		"bind "+port, "bind "+p.address, " exporter"+port, " "+p.hosts[0], " exporter-2"+port, " "+p.hosts[1]))
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Wait() // the test's context has ended, and killed it
		if t.Failed() {
			t.Logf("HAProxy:\n%s", log.String())
		}
	})
	return p
}

// prometheus starts Prometheus as the kit configures it for such a pair, in less of a
// hurry than a test.
func (p pair) prometheus(t *testing.T) prometheusServer {
	t.Helper()
	return startPrometheus(t, example(t, "docker/prometheus-standby.yml",
		"_interval: 5s", "_interval: 500ms", "_interval: 15s", "_interval: 1s", "/etc/prometheus/rules", promptRules(t),
		"alertmanager:9093", "127.0.0.1:9",
		"haproxy"+port, p.address, "exporter"+port, p.hosts[0], "exporter-2"+port, p.hosts[1]))
}

// addressWatcher scrapes an address, and holds what it shows against what it has shown.
type addressWatcher struct {
	t       *testing.T
	address string
	scrapes int

	mu     sync.Mutex // guards all below
	empty  int        // scrapes that failed, or had no counters
	shown  samples
	faults []string
}

func (w *addressWatcher) run(ctx context.Context) {
	client := &http.Client{Timeout: time.Second}
	every(ctx, 50*time.Millisecond, func() {
		s := w.scrape(ctx, client)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(s) == 0 {
			w.empty++
			return
		}
		w.scrapes++
		for series, before := range w.shown {
			if now, still := s[series]; !still || now < before {
				w.faults = append(w.faults, fmt.Sprintf("scrape %d: %s fell from %v to %v (%t)", w.scrapes, series, before, now, still))
			}
		}
		w.shown = s
	})
}

// scrape returns the counters, none if there are none.
func (w *addressWatcher) scrape(ctx context.Context, client *http.Client) samples {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+"/metrics", http.NoBody)
	if err != nil {
		return nil
	}
	response, err := client.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	s, err := parseSamples(body)
	if err != nil {
		return nil
	}
	return s.requestFamilies()
}

// scrapedFrom reports whether all that a process shows was seen at the address.
func (w *addressWatcher) scrapedFrom(p *process) bool {
	s, err := p.scrape(w.t.Context())
	if err != nil || len(s.requestFamilies()) == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for series, value := range s.requestFamilies() {
		if shown, ok := w.shown[series]; !ok || shown > value {
			return false
		}
	}
	return true
}

func (w *addressWatcher) judge() {
	w.t.Helper()
	const most = 10
	for _, fault := range w.faults[:min(most, len(w.faults))] {
		w.t.Error(fault)
	}
	if w.scrapes < *failoverKills+*failoverStops {
		w.t.Errorf("only %d scrapes", w.scrapes)
	}
}
