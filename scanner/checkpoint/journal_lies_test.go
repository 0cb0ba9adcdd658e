package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// lies are what listings of a journal may show in place of what is there, such as those of a
// cache, given what there was at some time.
func lies(then map[string][]string) map[string]func(prefix string, keys []string) []string {
	return map[string]func(string, []string) []string{
		"nothing": func(string, []string) []string { return nil },
		"the first segment alone": func(prefix string, keys []string) []string {
			if prefix == "snapshot/" {
				return nil
			}
			return keys[:1]
		},
		"no snapshot": func(prefix string, keys []string) []string {
			if prefix == "snapshot/" {
				return nil
			}
			return keys
		},
		"no segment": func(prefix string, keys []string) []string {
			if prefix == "journal/" {
				return nil
			}
			return keys
		},
		"every third segment": func(prefix string, keys []string) []string {
			if prefix == "snapshot/" {
				return keys
			}
			return slices.DeleteFunc(keys, func(key string) bool { return key[len(key)-1]%3 == 0 })
		},
		"what there was before": func(prefix string, _ []string) []string { return then[prefix] },
	}
}

func listings(store *journaltest.Fake) map[string][]string {
	then := make(map[string][]string)
	for _, prefix := range []string{"journal/", "snapshot/"} {
		then[prefix] = store.Keys(prefix)
	}
	return then
}

// Whatever listings lack, or show that is gone, while objects are read and written as they
// are: nobody begins a journal anew, or opens where something was deleted. A process to which
// the store lies is not ready, or stands by, until it does not.
func TestJournal_BeginsNothingAnewWhereListingsLie(t *testing.T) {
	for _, when := range []string{"at its start", "once it has slept"} {
		for name := range lies(nil) {
			t.Run(when+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { wantNoBeginning(t, when == "at its start", name) })
			})
		}
	}
}

func wantNoBeginning(t *testing.T, cold bool, name string) {
	store := new(journaltest.Fake)
	active := join(t, checkpoint.JournalConfig{Objects: store, Writer: "a", SnapshotSegments: 10}).lead()
	put := func(from, to int) {
		for i := from; i < to; i++ {
			active.mustPut(fmt.Sprintf("%03d", i))
		}
		time.Sleep(takeover) // a snapshot
	}
	put(0, 40)
	then := listings(store)
	liar := &lyingStore{Fake: store}
	slow := &slowLiar{lyingStore: liar}
	cfg := checkpoint.JournalConfig{Objects: slow, Writer: "b", Cache: filepath.Join(t.TempDir(), "cache.db")}
	var standby *member
	hold := make(chan struct{})
	if !cold {
		standby = join(t, cfg)
		slow.slow.Store(&hold)
		time.Sleep(takeover)
	}
	put(40, 80) // the snapshot of before is deleted, too
	lie := lies(then)[name]
	liar.lie.Store(&lie)
	if cold {
		standby = join(t, cfg)
	} else {
		slow.slow.Store(nil)
		close(hold)
	}
	before := store.Keys("journal/")
	for range 30 {
		time.Sleep(takeover / 3)
		if standby.isLeading() || !active.isLeading() || !active.journal.Live() {
			t.Fatalf("a listing leads: %v", standby.err)
		}
	}
	select {
	case <-standby.ended:
		t.Fatalf("it ends: %v", standby.err)
	default:
	}
	if made := store.Keys("journal/"); slices.ContainsFunc(made, func(key string) bool {
		return key < before[len(before)-1] && !slices.Contains(before, key)
	}) {
		t.Errorf("something is written where it was deleted: %q", made)
	}
	liar.lie.Store(nil)
	time.Sleep(takeover)
	if s := standby.journal.Status(); s.Err != nil || s.Writer != "a" {
		t.Errorf("it does not stand by once the store is true: %+v", s)
	}
	active.end()
	standby.lead()
	if text, _ := content(standby.journal); standby.journal.Created() || !strings.Contains(text, `"000"`) || !strings.Contains(text, `"079"`) {
		t.Errorf("it holds %s", text)
	}
}

// slowLiar is a lyingStore whose process may stand still before it reads.
type slowLiar struct {
	*lyingStore
	slow atomic.Pointer[chan struct{}]
}

func (s *slowLiar) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if slow := s.slow.Load(); slow != nil {
		<-*slow
	}
	return s.Fake.Get(ctx, key)
}

// A process to which the store lies shows why it is not ready, and logs that once.
func TestJournal_ShowsThatListingsLie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := journalOf(t)
		liar := &lyingStore{Fake: store}
		lie := lies(nil)["nothing"]
		liar.lie.Store(&lie)
		m := join(t, checkpoint.JournalConfig{Objects: liar})
		for range 10 {
			time.Sleep(takeover)
			if s := m.journal.Status(); s.Err == nil || !strings.Contains(s.Err.Error(), "snapshot") || m.isLeading() {
				t.Fatalf("the status is %+v", s)
			}
		}
		if _, err := checkpoint.VerifyJournal(t.Context(), "s3://state/exporter", liar); err == nil || errors.Is(err, checkpoint.ErrMissing) || strings.Contains(err.Error(), "\n") {
			t.Errorf("verify: %v", err)
		}
		liar.lie.Store(nil)
		m.lead().holds("1", "2", "3", "4", "5", "6", "7", "8")
	})
}

// A journal of which nothing was deleted yet is read to its end whatever listings lack, also
// where it must exist; and a local copy of it is not taken for one of what is lost.
func TestJournal_IsFoundWhereListingsShowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		first := join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead()
		first.mustPut("1", "2", "3")
		first.end()
		liar := &lyingStore{Fake: store}
		lie := lies(nil)["nothing"]
		liar.lie.Store(&lie)
		if _, err := checkpoint.VerifyJournal(t.Context(), "s3://state/exporter", liar); err != nil {
			t.Error(err)
		}
		for _, cache := range []string{cache, ""} {
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			next := join(t, checkpoint.JournalConfig{Objects: liar, MustExist: true, Cache: cache, Logger: logger}).lead()
			next.holds("1", "2", "3")
			next.end()
			if strings.Contains(log.String(), "level=WARN") {
				t.Errorf("it takes something for lost: %s", &log)
			}
		}
	})
}

// A journal of a version that has not noted that it deletes is read, and notes it.
func TestJournal_OfOlderVersionsIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := journalOf(t)
		if store.Object("compacted") == nil {
			t.Fatalf("there is %q", store.Keys(""))
		}
		store.Set("compacted", nil)
		next := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 5}).lead()
		next.holds("1", "2", "3", "4", "5", "6", "7", "8")
		next.mustPut("9")
		time.Sleep(2 * takeover) // a snapshot
		if store.Object("compacted") == nil {
			t.Errorf("there is %q", store.Keys(""))
		}
	})
}

// That a snapshot replaces others is noted before anything is deleted, and what it replaces
// is deleted before the segments that it stands in for: what still is there shows that
// nothing behind it was deleted.
func TestJournal_DeletesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		var mu sync.Mutex
		deleted := 0
		store.SetFault(func(op, key string) error {
			if op != journaltest.OpDelete {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			deleted++
			if store.Object("compacted") == nil {
				t.Errorf("%s is deleted before that is noted", key)
			}
			if strings.HasPrefix(key, "journal/") && len(store.Keys("snapshot/")) != 1 {
				t.Errorf("%s is deleted before %q", key, store.Keys("snapshot/"))
			}
			return nil
		})
		m := join(t, checkpoint.JournalConfig{Objects: store, SnapshotSegments: 5}).lead()
		for i := range 30 {
			m.mustPut(fmt.Sprint(i))
			time.Sleep(takeover / 10)
		}
		mu.Lock()
		defer mu.Unlock()
		if deleted < 20 {
			t.Errorf("%d are deleted", deleted)
		}
	})
}
