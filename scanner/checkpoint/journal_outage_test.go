package checkpoint_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// silentStore is a store that refuses everything while it is down, or while it is silent
// gives no answer to a PUT.
type silentStore struct {
	journaltest.Fake
	silent atomic.Bool
}

// PutIfAbsent implements checkpoint.Objects.
func (s *silentStore) PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error {
	if s.silent.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Fake.PutIfAbsent(ctx, key, body)
}

// fall makes the store silent, or else refuse.
func (s *silentStore) fall(silent bool) {
	s.silent.Store(silent)
	if !silent {
		s.SetFault(func(string, string) error { return errDown })
	}
}

func (s *silentStore) mend() {
	s.silent.Store(false)
	s.SetFault(nil)
}

// While the store refuses, or gives no answer, the attempts that fail count on, whether
// there is something to commit or not, and no Update succeeds, not even one that changes
// nothing.
func TestJournal_CountsEachAttemptThatFails(t *testing.T) {
	for _, silent := range []bool{false, true} {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("silent %v, busy %v", silent, busy), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testAttemptsThatFail(t, silent, busy) })
			})
		}
	}
}

func testAttemptsThatFail(t *testing.T, silent, busy bool) {
	store := new(silentStore)
	var failed, succeeded atomic.Int64
	m := join(t, checkpoint.JournalConfig{Objects: store, Failed: func() { failed.Add(1) }}).lead()
	m.mustPut("1")
	store.fall(silent)
	committing := make(chan struct{})
	go func() {
		defer close(committing)
		for busy && m.journal.Update(func(*checkpoint.Tx) error { return nil }) == nil {
			succeeded.Add(1)
			time.Sleep(time.Second)
		}
	}()
	time.Sleep(takeover / 2)
	for range 60 {
		before := failed.Load()
		time.Sleep(time.Minute)
		if n := failed.Load() - before; n < 3 {
			t.Fatalf("%d attempts have failed in a minute", n)
		}
	}
	if n := succeeded.Load(); n > 0 {
		t.Errorf("%d commits have succeeded", n)
	}
	store.mend()
	time.Sleep(time.Minute)
	if n := succeeded.Load(); busy != (n > 0) {
		t.Errorf("%d commits have succeeded once the store is mended", n)
	}
	m.end()
	<-committing
}
