package checkpoint_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

var errDown = errors.New("service unavailable")

// Whatever the store answers to the PUT of a commit, the commit is made, once.
func TestJournal_CommitsOnceWhateverTheStoreAnswers(t *testing.T) {
	for name, answers := range map[string][]error{
		"500, 503, a timeout":                  {errDown, errDown, context.DeadlineExceeded},
		"409":                                  {errors.New("ConditionalRequestConflict")},
		"404":                                  {errors.New("NoSuchBucket")},
		"it is stored, and the answer lost":    {journaltest.Lost(errDown)},
		"it is refused, stored, and lost":      {errDown, journaltest.Lost(errDown), errDown, errDown},
		"the store is away for half an hour":   downFor(500),
		"it is stored, and away for an hour":   append([]error{journaltest.Lost(errDown)}, downFor(1000)...),
		"it says that it is there, and is not": {fs.ErrExist, fs.ErrExist},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(journaltest.Fake)
				failed := 0
				m := join(t, checkpoint.JournalConfig{Objects: store, Failed: func() { failed++ }}).lead()
				m.mustPut("1")
				store.SetFault(func(op, _ string) error {
					if op != journaltest.OpPut || len(answers) == 0 {
						return nil
					}
					answer := answers[0]
					answers = answers[1:]
					return answer
				})
				n := len(answers)
				done := make(chan error)
				go func() { done <- m.put("2") }()
				synctest.Wait()
				m.holds("1") // what is not committed is not seen
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				m.holds("1", "2")
				if failed == 0 || failed > n {
					t.Errorf("%d of %d attempts have failed", failed, n)
				}
				if s := m.journal.Status(); s.Err != nil {
					t.Error(s.Err)
				}
				m.mustPut("3")
				m.end()
				next := join(t, checkpoint.JournalConfig{Objects: store}).lead()
				next.holds("1", "2", "3")
			})
		})
	}
}

func downFor(attempts int) (answers []error) {
	for range attempts {
		answers = append(answers, errDown)
	}
	return answers
}

func TestJournal_ShowsThatTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		down := func(string, string) error { return errDown }
		store.SetFault(down)
		m := join(t, checkpoint.JournalConfig{Objects: store})
		time.Sleep(time.Hour)
		if s := m.journal.Status(); s.Err == nil || !strings.Contains(s.Err.Error(), errDown.Error()) || m.isLeading() {
			t.Errorf("the status is %+v", s)
		}
		store.SetFault(nil)
		m.lead().mustPut("1")

		store.SetFault(down)
		done := make(chan error)
		go func() { done <- m.put("2") }()
		time.Sleep(takeover)
		if s := m.journal.Status(); s.Err == nil || m.journal.Live() || !s.Active {
			t.Errorf("the status is %+v", s)
		}
		store.SetFault(nil)
		if err := <-done; err != nil || !m.journal.Live() {
			t.Error(err)
		}
	})
}

// Nothing keeps a process from ending; what it could not find out, the next one does.
func TestJournal_EndsWhileTheStoreIsAway(t *testing.T) {
	for _, stored := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := new(journaltest.Fake)
			m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
			m.mustPut("1")
			standby := join(t, checkpoint.JournalConfig{Objects: store, Writer: "standby"})
			var first, down atomic.Bool
			first.Store(stored)
			down.Store(true)
			store.SetFault(func(op, _ string) error {
				if !down.Load() {
					return nil
				}
				if op == journaltest.OpPut && first.CompareAndSwap(true, false) {
					return journaltest.Lost(errDown)
				}
				return errDown
			})
			done := make(chan error)
			go func() { done <- m.put("2") }()
			synctest.Wait()
			began := time.Now()
			m.stop()
			if err := <-done; err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("the commit: %v", err)
			}
			<-m.ended
			if waited := time.Since(began); waited > takeover/2 || m.err == nil {
				t.Errorf("it ends after %v with %v", waited, m.err)
			}
			down.Store(false)
			want := []string{"1"}
			if stored {
				want = append(want, "2")
			}
			standby.lead().holds(want...)
		})
	}
}

func TestJournal_RefusesWhatCannotWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ignoring := new(journaltest.Fake)
		ignoring.SetUnconditional()
		wantRefusal(t, checkpoint.JournalConfig{Objects: ignoring}, checkpoint.ErrUnconditional, "If-None-Match")
		wantRefusal(t, checkpoint.JournalConfig{Objects: new(journaltest.Fake), MustExist: true}, checkpoint.ErrMissing, "")

		// The local copy is a checkpoint, or in use.
		path := newPath(t)
		f := open(t, path)
		wantRefusal(t, checkpoint.JournalConfig{Objects: new(journaltest.Fake), Cache: path}, checkpoint.ErrLocked, path)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, checkpoint.JournalConfig{Objects: new(journaltest.Fake), Cache: path}, checkpoint.ErrForeign, path)
		copied := filepath.Join(t.TempDir(), "copy.db")
		join(t, checkpoint.JournalConfig{Objects: new(journaltest.Fake), Cache: copied}).lead().end()
		if _, err := checkpoint.Open(copied); !errors.Is(err, checkpoint.ErrForeign) {
			t.Errorf("the local copy is opened as a file: %v", err)
		}
	})
}

func wantRefusal(t *testing.T, cfg checkpoint.JournalConfig, want error, text string) {
	t.Helper()
	m := join(t, cfg)
	<-m.ended
	if m.isLeading() || !errors.Is(m.err, want) {
		t.Errorf("it ends with %v, not %v", m.err, want)
		return
	}
	if line := m.err.Error(); strings.Contains(line, "\n") || !strings.HasPrefix(line, "checkpoint s3://state/exporter: ") || !strings.Contains(line, text) {
		t.Errorf("it ends with %v", m.err)
	}
	m.end()
}

// journalOf returns a journal with a snapshot and some segments.
func journalOf(t *testing.T) *journaltest.Fake {
	t.Helper()
	store := new(journaltest.Fake)
	m := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 5}).lead()
	m.mustPut("1", "2", "3", "4", "5", "6")
	time.Sleep(takeover / 6)
	m.mustPut("7", "8")
	m.end()
	if len(store.Keys("snapshot/")) != 1 || len(store.Keys("journal/")) < 4 {
		t.Fatalf("it is %q", store.Keys(""))
	}
	return store
}

// No part of an object is taken for the whole, and no change of a bit goes unseen.
func TestJournal_RefusesDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sound := journalOf(t)
		segments := sound.Keys("journal/")
		for _, key := range []string{segments[len(segments)-2], sound.Keys("snapshot/")[0]} {
			body := sound.Object(key)
			for n := range body {
				wantDamage(t, sound, key, body[:n], checkpoint.ErrDamaged)
			}
			for n := 0; n < len(body)*8; n += 13 {
				changed := append([]byte{}, body...)
				changed[n/8] ^= 1 << (n % 8)
				wantNothingElse(t, sound, key, changed)
			}
			wantDamage(t, sound, key, append(append([]byte{}, body...), 0), checkpoint.ErrDamaged)
			wantDamage(t, sound, key, []byte("something else altogether"), checkpoint.ErrForeign)
			newer := append([]byte{}, body...)
			newer[9]++
			wantDamage(t, sound, key, newer, checkpoint.ErrNewer)
		}
		wantDamage(t, sound, segments[len(segments)-2], nil, checkpoint.ErrDamaged)
		wantDamage(t, sound, sound.Keys("snapshot/")[0], nil, nil) // which may be there, and not listed
		// One segment in the place of another; and a name that is no number.
		last := segments[len(segments)-2]
		wantDamage(t, sound, last, sound.Object(segments[len(segments)-3]), checkpoint.ErrDamaged)
		wantDamage(t, sound, "journal/something", []byte("something"), checkpoint.ErrForeign)
		wantDamage(t, sound, "snapshot/something", []byte("something"), checkpoint.ErrForeign)
	})
}

// wantNothingElse fails the test unless a journal with another object in the place of one
// is refused, or holds the same all the same: some bits of compressed bytes mean nothing.
func wantNothingElse(t *testing.T, sound *journaltest.Fake, key string, body []byte) {
	t.Helper()
	store := sound.Copy()
	store.Set(key, body)
	m := join(t, checkpoint.JournalConfig{Objects: store})
	select {
	case <-m.leads:
		m.holds("1", "2", "3", "4", "5", "6", "7", "8")
	case <-m.ended:
		if !strings.Contains(m.err.Error(), key) {
			t.Errorf("%s is refused with %v", key, m.err)
		}
	}
	m.end()
}

// wantDamage fails the test unless a journal with another object in the place of one is
// refused, with a line that names it; want is nil for any refusal.
func wantDamage(t *testing.T, sound *journaltest.Fake, key string, body []byte, want error) {
	t.Helper()
	store := sound.Copy()
	store.Set(key, body)
	_, err := checkpoint.VerifyJournal(t.Context(), "s3://state/exporter", store)
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s with %d bytes: %v, not %v", key, len(body), err, want)
		return
	}
	named := strings.Contains(err.Error(), key) || body == nil && strings.Contains(err.Error(), "list snapshot/")
	if !named || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s with %d bytes is refused with %v", key, len(body), err)
	}
}

// A body that came short once is read again.
func TestJournal_ReadsAgainWhatCameShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failure := range []error{nil, errors.New("connection reset")} {
			store := journalOf(t)
			short := make(map[string]bool)
			var mu sync.Mutex
			store.SetFault(func(op, key string) error {
				mu.Lock()
				defer mu.Unlock()
				if op != journaltest.OpGet || short[key] || !strings.HasPrefix(key, "snapshot/") && store.Object(key) == nil {
					return nil
				}
				short[key] = true
				return journaltest.Short(len(short)*7, failure)
			})
			m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
			m.holds("1", "2", "3", "4", "5", "6", "7", "8")
			m.end()
			if len(short) < 3 {
				t.Errorf("only %d objects came short", len(short))
			}
		}
	})
}

// A process that was killed between the PUT of a commit and that of its local copy, or
// before, goes on with what is in the journal.
func TestJournal_OutlivesAKillAroundTheCommit(t *testing.T) {
	for name, stored := range map[string]bool{"before the PUT": false, "between PUT and local copy": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cache, left := filepath.Join(dir, "cache.db"), filepath.Join(dir, "left.db")
				store := new(journaltest.Fake)
				m := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
				m.mustPut("1")
				var survivor *journaltest.Fake
				store.SetFault(func(op, _ string) error {
					if op != journaltest.OpPut || survivor != nil {
						return nil
					}
					survivor = store.Copy()
					return nil
				})
				m.mustPut("2")
				if stored {
					survivor = store.Copy()
				}
				copyFile(t, cache, left)
				if !stored { // the local copy as it was before
					m.end()
					left = cache
				}
				next := join(t, checkpoint.JournalConfig{Objects: survivor, Cache: left}).lead()
				want := []string{"1"}
				if stored {
					want = append(want, "2")
				}
				next.holds(want...)
				next.mustPut("3")
				next.holds(append(want, "3")...)
			})
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
