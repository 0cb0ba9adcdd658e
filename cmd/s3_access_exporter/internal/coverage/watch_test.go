package coverage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestWatch_KeepsWhatWasFoundWhileALookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := world()
		var failure error
		var log bytes.Buffer
		m := NewMetrics()
		ctx, cancel := context.WithCancel(t.Context())
		w := &Watch{
			Accounts:  func(context.Context) ([]Account, error) { return []Account{f.account(ownID)}, failure },
			Locations: []string{"s3://access-logs"},
			Interval:  time.Hour,
			Logger:    slog.New(slog.NewTextHandler(&log, nil)),
		}
		if testutil.CollectAndCount(m) != 0 {
			t.Error("there is something before the first look")
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
		failure = errors.New("no credentials")
		time.Sleep(3 * time.Hour) // of the bubble's clock
		synctest.Wait()
		if _, at := m.Last(); !at.Equal(first) {
			t.Errorf("a look that failed counts as one, at %s", at)
		}
		if got := strings.Count(log.String(), "no credentials"); got != 1 {
			t.Errorf("the failure is logged %d times, want once", got)
		}
		failure = nil
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
	var text bytes.Buffer
	if err := m.Print(&text); err != nil {
		t.Fatal(err)
	}
	want := `s3_access_bucket_logging{account_id="111122223333",aws_region="eu-west-1",bucket="covered",log="server_access",scope="all"} 1`
	if !strings.Contains(text.String(), want) {
		t.Errorf("there is no %s in\n%s", want, text.String())
	}
}
