// Package sourcetest helps to test sources and what reads from them: TestSource
// is the suite that every source.Source must pass, Fake is a Source in memory
// that fails on demand.
package sourcetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// manyKeys is more than two pages of 1000 keys.
const manyKeys = 2500

// orderedKeys come in different orders when they are compared by UTF-16 code
// units, by path element or without regard to case, and hold what listings
// have to escape.
func orderedKeys() []string {
	return []string{
		"/leading", "A", "B/c", "a", "a b", "a%2Fb", "a&b<c>", "a+b", "a-b", "a.b",
		"a/b", "a/b-c", "a/b/c", "a/b0", "a//b", "a/", "a0", "a=b", "aA/b", "a\x01b", "a\nb",
		"ae\u0301", "a\u00e9", "a\uff5e", "a\U0001f600", "a\U0001f600/b", "b", "b/2026/11/20/x", "b/2026/11/21/x", "b/2026/11/21/y",
	}
}

// NotPaths is the cannotHold of stores that keep a key as the path of a file:
// no element of a path is empty, and a file has no files below it.
func NotPaths(key string) bool {
	return strings.HasPrefix(key, "/") || strings.HasSuffix(key, "/") || strings.Contains(key, "//") ||
		slices.ContainsFunc(orderedKeys(), func(k string) bool { return strings.HasPrefix(k, key+"/") })
}

// Store is what TestSource needs of a store under test.
type Store struct {
	// Source is the store as a Source. It holds just the objects that it was made
	// with, stored at about that time. A store that knows content encodings must
	// store a key that ends in ".gz" with the header Content-Encoding: gzip.
	Source source.Source
	// Put replaces an object. Its LastModified becomes another one if the store has
	// no ETags.
	Put func(t *testing.T, key string, body []byte)
}

// TestSource tests that a Source keeps the promises of source.Source.
//
// newStore makes a store and fills it. Keys for which cannotHold returns true are
// left out; nil means that the store holds any key.
func TestSource(t *testing.T, newStore storeFactory, cannotHold func(key string) bool) {
	newSource := func(t *testing.T, objects map[string][]byte) source.Source { return newStore(t, objects).Source }
	t.Run("OrderPrefixAndStartAfter", func(t *testing.T) {
		keys := orderedKeys()
		if cannotHold != nil {
			keys = slices.DeleteFunc(keys, cannotHold)
		}
		slices.Sort(keys)
		src := newSource(t, bodies(keys))
		for _, prefix := range []string{"", "a", "a/", "a/b", "b/2026/1", "b/2026/11/21", "aé", "no such"} {
			for _, startAfter := range append(keys, "", "a/a", "a/b/", "b/2026", "b/2026/11/20/z", "b/2026/11/21", "a:", "0", "zz", "a\U0001f600/") {
				want := listed(keys, prefix, startAfter)
				if got := list(t, src, prefix, startAfter); !slices.Equal(got, want) {
					t.Fatalf("List(%q, %q)\n got %q\nwant %q", prefix, startAfter, got, want)
				}
			}
		}
	})
	t.Run("ManyPages", func(t *testing.T) { testManyPages(t, newSource) })
	t.Run("Empty", func(t *testing.T) {
		src := newSource(t, nil)
		if got := list(t, src, "", ""); len(got) != 0 {
			t.Errorf("an empty store lists %q", got)
		}
	})
	t.Run("SizeAndLastModified", func(t *testing.T) { testAttributes(t, newSource) })
	t.Run("Open", func(t *testing.T) { testOpen(t, newSource) })
	t.Run("OpenMissing", func(t *testing.T) { testOpenMissing(t, newSource) })
	t.Run("OpenHoldsAgainstTheListing", func(t *testing.T) { testListing(t, newSource) })
	t.Run("OpenChanged", func(t *testing.T) { testChanged(t, newStore) })
	t.Run("Stat", func(t *testing.T) { testStat(t, newStore) })
	t.Run("Cancelled", func(t *testing.T) { testCancelled(t, newSource) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, newSource) })
}

type (
	factory      = func(t *testing.T, objects map[string][]byte) source.Source
	storeFactory = func(t *testing.T, objects map[string][]byte) Store
)

func testManyPages(t *testing.T, newSource factory) {
	keys := make([]string, 0, manyKeys)
	for i := range cap(keys) {
		keys = append(keys, fmt.Sprintf("logs/2026/11/%02d/%05d", i/100, i))
	}
	src := newSource(t, bodies(keys))
	for _, startAfter := range []string{"", keys[0], keys[999], keys[1000], keys[manyKeys-1], "logs/2026/11/12"} {
		want := listed(keys, "logs", startAfter)
		if got := list(t, src, "logs", startAfter); !slices.Equal(got, want) {
			t.Errorf("List after %q: got %d keys, want %d", startAfter, len(got), len(want))
		}
	}
	t.Run("Break", func(t *testing.T) {
		for _, n := range []int{1, 1000, 1001} {
			var got []string
			for o, err := range src.List(t.Context(), "", "") {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, o.Key); len(got) == n {
					break
				}
			}
			if !slices.Equal(got, keys[:n]) {
				t.Errorf("the first %d keys are not the first in order", n)
			}
		}
	})
	t.Run("CancelledMidway", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range src.List(ctx, "", "") {
			if last != nil {
				t.Fatal("the error was not the last element")
			}
			last = err
			cancel()
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("the listing ended with %v, want context.Canceled", last)
		}
	})
}

func testAttributes(t *testing.T, newSource factory) {
	objects := map[string][]byte{"empty": {}, "one": {'x'}, "dir/large": bytes.Repeat([]byte("0123456789"), 30_000)}
	// Stores keep whole seconds, and their clock need not be ours.
	from := time.Now().Add(-time.Minute)
	src := newSource(t, objects)
	to := time.Now().Add(time.Minute)
	for o, err := range src.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(len(objects[o.Key])); o.Size != want {
			t.Errorf("%s: size %d, want %d", o.Key, o.Size, want)
		}
		if o.LastModified.Before(from) || o.LastModified.After(to) {
			t.Errorf("%s: last modified %v, want between %v and %v", o.Key, o.LastModified, from, to)
		}
		if o.Special || o.Unfinished {
			t.Errorf("%+v is an object like any other", o)
		}
	}
}

func testOpen(t *testing.T, newSource factory) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := w.Write(bytes.Repeat([]byte("a record "), 1000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	objects := map[string][]byte{
		"empty":            {},
		"binary":           {0, 0xff, '\r', '\n', 0},
		"large":            bytes.Repeat([]byte("0123456789abcdef"), 40_000),
		"events.json.gz":   compressed.Bytes(),
		"compressed":       compressed.Bytes(),
		"not-really.gz":    []byte("plain text"),
		"with space/a+b&c": []byte("escaped"),
	}
	src := newSource(t, objects)
	for key, want := range objects {
		if got := read(t, src, key); !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want the %d bytes as stored", key, len(got), len(want))
		}
	}
}

func testOpenMissing(t *testing.T, newSource factory) {
	src := newSource(t, bodies([]string{"a/b", "c"}))
	for _, key := range []string{"missing", "a", "a/", "a/missing", "c/d"} {
		body, err := src.Open(t.Context(), source.Object{Key: key, Size: 1})
		if err == nil {
			_ = body.Close()
		}
		var sourceErr *source.Error
		if !errors.As(err, &sourceErr) {
			t.Errorf("Open(%q) = %v, want a *source.Error", key, err)
			continue
		}
		if sourceErr.Reason != source.ReasonGone || sourceErr.Op != OpOpen || sourceErr.Key != key {
			t.Errorf("Open(%q): op %q, key %q, reason %q (%v)", key, sourceErr.Op, sourceErr.Key, sourceErr.Reason, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%q): the error is not one line: %q", key, err)
		}
	}
}

func testCancelled(t *testing.T, newSource factory) {
	src := newSource(t, bodies([]string{"a"}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for _, err := range src.List(ctx, "", "") {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("List gave %v, want just context.Canceled", errs)
	}
	body, err := src.Open(ctx, source.Object{Key: "a", Size: 1})
	if err == nil {
		_ = body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open gave %v, want context.Canceled", err)
	}
	if _, err := src.Stat(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Stat gave %v, want context.Canceled", err)
	}
}

func testConcurrent(t *testing.T, newSource factory) {
	keys := make([]string, 0, 50)
	for i := range cap(keys) {
		keys = append(keys, fmt.Sprintf("%d/%02d", i/10, i))
	}
	objects := bodies(keys)
	src := newSource(t, objects)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := list(t, src, "", ""); !slices.Equal(got, keys) {
				t.Errorf("got %q", got)
			}
		})
		wg.Go(func() {
			for key, want := range objects {
				if got := read(t, src, key); !bytes.Equal(got, want) {
					t.Errorf("%s: got %q, want %q", key, got, want)
				}
			}
		})
	}
	wg.Wait()
}

// bodies gives each key a body of its own.
func bodies(keys []string) map[string][]byte {
	objects := map[string][]byte{}
	for _, key := range keys {
		objects[key] = []byte("the body of " + key)
	}
	return objects
}

// listed is what a listing is by definition.
func listed(keys []string, prefix, startAfter string) []string {
	var want []string
	for _, key := range keys {
		if strings.HasPrefix(key, prefix) && key > startAfter {
			want = append(want, key)
		}
	}
	return want
}

// list returns the keys of a listing that must not fail.
func list(t *testing.T, src source.Source, prefix, startAfter string) []string {
	t.Helper()
	var keys []string
	for o, err := range src.List(t.Context(), prefix, startAfter) {
		if err != nil {
			t.Errorf("List(%q, %q): %v", prefix, startAfter, err)
			break
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// stat returns the object of a key that must be there, as the store lists it.
func stat(t *testing.T, src source.Source, key string) source.Object {
	t.Helper()
	o, err := src.Stat(t.Context(), key)
	if err != nil {
		t.Errorf("Stat(%q): %v", key, err)
	}
	return o
}

// read returns the bytes of an object that must be there.
func read(t *testing.T, src source.Source, key string) []byte {
	t.Helper()
	data, err := Read(t.Context(), src, stat(t, src, key))
	if err != nil {
		t.Errorf("reading %q: %v", key, err)
	}
	return data
}

// Read opens an object and reads it to its end. It returns what came, also if there
// is an error.
func Read(ctx context.Context, src source.Source, obj source.Object) ([]byte, error) {
	body, err := src.Open(ctx, obj)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}
