package scanner_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// began is when the clock of every rig begins.
var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// rig is a Scanner with a Fake bucket, a checkpoint and a Consumer that counts
// request IDs. It is used within a synctest bubble, so that days pass at once.
type rig struct {
	store    source.Source // what lies between the scanner and bucket; nil: nothing
	t        *testing.T
	bucket   *sourcetest.Fake
	prefix   string                                      // of the location
	form     record.Form                                 // of the location
	hook     func()                                      // of the consumer
	path     string                                      // of the checkpoint
	wrap     func(scanner.Checkpoint) scanner.Checkpoint // nil: it is used as it is
	config   scanner.Config
	log      bytes.Buffer
	level    slog.Level // of what is in it
	metrics  *prometheus.Registry
	asked    *scanner.Metrics
	consumer *consumer
	scanner  *scanner.Scanner
	state    *checkpoint.File
	stopping context.CancelFunc
	stopped  chan error // nil while nothing runs
}

func newRig(t *testing.T) *rig {
	t.Helper()
	time.Sleep(time.Until(began))
	r := &rig{t: t, bucket: new(sourcetest.Fake), path: filepath.Join(t.TempDir(), "state.db")}
	// Few ticks, so that days pass quickly, and the pause of the default CommitInterval.
	r.config.CommitInterval, r.config.CommitPause = time.Minute, 50*time.Millisecond
	r.config.CommitIdle = 1000 * time.Hour // nor any commit of nothing
	return r
}

// inBubble runs a test whose clock stands at began and moves by itself.
func inBubble(t *testing.T, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		test(r)
		r.stop()
	})
}

// start starts a new Scanner on the checkpoint, as a new process would.
func (r *rig) start() {
	r.t.Helper()
	state, err := checkpoint.Open(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.state = state
	r.consumer = newConsumer(r.t, state)
	if r.hook != nil {
		r.consumer.hook = r.hook
	}
	r.metrics = prometheus.NewRegistry()
	cfg := r.config
	store := cmp.Or[source.Source](r.store, r.bucket)
	cfg.Locations = append([]source.Location{{Name: "s3://logs", Store: "aws/logs", Source: store, Prefix: r.prefix, Form: r.form}}, cfg.Locations...)
	cfg.Consumer = r.consumer
	r.asked = scanner.NewMetrics(r.metrics)
	cfg.Metrics = r.asked
	cfg.Logger = slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: r.level}))
	cfg.Checkpoint = state
	if r.wrap != nil {
		cfg.Checkpoint = r.wrap(state)
	}
	r.scanner = scanner.New(cfg)
	ctx, cancel := context.WithCancel(r.t.Context())
	r.stopping, r.stopped = cancel, make(chan error, 1)
	run, stopped := r.scanner.Run, r.stopped
	go func() { stopped <- run(ctx) }()
}

// stop stops the Scanner gracefully.
func (r *rig) stop() {
	r.t.Helper()
	if r.stopped == nil {
		return
	}
	r.stopping()
	if err := errors.Join(<-r.stopped, r.state.Close()); err != nil {
		r.t.Error(err)
	}
	r.stopped = nil
}

// crash ends the Scanner like a kill: nothing is committed any more.
func (r *rig) crash() {
	r.t.Helper()
	synctest.Wait()
	content, err := os.ReadFile(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.stop()
	if err := os.WriteFile(r.path, content, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// mustDo fails the test if something could not be done.
func (r *rig) mustDo(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// wait lets time pass until all is idle.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// put puts a log object into the simple stream, whose key has time at, and
// which holds one request for each ID.
func (r *rig) put(at time.Time, suffix string, ids ...string) string {
	key := logtest.SimpleKey(at, suffix)
	r.bucket.Put(key, logtest.AccessLog(at, ids...), time.Now())
	return key
}

// expect fails the test unless exactly these IDs are exposed, each once.
func (r *rig) expect(ids ...string) {
	r.t.Helper()
	want := make(map[string]int)
	for _, id := range ids {
		want[id] = 1
	}
	got := r.consumer.shown()
	for id := range want {
		if got[id] != 1 {
			r.t.Errorf("%s is counted %d times", id, got[id])
		}
		delete(got, id)
	}
	for id, n := range got {
		r.t.Errorf("%s is counted %d times, and is none", id, n)
	}
}

// metric returns the value of a metric, the sum of its series if it has labels;
// with label values only the series that has them.
func (r *rig) metric(name string, values ...string) float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != "s3_access_exporter_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := make(map[string]bool)
			for _, l := range m.GetLabel() {
				has[l.GetValue()] = true
			}
			matches := true
			for _, v := range values {
				matches = matches && has[v]
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// consumer counts request IDs.
type consumer struct {
	mu     sync.Mutex
	counts map[string]int // committed and exposed
	refuse error          // of Stage
	hook   func()         // called within Stage and before anything is shown
}

type tally map[string]int

func newConsumer(t *testing.T, state scanner.Checkpoint) *consumer {
	c := &consumer{counts: make(map[string]int), hook: func() {}}
	err := state.View(func(tx *checkpoint.Tx) error {
		return tx.Series().Each(func(id, count []byte) error {
			n, err := strconv.Atoi(string(count))
			c.counts[string(id)] = n
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *consumer) shown() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

func (c *consumer) setRefuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

func (t tally) Add(r *record.Record) { t[string(r.RequestID)]++ }

func (t tally) Done() int { return len(t) }

func (c *consumer) NewTally(_, _ string) scanner.Tally { return make(tally) }

func (c *consumer) Due() bool { return false }

func (c *consumer) Stage(tallies []scanner.Tally, store scanner.Store) (func(), error) {
	c.hook()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	next := make(map[string]int)
	for _, t := range tallies {
		for id, n := range t.(tally) {
			if _, ok := next[id]; !ok {
				next[id] = c.counts[id]
			}
			next[id] += n
		}
	}
	for id, n := range next {
		if err := store.Put([]byte(id), []byte(strconv.Itoa(n))); err != nil {
			return nil, err
		}
	}
	return func() {
		c.hook()
		c.mu.Lock()
		defer c.mu.Unlock()
		maps.Copy(c.counts, next)
	}, nil
}
