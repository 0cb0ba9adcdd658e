package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// overwrite replaces what a file holds, as cp does, so that it stays the same file.
func overwrite(t *testing.T, path string, with []byte) {
	t.Helper()
	if err := os.WriteFile(path, with, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func putSeries(keys ...string) func(tx *checkpoint.Tx) error {
	return func(tx *checkpoint.Tx) (err error) {
		for _, key := range keys {
			err = errors.Join(err, tx.Series().Put([]byte(key), []byte("1")))
		}
		return err
	}
}

func TestFile_IsNotUsedOnceAnotherIsCopiedOverIt(t *testing.T) {
	other := newPath(t)
	f := open(t, other)
	for i := range 9 {
		update(t, f, putSeries(fmt.Sprint("other", i)))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(t *testing.T, older []byte) []byte{
		"an older copy":      func(_ *testing.T, older []byte) []byte { return older },
		"another checkpoint": func(t *testing.T, _ []byte) []byte { return readFile(t, other) },
		"nothing":            func(*testing.T, []byte) []byte { return nil },
	}
	for name, replacement := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			f := open(t, path)
			update(t, f, putSeries("a"))
			older := readFile(t, path)
			update(t, f, putSeries("b"))
			with := replacement(t, older)
			overwrite(t, path, with)

			if err := f.View(func(*checkpoint.Tx) error { return nil }); !errors.Is(err, checkpoint.ErrReplaced) {
				t.Errorf("View: %v, want ErrReplaced", err)
			}
			for range 2 {
				err := f.Update(putSeries("c"))
				if !errors.Is(err, checkpoint.ErrReplaced) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
					t.Errorf("Update: %v, want one line that is ErrReplaced and names the path", err)
				}
			}
			if !bytes.Equal(readFile(t, path), with) {
				t.Error("what was copied over it was written")
			}
		})
	}
}

func TestJournal_EndsOnceAnotherIsCopiedOverItsLocalCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		m := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		m.mustPut("1")
		older := readFile(t, cache)
		m.mustPut("2")
		overwrite(t, cache, older)
		if err := m.put("3"); !errors.Is(err, checkpoint.ErrReplaced) || !strings.Contains(err.Error(), cache) {
			t.Errorf("it commits: %v", err)
		}
		if m.awaitEnd(); !errors.Is(m.err, checkpoint.ErrReplaced) {
			t.Errorf("it ends with %v", m.err)
		}
		m.end()
		next := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		next.holds("1", "2")
	})
}

// awaitEnd waits until the process has ended by itself.
func (m *member) awaitEnd() {
	m.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(10 * takeover): // of the bubble's time
		m.t.Error("it does not end")
		m.end()
	}
}

// loseEntry damages a file of bbolt's so that a page has one entry less.
func loseEntry(t *testing.T, path, key string) {
	t.Helper()
	b := readFile(t, path)
	const leaf, page = 2, 4096
	for at := 2 * page; at+page <= len(b); at += page {
		if kind := binary.LittleEndian.Uint16(b[at+8:]); kind == leaf && bytes.Contains(b[at:at+page], []byte(key)) {
			binary.LittleEndian.PutUint16(b[at+10:], binary.LittleEndian.Uint16(b[at+10:])-1)
		}
	}
	overwrite(t, path, b)
}

func TestJournal_MakesNoSnapshotOfALocalCopyThatHasLostSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		var keys []string
		for i := range 400 {
			keys = append(keys, fmt.Sprintf("key%03d", i))
		}
		first := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache, SnapshotSegments: 5}).lead()
		if err := first.journal.Update(putSeries(keys...)); err != nil {
			t.Fatal(err)
		}
		loseEntry(t, cache, keys[len(keys)-1])
		for range 6 {
			if first.put("key000") != nil {
				break // it has noticed
			}
		}
		first.awaitEnd()
		if snapshots := store.Keys("snapshot/"); len(snapshots) > 0 {
			t.Errorf("there is %q", snapshots)
		}
		if !errors.Is(first.err, checkpoint.ErrLocal) || !errors.Is(first.err, checkpoint.ErrDamaged) || strings.Count(fmt.Sprint(first.err), cache) != 1 {
			t.Errorf("it ends with %v", first.err)
		}
		first.end()
		next := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		next.holds(keys...)
	})
}

func TestJournal_EndsOnceItIsDeletedOrReplaced(t *testing.T) {
	each := func(change func(store *journaltest.Fake, key string)) func(*journaltest.Fake) {
		return func(store *journaltest.Fake) {
			for _, key := range store.Keys("journal/")[1:] {
				change(store, key)
			}
		}
	}
	tests := map[string]struct {
		change func(store *journaltest.Fake)
		ends   bool
	}{
		"all of it is deleted": {func(store *journaltest.Fake) {
			for _, key := range store.Keys("") {
				store.Set(key, nil)
			}
		}, true},
		"all but the first one is deleted": {each(func(store *journaltest.Fake, key string) { store.Set(key, nil) }), true},
		"all but the first one is of another journal": {each(func(store *journaltest.Fake, key string) {
			store.Set(key, bytes.Replace(store.Object("journal/00000000000000000001"), []byte("\x01\x00\x00"), []byte("\x00\x00\x00"), 1))
		}), true},
		"a proxy answers for the store": {func(store *journaltest.Fake) {
			store.SetFault(func(op, _ string) error {
				if op == journaltest.OpGet {
					return fs.ErrNotExist
				}
				return nil
			})
		}, false},
		"nothing happens": {func(*journaltest.Fake) {}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(journaltest.Fake)
				m := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 20}).lead()
				m.mustPut("1", "2")
				time.Sleep(20 * takeover) // with snapshots
				test.change(store)
				time.Sleep(3 * takeover)
				if !test.ends {
					if !m.journal.Live() {
						t.Error("it has ended")
					}
					return
				}
				if m.awaitEnd(); !errors.Is(m.err, checkpoint.ErrReplaced) || !strings.Contains(m.err.Error(), "journal/") || m.journal.Live() {
					t.Errorf("it ends with %v, live: %v", m.err, m.journal.Live())
				}
			})
		})
	}
}

func TestJournal_RefusesASnapshotWithoutItsSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		m := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 3}).lead()
		m.mustPut("1", "2", "3")
		time.Sleep(takeover)
		m.mustPut("4")
		m.end()
		if len(store.Keys("snapshot/")) == 0 {
			t.Fatal("there is no snapshot")
		}
		for _, key := range store.Keys("journal/") { // as a removal that is interrupted
			store.Set(key, nil)
		}
		next := join(t, checkpoint.JournalConfig{Objects: store})
		if next.awaitEnd(); !errors.Is(next.err, checkpoint.ErrDamaged) || !strings.Contains(next.err.Error(), "journal/") {
			t.Errorf("it ends with %v", next.err)
		}
	})
}

func TestJournal_IsNewWhereOnlyOpeningsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		m.mustPut("1", "2")
		m.end()
		for _, key := range store.Keys("journal/")[1:] {
			store.Set(key, nil)
		}
		must := join(t, checkpoint.JournalConfig{Objects: store, MustExist: true})
		time.Sleep(2 * takeover)
		if must.isLeading() || !errors.Is(must.err, checkpoint.ErrMissing) {
			t.Errorf("it must exist, and does not: %v", must.err)
		}
		if next := join(t, checkpoint.JournalConfig{Objects: store}).lead(); !next.journal.Created() {
			t.Error("it is not shown that counters begin at 0")
		}
	})
}

func TestJournal_WarnsThatItHasLostWhatItsLocalCopyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		m := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		m.mustPut("1", "2", "3")
		m.end()
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		same := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache, Logger: logger}).lead()
		same.end()
		if strings.Contains(log.String(), "level=WARN") {
			t.Errorf("nothing is lost: %s", &log)
		}
		keys := store.Keys("journal/")
		for _, key := range keys[len(keys)-4:] {
			store.Set(key, nil)
		}
		next := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache, Logger: logger}).lead()
		next.holds("1", "2")
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "lost") {
			t.Errorf("it is silent: %s", &log)
		}
	})
}

func TestJournal_StandbyDoesNotGoOnBehindALostSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		active := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		active.mustPut("1", "2")
		standby := join(t, checkpoint.JournalConfig{Objects: store})
		time.Sleep(time.Second)
		active.end() // its closing segment is not seen by the standby yet
		keys := store.Keys("journal/")
		for _, key := range keys[len(keys)-2:] {
			store.Set(key, nil)
		}
		time.Sleep(2 * takeover)
		if standby.isLeading() || !errors.Is(standby.err, checkpoint.ErrDamaged) {
			t.Errorf("it goes on, or ends with %v", standby.err)
		}
	})
}

// lagging is a store whose listings lack the newest object.
type lagging struct{ *journaltest.Fake }

func (l lagging) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		keys := l.Keys(prefix)
		for key, err := range l.Fake.List(ctx, prefix, after) {
			if key == keys[len(keys)-1] || !yield(key, err) {
				return
			}
		}
	}
}

func TestJournal_TakesNothingForGoneThatAListingLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := lagging{new(journaltest.Fake)}
		first := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		first.mustPut("1", "2")
		standby := join(t, checkpoint.JournalConfig{Objects: store})
		time.Sleep(3 * takeover)
		first.mustPut("3")
		first.end()
		standby.lead().holds("1", "2", "3")
	})
}
