//go:build integration

package dashboards_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// exporter is a running process of the binary.
type exporter struct {
	instance string
	accept   string
	log      safeBuffer
	url      string
	stop     func()
	stopped  bool
}

const (
	acceptProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	acceptText     = "text/plain;version=0.0.4"
)

// patience is how long to wait for what is sure to come.
const patience = 2 * time.Minute

// hold is for how long new series show 0: many scrapes see that.
const hold = 10 * time.Second

var listening = regexp.MustCompile(`msg=listening url=(\S+)/\n`)

// serve runs the binary, and returns once it listens.
func serve(t *testing.T, binary, instance, accept string, args ...string) *exporter {
	t.Helper()
	// The test's context ends before its cleanup.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	e := &exporter{instance: instance, accept: accept}
	args = append([]string{
		"serve", "--web.listen-address=127.0.0.1:0", "--scan.since=all", "--scan.interval=500ms", "--scan.sweep-interval=2s",
		"--series.hold=" + hold.String(),
	}, args...)
	process := exec.CommandContext(ctx, binary, args...)
	process.Env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_REGION=us-east-1",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_MAX_ATTEMPTS=1")
	process.Stderr = &e.log
	if err := process.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	e.stop = sync.OnceFunc(func() {
		e.stopped = true
		cancel()
		_ = process.Wait() // it was killed
	})
	t.Cleanup(e.stop)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(patience); ; {
		if found := listening.FindStringSubmatch(e.log.String()); found != nil {
			e.url = found[1]
			return e
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the exporter does not listen: %s", e.log.String())
		}
	}
}

// scrape returns what Prometheus keeps of a scrape: of one that fails, only that.
func (e *exporter) scrape(t *testing.T) []sample {
	t.Helper()
	target := labels.FromStrings("job", job, "instance", e.instance)
	up := sample{labels: labels.NewBuilder(target).Set(model.MetricNameLabel, "up").Labels()}
	if e.stopped {
		return []sample{up}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", e.accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d: %v", response.StatusCode, err)
	}
	up.number = 1
	return append(readExposition(t, body, response.Header.Get("Content-Type"), target), up)
}

// safeBuffer is what a process has written so far.
type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
