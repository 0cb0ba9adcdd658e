package checkpoint_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// A process that stood still for long, and did not see that another one has taken over,
// commits nothing and shows nothing, however much was deleted meanwhile.
func TestJournal_FencesAZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		frozen := make(chan struct{})
		zombieStore := frozenStore{Fake: store, frozen: frozen}
		zombie := join(t, checkpoint.JournalConfig{Objects: &zombieStore, Writer: "zombie"}).lead()
		zombie.mustPut("1")
		zombieStore.freeze.Store(true)
		late := make(chan error)
		go func() { late <- zombie.put("late") }()
		second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b", SnapshotSegments: 10}).lead()
		for i := range 40 {
			second.mustPut(fmt.Sprintf("2.%02d", i))
		}
		time.Sleep(takeover)
		if n := len(store.Keys("journal/")); n > 15 {
			t.Errorf("%d segments are left", n)
		}
		if zombie.journal.Live() {
			t.Error("the zombie shows counters")
		}
		close(frozen)
		if err := <-late; !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("the zombie's commit: %v", err)
		}
		<-zombie.ended
		if !errors.Is(zombie.err, checkpoint.ErrFenced) || zombie.journal.Live() {
			t.Errorf("the zombie: %v", zombie.err)
		}
		second.mustPut("3")
		second.end()
		third := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		if text, _ := content(third.journal); strings.Contains(text, "late") || !strings.Contains(text, `"3"`) || !strings.Contains(text, "2.39") {
			t.Errorf("it holds\n%s", text)
		}
	})
}

// An answer that comes late revives nobody: what it commits is shown by whoever has taken
// over, alone. So it is if the answer is lost, and the process finds the segment later.
func TestJournal_ShowsNothingForAnAnswerThatComesLate(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := new(journaltest.Fake)
			late := &lateStore{Fake: store, frozen: make(chan struct{})}
			late.lost.Store(lost)
			first := join(t, checkpoint.JournalConfig{Objects: late, Writer: "a"}).lead()
			first.mustPut("1")
			late.late.Store(true)
			shows := make(chan bool)
			go func() {
				if err := first.put("2"); err != nil {
					t.Errorf("what is stored is not committed: %v", err)
				}
				shows <- first.journal.Live()
			}()
			second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b"}).lead()
			second.holds("1", "2")
			close(late.frozen)
			if <-shows {
				t.Error("two processes show counters")
			}
			<-first.ended
			if !errors.Is(first.err, checkpoint.ErrFenced) {
				t.Errorf("it ends with %v", first.err)
			}
		})
	}
}

// A process that stood still while it made sure that it may lead, for so long that another
// one has taken over, shows nothing before it finds that out.
func TestJournal_ShowsNothingIfItsBeginningTookTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		late := &lateStore{Fake: store, frozen: make(chan struct{})}
		late.atList.Store(true)
		late.late.Store(true)
		shows := false
		thawed := false
		var sleepy *member
		late.put = func() { shows = shows || thawed && sleepy.journal.Live() }
		sleepy = join(t, checkpoint.JournalConfig{Objects: late, Writer: "sleepy"})
		second := join(t, checkpoint.JournalConfig{Objects: store, Writer: "b"}).lead()
		if late.late.Load() || sleepy.isLeading() {
			t.Fatal("it does not stand still")
		}
		thawed = true
		close(late.frozen)
		<-sleepy.ended
		if shows || !errors.Is(sleepy.err, checkpoint.ErrFenced) || !second.isLeading() {
			t.Errorf("it shows counters: %t; it ends with %v", shows, sleepy.err)
		}
	})
}

// A fence stays through all that write later, whether they have followed it or begin with a
// snapshot: a process that slept all the while finds its next number taken.
func TestJournal_FencesAZombieThroughGenerations(t *testing.T) {
	for _, cold := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := new(journaltest.Fake)
			zombieStore := frozenStore{Fake: store, frozen: make(chan struct{})}
			zombie := join(t, checkpoint.JournalConfig{Objects: &zombieStore, Writer: "zombie"}).lead()
			zombie.mustPut("1")
			zombieStore.freeze.Store(true)
			late := make(chan error)
			go func() { late <- zombie.put("late") }()
			next := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 10}).lead()
			for generation := range 3 {
				later := checkpoint.JournalConfig{Objects: store, SnapshotSegments: 10}
				var follower *member
				if !cold {
					follower = join(t, later)
				}
				for i := range 40 {
					next.mustPut(fmt.Sprint(generation, ".", i))
				}
				time.Sleep(takeover) // a snapshot
				next.end()
				if cold {
					follower = join(t, later)
				}
				next = follower.lead()
			}
			if n := len(store.Keys("journal/")); n > 25 {
				t.Fatalf("%d segments are left", n)
			}
			close(zombieStore.frozen)
			if err := <-late; !errors.Is(err, checkpoint.ErrFenced) {
				t.Errorf("the zombie's commit: %v", err)
			}
			<-zombie.ended
			next.mustPut("last")
		})
	}
}

// A standby that slept between its look at the journal and its opening may find a number
// free that was deleted. It must not begin there.
func TestJournal_OpensNoNumberThatWasDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		first := join(t, checkpoint.JournalConfig{Objects: store, Writer: "a", SnapshotSegments: 10}).lead()
		first.mustPut("1")
		frozen := make(chan struct{})
		sleepyStore := frozenStore{Fake: store, frozen: frozen}
		sleepyClock := time.Now()
		sleepy := join(t, checkpoint.JournalConfig{Objects: &sleepyStore, Writer: "sleepy", Uptime: func() time.Duration {
			return 100 * time.Since(sleepyClock) // it is impatient
		}})
		time.Sleep(time.Second)
		if sleepy.isLeading() {
			t.Fatal("it leads")
		}
		sleepyStore.freeze.Store(true)
		for n := 0; !sleepyStore.waiting.Load(); n++ { // until it opens, where the next segment comes
			if n > 1000 {
				t.Fatal("it does not open")
			}
			time.Sleep(takeover / 100)
		}
		for i := range 40 {
			first.mustPut(fmt.Sprint("2.", i))
		}
		time.Sleep(takeover)
		if len(store.Keys("snapshot/")) == 0 || len(store.Keys("journal/")) > 15 {
			t.Fatalf("nothing was deleted: %q", store.Keys(""))
		}
		before := store.Keys("journal/")
		close(frozen)
		synctest.Wait()
		if !slices.ContainsFunc(store.Keys("journal/"), func(key string) bool {
			return key < before[len(before)-1] && !slices.Contains(before, key)
		}) {
			t.Fatal("it found no number free")
		}
		first.mustPut("3")
		time.Sleep(time.Second)
		if sleepy.isLeading() || !first.isLeading() {
			t.Fatal("it leads, and so does another one")
		}
		first.end()
		sleepy.lead()
		if text, _ := content(sleepy.journal); !strings.Contains(text, `"2.39"`) || !strings.Contains(text, `"3"`) {
			t.Errorf("it holds\n%s", text)
		}
	})
}

// Of two that open at the same moment, one leads, and the other one stands by.
func TestJournal_OneOfTwoWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			store := new(journaltest.Fake)
			join(t, checkpoint.JournalConfig{Objects: store}).lead().end()
			var opening atomic.Int32
			both := make(chan struct{})
			store.SetFault(func(op, key string) error {
				if op == journaltest.OpPut && strings.HasPrefix(key, "journal/") {
					opening.Add(1)
					<-both
				}
				return nil
			})
			a, b := join(t, checkpoint.JournalConfig{Objects: store}), join(t, checkpoint.JournalConfig{Objects: store})
			if opening.Load() != 2 {
				t.Fatalf("%d open at once", opening.Load())
			}
			close(both)
			synctest.Wait()
			if a.isLeading() == b.isLeading() {
				t.Fatal("not one of them leads")
			}
			time.Sleep(10 * takeover)
			if a.isLeading() == b.isLeading() {
				t.Fatal("not one of them goes on leading")
			}
			a.end()
			b.end()
		}
	})
}

func TestJournal_LeadsAtOnceThoughTheAnswerToItsOpeningIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		lost := false
		store.SetFault(func(op, key string) error {
			if op != journaltest.OpPut || !strings.HasPrefix(key, "journal/") || lost {
				return nil
			}
			lost = true
			return journaltest.Lost(errDown)
		})
		began := time.Now()
		m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		if waited := time.Since(began); !lost || waited > takeover/4 {
			t.Errorf("it leads after %v", waited)
		}
		m.mustPut("1")
		if n := len(store.Keys("journal/")); n != 2 {
			t.Errorf("there are %d segments", n)
		}
	})
}

// A process that ends in peace shows nothing any more before others can know of that.
func TestJournal_ShowsNothingOnceItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lateStore{Fake: new(journaltest.Fake)}
		m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		m.mustPut("1")
		if !m.journal.Live() {
			t.Error("it shows nothing")
		}
		left, shows := 0, false
		store.put = func() { left, shows = left+1, shows || m.journal.Live() }
		m.end()
		if left != 1 || shows || m.journal.Live() {
			t.Errorf("it shows counters: %t, %t, after %d segments", shows, m.journal.Live(), left)
		}
	})
}
