package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// TestObjects tests what a Journal expects of a store that is empty.
func TestObjects(t *testing.T, objects checkpoint.Objects) {
	s := store{objects}
	t.Run("the first one is stored, and no other", s.storesOnce)
	t.Run("of many at once one is stored", s.storesOneOfMany)
	t.Run("what is not there", s.hasNothing)
	t.Run("a list is in order, and begins behind a key", s.lists)
	t.Run("sizes are those of the objects", s.hasSizes)
	t.Run("an end of the context ends a call", s.ends)
}

// store is the store under test.
type store struct{ checkpoint.Objects }

func (s store) put(t *testing.T, key, body string) error {
	t.Helper()
	return s.PutIfAbsent(t.Context(), key, bytes.NewReader([]byte(body)))
}

func (s store) get(t *testing.T, key string) string {
	t.Helper()
	body, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return string(b)
}

// list lists what begins with b/.
func (s store) list(t *testing.T, after string) (keys []string) {
	t.Helper()
	for key, err := range s.List(t.Context(), "b/", after) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

func (s store) storesOnce(t *testing.T) {
	if err := s.put(t, "a/1", "first"); err != nil {
		t.Fatal(err)
	}
	if err := s.put(t, "a/1", "second"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second put: %v", err)
	}
	if got := s.get(t, "a/1"); got != "first" {
		t.Errorf("it is %q", got)
	}
}

func (s store) storesOneOfMany(t *testing.T) {
	var stored atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			// Others may be told to try again, as S3 does with 409.
			err := s.put(t, "a/2", fmt.Sprint(i))
			for err != nil && !errors.Is(err, fs.ErrExist) && t.Context().Err() == nil {
				err = s.put(t, "a/2", fmt.Sprint(i))
			}
			if err == nil {
				stored.Add(1)
			}
		})
	}
	all.Wait()
	if stored.Load() != 1 {
		t.Errorf("%d are stored", stored.Load())
	}
}

func (s store) hasNothing(t *testing.T) {
	if _, err := s.Get(t.Context(), "a/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get: %v", err)
	}
	if err := s.Delete(t.Context(), "a/none"); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func (s store) lists(t *testing.T) {
	for _, key := range []string{"b/3", "b/1", "b/2", "c/1"} {
		if err := s.put(t, key, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.list(t, ""); !slices.Equal(got, []string{"b/1", "b/2", "b/3"}) {
		t.Errorf("%q", got)
	}
	if got := s.list(t, "b/1"); !slices.Equal(got, []string{"b/2", "b/3"}) {
		t.Errorf("%q", got)
	}
	if got := s.list(t, "b/3"); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if err := s.Delete(t.Context(), "b/2"); err != nil {
		t.Fatal(err)
	}
	if got := s.list(t, ""); !slices.Equal(got, []string{"b/1", "b/3"}) {
		t.Errorf("after a delete %q", got)
	}
}

func (s store) hasSizes(t *testing.T) {
	for key, body := range map[string]string{"d/1": "", "d/10": "ten", "d/2": "something"} {
		if err := s.put(t, key, body); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Size(t.Context(), key); got != int64(len(body)) || err != nil {
			t.Errorf("%s has %d bytes, not %d; %v", key, got, len(body), err)
		}
	}
	for _, key := range []string{"d/", "d/11", "d/9"} {
		if _, err := s.Size(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is not there: %v", key, err)
		}
	}
}

func (s store) ends(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutIfAbsent(ctx, "a/3", bytes.NewReader(nil)); err == nil {
		t.Error("put succeeds")
	}
	if _, err := s.Get(ctx, "a/1"); err == nil {
		t.Error("get succeeds")
	}
}
