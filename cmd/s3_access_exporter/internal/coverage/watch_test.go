package coverage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

func TestWatch_KeepsWhatWasFoundWhileALookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := world()
		var failing atomic.Bool
		var log bytes.Buffer
		m := NewMetrics()
		ctx, cancel := context.WithCancel(t.Context())
		w := &Watch{
			Accounts: func(context.Context) ([]Account, error) {
				if failing.Load() {
					return nil, errors.New("no credentials")
				}
				return []Account{f.account(ownID)}, nil
			},
			Locations: []Location{{URL: "s3://access-logs"}},
			Interval:  time.Hour,
			Logger:    slog.New(slog.NewTextHandler(&log, nil)),
		}
		const never = "# HELP s3_access_exporter_coverage_last_success_timestamp_seconds When it was last found out which buckets are logged, in seconds since 1970; 0: not since the start.\n" +
			"# TYPE s3_access_exporter_coverage_last_success_timestamp_seconds gauge\n" +
			"s3_access_exporter_coverage_last_success_timestamp_seconds 0\n"
		if err := testutil.CollectAndCompare(m, strings.NewReader(never)); err != nil {
			t.Errorf("before the first look: %v", err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Run(ctx, m)
		}()
		synctest.Wait()
		buckets, first := m.Last()
		if len(buckets) != len(f.buckets) || first.IsZero() {
			t.Fatalf("%d buckets at %s", len(buckets), first)
		}
		if got, want := testutil.CollectAndCount(m, "s3_access_bucket_logging"), 2*len(f.buckets); got != want {
			t.Errorf("%d series, want %d", got, want)
		}
		failing.Store(true)
		time.Sleep(3 * time.Hour) // of the bubble's clock
		synctest.Wait()
		if _, at := m.Last(); !at.Equal(first) {
			t.Errorf("a look that failed counts as one, at %s", at)
		}
		if got := strings.Count(log.String(), "no credentials"); got != 1 {
			t.Errorf("the failure is logged %d times, want once", got)
		}
		failing.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, at := m.Last(); !at.After(first) {
			t.Error("no look after the failure")
		}
		cancel()
		<-ended
	})
}

func TestMetrics_AreClean(t *testing.T) {
	m := NewMetrics()
	found, err := Look(t.Context(), world().account(ownID), Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	m.Set(found.Buckets, now)
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// The golden exposition is what the tests of the dashboards and of README take for
// the metrics that there are.
func TestMetrics_ShowEachBucket(t *testing.T) {
	const account = "111122223333"
	hourAgo, longAgo := now.Add(-time.Hour), now.Add(-10*24*time.Hour)
	bucket := func(name string, access AccessLog, trail Trail, tailed ...string) Bucket {
		return Bucket{AccountID: account, Region: "eu-west-1", Name: name, Access: access, Trail: trail, Tailed: append([]string{}, tailed...), Missed: len(tailed) == 0}
	}
	logs, reads := AccessLog{Scope: ScopeAll, Newest: hourAgo}, Trail{Scope: ScopeReads, Newest: hourAgo}
	readInPart := bucket("read-in-part", logs, reads, "s3://trails")
	readInPart.Missed = true
	m := NewMetrics()
	m.Set([]Bucket{
		bucket("blind", AccessLog{}, Trail{}),
		bucket("covered", logs, reads, "s3://logs"),
		bucket("half-came", AccessLog{Scope: ScopeAll, Newest: longAgo}, reads, "s3://logs"),
		bucket("never-came", AccessLog{Scope: ScopeAll}, Trail{}, "s3://logs"),
		bucket("old", AccessLog{Scope: ScopeAll, Newest: longAgo}, Trail{}, "s3://logs"),
		bucket("part", AccessLog{}, reads, "s3://logs"),
		readInPart,
		bucket("unknown", AccessLog{Scope: ScopeUnknown}, Trail{Scope: ScopeUnknown}),
		bucket("unread", logs, Trail{}),
		bucket("unseen", AccessLog{Scope: ScopeAll, Unseen: "needs s3:ListBucket"}, Trail{}, "s3://logs"),
		{AccountID: "444455556666", Access: AccessLog{Scope: ScopeUnknown}, Trail: Trail{Scope: ScopeUnknown}},
	}, now)
	var text bytes.Buffer
	if err := m.Print(&text); err != nil {
		t.Fatal(err)
	}
	golden.Want(t, "metrics.golden", text.String())
}

func TestMetrics_WithoutLocationsShowNothingOfThem(t *testing.T) {
	for locations, want := range map[string]int{"": 0, "s3://elsewhere": 6} {
		options := Options{Now: now}
		if locations != "" {
			options.Locations = []Location{{URL: locations}}
		}
		found, err := Look(t.Context(), world().account(ownID), options)
		if err != nil {
			t.Fatal(err)
		}
		m := NewMetrics()
		m.Set(found.Buckets, now)
		if got := testutil.CollectAndCount(m, "s3_access_bucket_tailed"); got != want {
			t.Errorf("locations %q: %d series, want %d", locations, got, want)
		}
	}
}
