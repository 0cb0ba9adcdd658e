package checkpoint_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

const takeover = time.Minute

// member is a process that uses a journal.
type member struct {
	t       *testing.T
	journal *checkpoint.Journal
	leads   chan struct{} // closed once it does
	stop    context.CancelFunc
	ended   chan struct{} // closed once it has
	err     error         // of Run
}

// join starts a process. It is for within a bubble, and ends with the test.
func join(t *testing.T, cfg checkpoint.JournalConfig) *member {
	t.Helper()
	began := time.Now()
	cfg.Name, cfg.Takeover = "s3://state/exporter", cmp.Or(cfg.Takeover, takeover)
	if cfg.Uptime == nil {
		cfg.Uptime = func() time.Duration { return time.Since(began) + time.Hour }
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	m := &member{t: t, journal: checkpoint.NewJournal(cfg), leads: make(chan struct{}), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		m.err = m.journal.Run(ctx, func(ctx context.Context) error {
			close(m.leads)
			<-ctx.Done()
			return nil
		})
	}()
	t.Cleanup(m.end)
	synctest.Wait()
	return m
}

// end lets the process end in peace.
func (m *member) end() {
	m.stop()
	<-m.ended
	if err := m.journal.Close(); err != nil {
		m.t.Error(err)
	}
}

func (m *member) isLeading() bool {
	select {
	case <-m.ended:
		return false
	case <-m.leads:
		return true
	default:
		return false
	}
}

// lead waits until the process leads.
func (m *member) lead() *member {
	m.t.Helper()
	select {
	case <-m.leads:
	case <-m.ended:
		m.t.Fatalf("it has ended: %v", m.err)
	case <-time.After(1000 * takeover): // of the bubble's time
		m.t.Fatal("it does not lead")
	}
	return m
}

// put commits a counter.
func (m *member) put(key string) error {
	return m.journal.Update(func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte(key), []byte("1")) })
}

func (m *member) mustPut(keys ...string) {
	m.t.Helper()
	for _, key := range keys {
		if err := m.put(key); err != nil {
			m.t.Fatal(err)
		}
	}
}

// holds fails the test unless the process sees these counters.
func (m *member) holds(keys ...string) {
	m.t.Helper()
	var got []string
	err := m.journal.View(func(tx *checkpoint.Tx) error {
		return tx.Series().Each(func(key, _ []byte) error {
			got = append(got, string(key))
			return nil
		})
	})
	if err != nil || strings.Join(got, " ") != strings.Join(keys, " ") {
		m.t.Errorf("it holds %q, not %q; %v", got, keys, err)
	}
}

func TestFake_IsAStore(t *testing.T) { journaltest.TestObjects(t, new(journaltest.Fake)) }

func TestJournal_IsReadByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		first := join(t, checkpoint.JournalConfig{Objects: store, Writer: "a"}).lead()
		if !first.journal.Created() {
			t.Error("it was not created")
		}
		first.mustPut("1", "2")
		err := first.journal.Update(func(tx *checkpoint.Tx) error {
			return errors.Join(tx.Series().Put([]byte("void"), nil), errors.New("no"))
		})
		if err == nil || err.Error() != "no" {
			t.Errorf("a void update: %v", err)
		}
		first.mustPut("3")
		first.holds("1", "2", "3")
		first.end()
		if first.err != nil {
			t.Error(first.err)
		}

		began := time.Now()
		second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b"}).lead()
		if time.Since(began) > 0 {
			t.Errorf("it waits for one that has ended in peace: %v", time.Since(began))
		}
		if second.journal.Created() {
			t.Error("it was created again")
		}
		second.holds("1", "2", "3")
	})
}

// What a File holds, a journal does: the same calls give the same content, after every
// way to read it.
func TestJournal_HoldsWhatAFileHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, want := filled(t)
		store := new(journaltest.Fake)
		cfg := checkpoint.JournalConfig{Objects: store, SnapshotSegments: 4}
		first := join(t, cfg).lead()
		for commit := range 5 {
			if err := first.journal.Update(func(tx *checkpoint.Tx) error { return fill(tx, commit) }); err != nil {
				t.Fatal(err)
			}
		}
		first.wantContent("written", want)
		second := join(t, cfg)
		first.end()
		second.lead().wantContent("followed", want)
		time.Sleep(2 * takeover) // a snapshot
		if len(store.Keys("snapshot/")) != 1 {
			t.Errorf("the snapshots are %q", store.Keys("snapshot/"))
		}
		second.end()
		third := join(t, cfg).lead()
		third.wantContent("read from a snapshot", want)
		third.end()
		if _, err := checkpoint.VerifyJournal(t.Context(), "s3://state/exporter", store); err != nil {
			t.Error(err)
		}
	})
}

// wantContent compares all that a journal gives its readers.
func (m *member) wantContent(how, want string) {
	m.t.Helper()
	got, err := content(m.journal)
	if err != nil {
		m.t.Fatal(err)
	}
	if got != want {
		m.t.Errorf("%s, it holds\n%s\nnot\n%s", how, got, want)
	}
}

func TestJournal_TakesOverAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		firstStore := mutedStore{Fake: store}
		first := join(t, checkpoint.JournalConfig{Objects: &firstStore, Writer: "a"}).lead()
		second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b"})
		first.mustPut("1")
		time.Sleep(10 * takeover) // the first one is idle
		if second.isLeading() || !first.journal.Live() {
			t.Fatal("an idle process is not left alone")
		}
		if s := second.journal.Status(); s.Active || s.Writer != "a" || s.Err != nil {
			t.Errorf("the standby's status is %+v", s)
		}
		// The first one can write no more.
		silent := time.Now()
		firstStore.muted.Store(true)
		time.Sleep(takeover/2 + time.Second)
		if first.journal.Live() {
			t.Error("a process that cannot write shows counters")
		}
		second.lead()
		if waited := time.Since(silent); waited < takeover*3/4 || waited > takeover*5/4 {
			t.Errorf("it took over after %v", waited)
		}
		firstStore.muted.Store(false)
		<-first.ended
		if !errors.Is(first.err, checkpoint.ErrFenced) || strings.Contains(first.err.Error(), "\n") || !strings.Contains(first.err.Error(), "by b") {
			t.Errorf("the first one ends with %v", first.err)
		}
		second.holds("1")
	})
}

// A process that follows slowly may come to a number that was deleted, and at which another
// one has opened that had slept. It goes on with a snapshot: without what was deleted, it
// would lead with fewer counters, or hold the journal to be damaged.
func TestJournal_FollowsNoOpeningInThePlaceOfWhatWasDeleted(t *testing.T) {
	for name, more := range map[string]int{"the snapshot is of that segment": 0, "of the next one": 1, "of a later one": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(journaltest.Fake)
				firstStore := mutedStore{Fake: store}
				first := join(t, checkpoint.JournalConfig{Objects: &firstStore, Writer: "a", SnapshotSegments: 1}).lead()
				first.mustPut("1")
				frozen := make(chan struct{})
				sleepyStore := frozenStore{Fake: store, frozen: frozen}
				sleepyClock := time.Now()
				sleepy := join(t, checkpoint.JournalConfig{Objects: &sleepyStore, Writer: "sleepy", Uptime: func() time.Duration {
					return 100 * time.Since(sleepyClock) // it is impatient
				}})
				slowStore := slowStore{Fake: store}
				slow := join(t, checkpoint.JournalConfig{Objects: &slowStore, Writer: "slow"})
				sleepyStore.freeze.Store(true)
				for n := 0; !sleepyStore.waiting.Load(); n++ { // until it opens, where the next segment comes
					if n > 1000 {
						t.Fatal("it does not open")
					}
					time.Sleep(takeover / 1000)
				}
				hold := make(chan struct{})
				slowStore.slow.Store(&hold)
				time.Sleep(5 * time.Second) // it looks again, and gets no answer
				first.mustPut("2")
				place := store.Keys("journal/")
				time.Sleep(5 * time.Second) // a snapshot
				for i := range more {
					first.mustPut(fmt.Sprint("3.", i))
				}
				if more > 0 {
					time.Sleep(5 * time.Second) // another one, which deletes the segment of 2
					if slices.Contains(store.Keys("journal/"), place[len(place)-1]) {
						t.Fatalf("nothing was deleted: %q", store.Keys(""))
					}
				}
				firstStore.muted.Store(true)
				close(frozen)
				synctest.Wait()
				if object := store.Object(place[len(place)-1]); more > 0 && !bytes.Contains(object, []byte("sleepy")) {
					t.Fatal("it found no number free")
				}
				sleepy.end()
				close(hold)
				slowStore.slow.Store(nil)
				slow.lead()
				want := []string{"1", "2", "3.0", "3.1", "3.2"}
				slow.holds(want[:2+more]...)
			})
		})
	}
}

func TestJournal_TakesItsOwnPlaceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		cache := filepath.Join(t.TempDir(), "cache.db")
		first := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		first.mustPut("1", "2")
		// It is killed: nothing leaves it any more.
		store = store.Copy()
		first.end()

		began := time.Now()
		second := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		if time.Since(began) > 0 {
			t.Errorf("it waits for itself: %v", time.Since(began))
		}
		second.holds("1", "2")
	})
}

// A standby that is started again has followed with its local copy, and never written: it
// takes nobody's place.
func TestJournal_StandbyThatIsStartedAgainStandsBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		cache := filepath.Join(t.TempDir(), "cache.db")
		active := join(t, checkpoint.JournalConfig{Objects: store, Writer: "a"}).lead()
		active.mustPut("1", "2")
		for range 3 {
			standby := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache})
			time.Sleep(takeover / 2)
			active.mustPut("3")
			time.Sleep(takeover / 2)
			if standby.isLeading() || !active.isLeading() {
				t.Fatal("it takes over from one that is alive")
			}
			standby.end()
		}
		if !active.journal.Live() {
			t.Error("the active one shows nothing")
		}
	})
}

// A local copy of another journal is of no use, however far it is.
func TestJournal_UsesNoLocalCopyOfAnotherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := filepath.Join(t.TempDir(), "cache.db")
		one, other := new(journaltest.Fake), new(journaltest.Fake)
		first := join(t, checkpoint.JournalConfig{Objects: one, Cache: cache}).lead()
		first.mustPut("1", "2", "3")
		first.end()
		second := join(t, checkpoint.JournalConfig{Objects: other}).lead()
		second.mustPut("4", "5", "6")
		second.end()
		if a, b := one.Keys("journal/"), other.Keys("journal/"); !slices.Equal(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
		third := join(t, checkpoint.JournalConfig{Objects: other, Cache: cache}).lead()
		third.holds("4", "5", "6")
	})
}
