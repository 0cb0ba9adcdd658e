package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// A process that stood still for so long that whoever took over has deleted its segments
// ends because of that one, and not as if the journal had been deleted.
func TestJournal_ZombieWhoseSegmentsWereDeletedIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		late := &lateStore{Fake: store, frozen: make(chan struct{})}
		zombie := join(t, checkpoint.JournalConfig{Objects: late, Writer: "zombie"}).lead()
		zombie.mustPut("1")
		time.Sleep(3 * takeover) // it has looked at a segment behind its first one, which stays
		late.late.Store(true)    // at a beat
		second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b", SnapshotSegments: 10}).lead()
		for i := range 40 {
			second.mustPut(fmt.Sprintf("2.%02d", i))
		}
		time.Sleep(2 * takeover)
		if slices.Contains(store.Keys("journal/"), "journal/00000000000000000010") {
			t.Fatal("the zombie's segments are there")
		}
		close(late.frozen)
		zombie.awaitEnd()
		if !errors.Is(zombie.err, checkpoint.ErrFenced) || errors.Is(zombie.err, checkpoint.ErrReplaced) || !strings.Contains(zombie.err.Error(), " b:") {
			t.Errorf("it ends with %v", zombie.err)
		}
		second.mustPut("3")
	})
}

// stalledStore is a store whose reads never end.
type stalledStore struct {
	*journaltest.Fake
	stalled atomic.Bool
}

func (s *stalledStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if s.stalled.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Fake.Get(ctx, key)
}

// Reading is no part of counting: a process that can write goes on, however long it takes
// to look whether what it has written is still there.
func TestJournal_LeadsOnWhereReadsStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const short = 4 * time.Second
		store := new(journaltest.Fake)
		stalled := &stalledStore{Fake: store}
		m := join(t, checkpoint.JournalConfig{Objects: stalled, Takeover: short}).lead()
		standby := join(t, checkpoint.JournalConfig{Objects: store, Takeover: short})
		stalled.stalled.Store(true)
		for i := range 200 {
			time.Sleep(short / 8)
			if !m.journal.Live() || standby.isLeading() {
				t.Fatalf("after %v it shows nothing", time.Duration(i)*short/8)
			}
		}
		m.mustPut("1")
	})
}

// Whoever reads the local copy learns at once that another one lies there, also while the
// store gives no answer.
func TestJournal_ViewWaitsForNoAnswerOfTheStore(t *testing.T) {
	store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
	journal := checkpoint.NewJournal(checkpoint.JournalConfig{Name: "s3://state", Objects: store, Cache: cache})
	leads, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- journal.Run(t.Context(), func(ctx context.Context) error {
			close(leads)
			<-ctx.Done()
			return nil
		})
	}()
	<-leads
	older := readFile(t, cache)
	if err := journal.Update(putSeries("1")); err != nil {
		t.Fatal(err)
	}
	asked, answer := make(chan struct{}), make(chan struct{})
	ask := sync.OnceFunc(func() { close(asked) })
	store.SetFault(func(op, _ string) error {
		if op == journaltest.OpPut {
			ask()
			<-answer
		}
		return nil
	})
	committed, seen := make(chan error), make(chan error, 1)
	go func() { committed <- journal.Update(putSeries("2")) }()
	<-asked
	overwrite(t, cache, older)
	go func() { seen <- journal.View(func(*checkpoint.Tx) error { return nil }) }()
	select {
	case err := <-seen:
		if !errors.Is(err, checkpoint.ErrReplaced) {
			t.Errorf("View: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("View waits")
	}
	close(answer)
	if err := <-committed; !errors.Is(err, checkpoint.ErrReplaced) {
		t.Errorf("Update: %v", err)
	}
	if err := errors.Join(<-ended, journal.Close()); !errors.Is(err, checkpoint.ErrReplaced) || !strings.Contains(err.Error(), cache) {
		t.Errorf("it ends with %v", err)
	}
}

func TestJournal_EndsOnceItsLocalCopyIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		m := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		m.mustPut("first", "second")
		overwrite(t, cache, bytes.ReplaceAll(readFile(t, cache), []byte("second"), []byte("SECOND")))
		read := func(tx *checkpoint.Tx) error {
			return tx.Series().Each(func(_, _ []byte) error { return nil })
		}
		for how, err := range map[string]error{"View": m.journal.View(read), "Update": m.journal.Update(read)} {
			if !errors.Is(err, checkpoint.ErrLocal) || !errors.Is(err, checkpoint.ErrDamaged) || strings.Count(err.Error(), cache) != 1 {
				t.Errorf("%s: %v", how, err)
			}
		}
		if m.awaitEnd(); !errors.Is(m.err, checkpoint.ErrLocal) {
			t.Errorf("it ends with %v", m.err)
		}
		m.end()
		join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead().holds("first", "second")
	})
}

func TestJournal_StandbyEndsOnceItsLocalCopyIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		active := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		active.mustPut("first")
		standby := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache})
		overwrite(t, cache, bytes.ReplaceAll(readFile(t, cache), []byte("first"), []byte("FIRST")))
		active.mustPut("FIRST") // what is changed is looked at first
		if standby.awaitEnd(); !errors.Is(standby.err, checkpoint.ErrLocal) || !strings.Contains(standby.err.Error(), cache) {
			t.Errorf("it ends with %v", standby.err)
		}
	})
}
