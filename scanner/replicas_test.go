package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// takeover is longer than in the program: days pass in the tests, and every quarter of it
// has a segment.
const takeover = 30 * time.Minute

// However replicas come, are killed, stand still and go on, and whatever becomes of their
// calls of the checkpoint's store, every request counts exactly once, one replica at most
// shows counters, and none of them ever falls. Answers of the store are lost, late, errors,
// or short; the log bucket fails as it does in the model of one process.
func TestScanner_ReplicasExactlyOnceModel(t *testing.T) {
	for i := range uint64(*modelSeeds) {
		seed := *modelFirst + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(began))
				m := &replicasModel{
					model: model{
						rig:    &rig{t: t, bucket: new(sourcetest.Fake)},
						random: rand.New(rand.NewPCG(seed, 2)), faults: rand.New(rand.NewPCG(seed, 3)), late: 80,
					},
					dir: t.TempDir(),
				}
				m.run()
			})
		})
	}
}

// replicasModel is one course of events with several processes.
type replicasModel struct {
	model
	dir      string
	store    journaltest.Fake
	replicas []*modelReplica
	takes    atomic.Int64 // how often a replica began to count
}

// modelReplica is a process.
type modelReplica struct {
	m        *replicasModel
	slot     int
	journal  *checkpoint.Journal
	consumer atomic.Pointer[consumer] // nil: it does not count
	calls    *modelCalls
	stop     context.CancelFunc
	ended    chan struct{} // closed once it has
	err      error         // of Run
	dead     bool          // it was killed: what it shows is of no consequence
}

func (m *replicasModel) run() {
	m.bucket.PageSize = 7
	m.bucket.SetFault(m.call)
	m.store.SetFault(m.storeFault)
	for range 40 {
		for range m.random.IntN(6) {
			m.arrive()
		}
		m.copy()
		m.mu.Lock()
		m.faulty = m.random.IntN(3) == 0
		m.mu.Unlock()
		for range 1 + m.random.IntN(6) {
			m.wait(time.Duration(m.random.IntN(20)) * time.Minute)
			m.look()
		}
		m.act()
	}
	m.mu.Lock()
	m.faulty = false
	m.mu.Unlock()
	for _, r := range m.replicas {
		r.calls.thaw()
	}
	m.reap()
	m.begin()
	for range 40 {
		m.wait(time.Hour) // retries, sweeps, audits
		m.look()
		m.reap()
	}
	m.wantTruth()
	for _, r := range m.replicas {
		r.stop()
		<-r.ended
		if r.err != nil && !errors.Is(r.err, checkpoint.ErrFenced) {
			m.t.Error(r.err)
		}
		m.close(r)
	}
	if _, err := checkpoint.VerifyJournal(m.t.Context(), "s3://state", &m.store); err != nil {
		m.t.Error(err)
	}
	m.t.Logf("replicas took over %d times", m.takes.Load())
}

// wantTruth fails the test unless the one replica that shows counters shows the truth.
func (m *replicasModel) wantTruth() {
	m.t.Helper()
	for _, r := range m.replicas {
		if c := r.consumer.Load(); c != nil && r.journal.Live() {
			m.consumer = c
			m.expect(m.truth...)
			return
		}
	}
	m.t.Error("nobody shows counters")
}

// look checks what is shown: by one replica at most, and no less than before.
func (m *replicasModel) look() {
	live := 0
	for _, r := range m.replicas {
		if c := r.consumer.Load(); c != nil && !r.dead && r.journal.Live() {
			live++
			m.mu.Lock()
			m.check(c.shown())
			m.mu.Unlock()
		}
	}
	if live > 1 {
		m.t.Errorf("%d replicas show counters", live)
	}
}

// act lets something happen to the replicas.
func (m *replicasModel) act() {
	m.reap()
	if len(m.replicas) < 2 {
		m.begin()
		return
	}
	r := m.replicas[m.random.IntN(len(m.replicas))]
	switch m.random.IntN(8) {
	case 0, 1:
		m.t.Logf("%s: replica %d is killed", time.Now().Format(time.DateTime), r.slot)
		r.dead = true
		r.calls.kill()
		r.stop()
	case 2:
		m.t.Logf("%s: replica %d ends", time.Now().Format(time.DateTime), r.slot)
		r.stop()
	case 3, 4:
		m.t.Logf("%s: replica %d stands still", time.Now().Format(time.DateTime), r.slot)
		r.calls.freeze()
	case 5, 6:
		r.calls.thaw()
	case 7:
		if len(m.replicas) < 3 {
			m.begin()
		}
	}
}

// reap takes note of replicas that have ended.
func (m *replicasModel) reap() {
	synctest.Wait()
	var left []*modelReplica
	for _, r := range m.replicas {
		select {
		case <-r.ended:
			if r.err != nil && !r.dead && !errors.Is(r.err, checkpoint.ErrFenced) && !strings.Contains(r.err.Error(), "the process ends") {
				m.t.Errorf("replica %d: %v", r.slot, r.err)
			}
			m.close(r)
		default:
			left = append(left, r)
		}
	}
	m.replicas = left
}

func (m *replicasModel) close(r *modelReplica) {
	if err := r.journal.Close(); err != nil {
		m.t.Error(err)
	}
}

// begin starts a replica. It has the local copy of one that has ended, or a new one.
func (m *replicasModel) begin() {
	slot := 0
	for slices.ContainsFunc(m.replicas, func(r *modelReplica) bool { return r.slot == slot }) {
		slot++
	}
	calls := &modelCalls{Objects: &m.store}
	start := time.Now()
	r := &modelReplica{m: m, slot: slot, calls: calls, ended: make(chan struct{})}
	r.journal = checkpoint.NewJournal(checkpoint.JournalConfig{
		Name: "s3://state", Objects: calls, Writer: fmt.Sprint("replica ", slot),
		Cache:    filepath.Join(m.dir, fmt.Sprint(slot, ".db")),
		Takeover: takeover, SnapshotSegments: 20 + m.random.IntN(100),
		Uptime: func() time.Duration { return time.Since(start) + time.Hour },
	})
	audit := []time.Duration{96 * time.Hour, 120 * time.Hour}[m.random.IntN(2)]
	ctx, stop := context.WithCancel(m.t.Context())
	r.stop = stop
	go func() {
		defer close(r.ended)
		r.err = r.journal.Run(ctx, func(ctx context.Context) error { return r.count(ctx, audit) })
	}()
	m.replicas = append(m.replicas, r)
}

// count counts, as the process that alone does.
func (r *modelReplica) count(ctx context.Context, audit time.Duration) error {
	c := newConsumer(r.m.t, r.journal)
	r.m.takes.Add(1)
	r.consumer.Store(c)
	return scanner.New(scanner.Config{
		Locations: []source.Location{{Name: "s3://logs", Store: "aws/logs", Source: r.m.bucket}},
		Consumer:  c, Metrics: scanner.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
		Checkpoint: r.journal,
		Interval:   10 * time.Minute, Overlap: time.Hour, SweepWindow: 8 * time.Hour, SweepInterval: 2 * time.Hour,
		AuditWindow: audit, AuditInterval: 6 * time.Hour, Concurrency: 3, DedupeWindow: 1000,
		CommitInterval: time.Minute, CommitPause: time.Minute,
	}).Run(ctx)
}

// storeFault is what the checkpoint's store does.
func (m *replicasModel) storeFault(op, _ string) error {
	m.mu.Lock()
	if !m.faulty {
		m.mu.Unlock()
		return nil
	}
	kind, wait, short := m.faults.IntN(16), time.Duration(m.faults.IntN(600))*time.Second, m.faults.IntN(300)
	m.mu.Unlock()
	switch {
	case kind == 0:
		return errors.New("ConditionalRequestConflict")
	case kind == 1, kind == 2:
		return journaltest.Lost(errors.New("connection reset"))
	case kind == 3 && op == journaltest.OpGet:
		return journaltest.Short(short, errors.New("connection reset"))
	case kind == 4:
		time.Sleep(wait)
		return journaltest.Lost(context.DeadlineExceeded)
	case kind == 5:
		time.Sleep(wait)
		return context.DeadlineExceeded
	}
	return nil
}
