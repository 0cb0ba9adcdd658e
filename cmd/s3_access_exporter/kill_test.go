//go:build integration

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var kills = flag.Int("kills", 50, "how often the process is killed")

// The test is not run in parallel with others: it has to scrape often.
func TestServe_CountsExactlyOnceThroughFiftyKills(t *testing.T) {
	const (
		longest = 2 * time.Second // life of a process
		hold    = time.Second
		fast    = 10 * time.Second // a restart, however busy the machine is
	)
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	logs := newFeed(1, intoDirectory(bucket))
	logs.deliver(t, time.Minute)
	args := []string{
		bucket, "--checkpoint.path=" + filepath.Join(dir, "checkpoint.db"),
		"--series.hold=" + hold.String(), "--scan.interval=100ms",
		"--scan.overlap=1m", "--scan.sweep-interval=1s", "--scan.audit-interval=1s", // late objects are for the sweeps to find
	}

	w := &watcher{hold: hold, shown: make(samples)}
	stopFeed := background(t, func(ctx context.Context) { logs.run(ctx, t) })
	stopWatching := background(t, w.run)
	early := 0
	for range *kills {
		p := launch(t, nil, serveArgs(args...)...)
		w.follow(p)
		select {
		case <-time.After(rand.N(longest)):
		case <-p.ended:
			t.Fatalf("the process ended by itself with code %d", p.exitCode())
		}
		w.kill()
		if p.url() == "" {
			early++
		}
	}
	stopFeed()

	began := time.Now()
	p := serve(t, nil, args...)
	restart := time.Since(began)
	w.follow(p)
	wantExactly(t, p, logs.requests)
	p.polled(t)
	wantExactly(t, p, logs.requests)
	stopWatching()
	if restart > fast {
		t.Errorf("a restart took %v", restart)
	}
	w.judge(t)
	t.Logf("%d kills, %d of them before the process listened; %d requests; a restart takes %v",
		*kills, early, len(logs.requests), restart.Round(time.Millisecond))

	// And an end in peace.
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	again := serve(t, nil, args...)
	again.polled(t)
	wantExactly(t, again, logs.requests)
}

func TestServe_LeavesACheckpointInUseAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	logs := newFeed(2, intoDirectory(bucket))
	logs.deliver(t, time.Minute)
	args := []string{
		bucket, "--checkpoint.path=" + filepath.Join(dir, "checkpoint.db"), "--series.hold=0s",
		"--scan.interval=100ms", "--scan.sweep-interval=1s",
	}
	first := serve(t, nil, args...)
	wantExactly(t, first, logs.requests)

	second := launch(t, nil, serveArgs(args...)...)
	if code := second.exitCode(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	text := second.stderr.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, "in use by another process") || !strings.Contains(text, args[1][len("--checkpoint.path="):]) {
		t.Errorf("it said:\n%s", text)
	}

	logs.deliver(t, time.Minute)
	wantExactly(t, first, logs.requests)
	if !first.isReady(t) {
		t.Error("the first process is not ready any more")
	}
}

// watcher scrapes processes, one after the other, and holds what they show
// against what was shown before.
type watcher struct {
	hold  time.Duration
	shown samples // the highest value of every series

	scrapes int
	births  int // of series that cannot have been there unseen for a whole hold
	faults  []string

	mu      sync.Mutex
	process *process
	last    time.Time // when the last scrape began that succeeded
	// unwatched is the longest time that a process lived since then and is dead now.
	unwatched time.Duration
}

// follow makes the watcher scrape a process.
func (w *watcher) follow(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
}

// kill kills the process.
func (w *watcher) kill() {
	w.process.kill()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwatched = max(w.unwatched, time.Since(later(w.process.began, w.last)))
	w.process = nil
}

// run scrapes until ctx ends.
func (w *watcher) run(ctx context.Context) {
	every(ctx, 50*time.Millisecond, func() { w.scrape(ctx) })
}

// scrape scrapes the process, if there is one that answers.
func (w *watcher) scrape(ctx context.Context) {
	w.mu.Lock()
	p := w.process
	w.mu.Unlock()
	if p == nil || p.url() == "" {
		return
	}
	began := time.Now()
	s, err := p.scrape(ctx)
	if err != nil {
		return // it was killed
	}
	ended := time.Now()

	w.mu.Lock()
	defer w.mu.Unlock()
	// A new series shows 0 for the whole hold, in the life of one process. This is
	// how long it can have been there unseen.
	unseen := max(w.unwatched, ended.Sub(later(p.began, w.last)))
	w.last = began
	if p == w.process {
		w.unwatched = 0
	}
	w.compare(s.requestFamilies(), unseen)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// compare holds a scrape against those before.
func (w *watcher) compare(s samples, unseen time.Duration) {
	w.scrapes++
	for series, before := range w.shown {
		if now, still := s[series]; !still || now < before {
			w.faults = append(w.faults, fmt.Sprintf("scrape %d: %s fell from %v to %v", w.scrapes, series, before, now))
		}
	}
	for series, value := range s {
		_, known := w.shown[series]
		w.shown[series] = value
		if known || unseen >= w.hold || strings.HasPrefix(series, clientInfo) {
			continue
		}
		w.births++
		if value > 0 {
			w.faults = append(w.faults, fmt.Sprintf("scrape %d: %s was born at %v", w.scrapes, series, value))
		}
	}
}

// judge fails the test if anything was wrong, or nothing was seen.
func (w *watcher) judge(t *testing.T) {
	t.Helper()
	const most = 10
	for _, fault := range w.faults[:min(most, len(w.faults))] {
		t.Error(fault)
	}
	if w.scrapes < 100 || w.births < 100 {
		t.Errorf("only %d scrapes and %d births of series", w.scrapes, w.births)
	}
	t.Logf("%d scrapes, %d births of series", w.scrapes, w.births)
}
