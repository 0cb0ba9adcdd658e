package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// What was counted is shown from when all of it was read until nobody can be sure that it
// is this process that counts, also where that ends while it is gathered.
func TestReplica_ShowsWhatWasCountedOnlyWhileItIsSure(t *testing.T) {
	t.Parallel()
	var uptime atomic.Int64
	uptime.Store(int64(time.Hour))
	journal := checkpoint.NewJournal(checkpoint.JournalConfig{
		Name: "s3://state", Objects: new(journaltest.Fake), Takeover: time.Hour,
		Uptime: func() time.Duration { return time.Duration(uptime.Load()) },
	})
	defer func() { _ = journal.Close() }()
	r := newReplica(journal, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "counted_total"}))
	wantShown := func(what string, from prometheus.Gatherer, want int) {
		t.Helper()
		if families, err := r.counts(from).Gather(); err != nil || len(families) != want {
			t.Errorf("%s: %d families, %v", what, len(families), err)
		}
		if role := r.Role(); role.Live != (want > 0) {
			t.Errorf("%s: its role is %+v", what, role)
		}
	}
	wantShown("it does not run", registry, 0)
	err := journal.Run(t.Context(), func(context.Context) error {
		wantShown("the stored counters are not read", registry, 0)
		r.loaded.Store(true)
		wantShown("it counts", registry, 1)
		uptime.Add(int64(20 * time.Minute))
		wantShown("its last commit is not old", registry, 1)
		wantShown("it stands still meanwhile", prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := registry.Gather()
			uptime.Add(int64(10 * time.Minute))
			return families, err
		}), 0)
		wantShown("its last commit is old", registry, 0)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantShown("it has ended", registry, 0)
}
