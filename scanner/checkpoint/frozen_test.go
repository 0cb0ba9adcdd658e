package checkpoint_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
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

// lateStore is the store of a process that stands still once a call is done, before it has
// the answer.
type lateStore struct {
	*journaltest.Fake
	late   atomic.Bool   // whether it does so at its next PUT
	atList atomic.Bool   // or at its first LIST of snapshots once there is a segment
	lost   atomic.Bool   // and never gets the answer
	frozen chan struct{} // closed when it goes on
	put    func()        // called before each PUT; nil: nothing is
}

func (l *lateStore) PutIfAbsent(_ context.Context, key string, body io.ReadSeeker) error {
	if l.put != nil {
		l.put()
	}
	err := l.Fake.PutIfAbsent(context.Background(), key, body) // nothing times out while it stands still
	if l.late.Load() && !l.atList.Load() {
		l.late.Store(false)
		<-l.frozen
		if l.lost.Load() {
			return errDown
		}
	}
	return err
}

func (l *lateStore) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	keys := l.Keys(prefix)
	if l.late.Load() && l.atList.Load() && prefix == "snapshot/" && len(l.Keys("journal/")) > 0 {
		l.late.Store(false)
		<-l.frozen
	}
	return func(yield func(string, error) bool) {
		for _, key := range keys {
			if key > after && !yield(key, ctx.Err()) {
				return
			}
		}
	}
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

// lyingStore is the store of one process, whose listings may lie: they are complete, as far
// as they show, and lack keys, or have some that are gone.
type lyingStore struct {
	*journaltest.Fake
	lie atomic.Pointer[func(prefix string, keys []string) []string] // nil: they are true
}

func (l *lyingStore) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	lie := l.lie.Load()
	if lie == nil {
		return l.Fake.List(ctx, prefix, after)
	}
	return func(yield func(string, error) bool) {
		for _, key := range (*lie)(prefix, l.Keys(prefix)) {
			if key > after && !yield(key, ctx.Err()) {
				return
			}
		}
	}
}

// portalStore is the store of one process, in whose place a portal may answer.
type portalStore struct {
	*journaltest.Fake
	portal *portal
}

func (p *portalStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if p.portal.answers(key) {
		return io.NopCloser(strings.NewReader(p.portal.page)), nil
	}
	return p.Fake.Get(ctx, key)
}
