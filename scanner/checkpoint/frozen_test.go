package checkpoint_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// frozenStore is the store of a process that stands still at its next PUT.
type frozenStore struct {
	*journaltest.Fake
	freeze  atomic.Bool
	frozen  chan struct{} // closed when it goes on
	waiting atomic.Bool   // it stands still
}

func (f *frozenStore) PutIfAbsent(_ context.Context, key string, body io.ReadSeeker) error {
	if f.freeze.Load() {
		f.waiting.Store(true)
		<-f.frozen
	}
	return f.Fake.PutIfAbsent(context.Background(), key, body) // nothing has timed out while it stood still
}

// mutedStore is the store of one process, which may write nothing for a while.
type mutedStore struct {
	*journaltest.Fake
	muted atomic.Bool
}

func (m *mutedStore) PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error {
	if m.muted.Load() {
		return errors.New("service unavailable")
	}
	return m.Fake.PutIfAbsent(ctx, key, body)
}

// slowStore is the store of one process, which reads nothing for a while.
type slowStore struct {
	*journaltest.Fake
	slow atomic.Pointer[chan struct{}] // closed when it goes on; nil: it is not slow
}

func (s *slowStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if slow := s.slow.Load(); slow != nil {
		<-*slow
	}
	return s.Fake.Get(ctx, key)
}
