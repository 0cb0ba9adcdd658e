package sourcetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// testListing opens an object with listings that are not the store's.
func testListing(t *testing.T, newSource factory) {
	const text = "twenty-six bytes of a body"
	src := newSource(t, map[string][]byte{"k": []byte(text), "empty": {}})
	listed := stat(t, src, "k")
	remembered := source.Object{Key: listed.Key, Size: listed.Size}
	for _, obj := range []source.Object{
		listed, remembered,
		{Key: listed.Key, Size: listed.Size, LastModified: listed.LastModified},
	} {
		if data, err := Read(t.Context(), src, obj); err != nil || string(data) != text {
			t.Errorf("opened as %+v: %q, %v", obj, data, err)
		}
	}
	for _, size := range []int64{0, 1, listed.Size - 1, listed.Size + 1, 1 << 40} {
		obj := remembered
		obj.Size = size
		_, err := Read(t.Context(), src, obj)
		if why := reasonOf(err); why != source.ReasonLength && why != source.ReasonChanged {
			t.Errorf("%d bytes opened as %d: %v", listed.Size, size, err)
		}
	}
	if _, err := Read(t.Context(), src, source.Object{Key: "empty", Size: 1}); err == nil {
		t.Error("an empty object passes for one of a byte")
	}
}

// testChanged replaces objects between listing and opening.
func testChanged(t *testing.T, newStore storeFactory) {
	store := newStore(t, bodies([]string{"grown", "same-size", "emptied"}))
	for key, body := range map[string][]byte{
		"grown":     bytes.Repeat([]byte("more"), 100),
		"same-size": bytes.Repeat([]byte("x"), len("the body of same-size")),
		"emptied":   {},
	} {
		before := stat(t, store.Source, key)
		store.Put(t, key, body)
		_, err := Read(t.Context(), store.Source, before)
		if reasonOf(err) != source.ReasonChanged {
			t.Errorf("%s: got %v, want reason %q", key, err, source.ReasonChanged)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is not one line: %q", key, err)
		}
		if got := read(t, store.Source, key); !bytes.Equal(got, body) {
			t.Errorf("%s: looked up again, it has %q", key, got)
		}
	}
}

// testStat compares Stat with a listing.
func testStat(t *testing.T, newStore storeFactory) {
	store := newStore(t, bodies([]string{"a/b", "a-b"}))
	for o, err := range store.Source.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		got := stat(t, store.Source, o.Key)
		if !got.LastModified.Equal(o.LastModified) {
			t.Errorf("%s: modified at %v, listed with %v", o.Key, got.LastModified, o.LastModified)
		}
		if got.Seen.IsZero() != o.Seen.IsZero() {
			t.Errorf("%s: seen at %v, listed at %v", o.Key, got.Seen, o.Seen)
		}
		got.LastModified, got.Seen = o.LastModified, o.Seen
		if got != o {
			t.Errorf("got %+v, listed is %+v", got, o)
		}
	}
	for _, key := range []string{"a", "a/", "missing"} {
		if o, err := store.Source.Stat(t.Context(), key); reasonOf(err) != source.ReasonGone {
			t.Errorf("Stat(%q) = %+v, %v, want it gone", key, o, err)
		}
	}
}

// reasonOf returns the reason of a source.Error, and none of any other error.
func reasonOf(err error) source.Reason {
	var sourceErr *source.Error
	if !errors.As(err, &sourceErr) {
		return ""
	}
	return sourceErr.Reason
}
