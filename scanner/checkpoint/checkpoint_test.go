package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestFile_KeepsEverythingAcrossReopening(t *testing.T) {
	path := newPath(t)
	f := open(t, path)
	state := checkpoint.Stream{
		Watermark: "a/2026", Begin: noon.Add(-time.Hour), Audited: noon, Within: "a/2", Newest: noon.Add(time.Second),
	}
	failure := checkpoint.Failure{
		Reason: "throttled", Error: "slow down", Attempts: 3, Since: noon, NextTry: noon.Add(time.Minute),
		Size: 42, LastModified: noon.Add(-time.Second), ETag: `"abc"`,
	}
	prefix := checkpoint.Prefix{Floor: noon, Searched: noon.Add(time.Minute)}
	mark := checkpoint.NewMark("a/2026-03-04-12-00-00-X", 42, "etag")
	update(t, f, func(tx *checkpoint.Tx) error {
		return errors.Join(
			tx.PutPrefix("aws/logs", "a", prefix),
			tx.PutStream(id("s:a/"), state),
			tx.AddMarks(id("s:a/"), checkpoint.Counted, checkpoint.DayOf(noon), mark),
			tx.PutFailure(id("s:a/"), "a/bad", failure),
			tx.AppendEvents([]byte("0123456789abcdef")),
			tx.Series().Put([]byte("k"), []byte("v")))
	})
	before, err := content(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	f = open(t, path, checkpoint.MustExist())
	view(t, f, func(tx *checkpoint.Tx) error {
		if got, err := tx.Prefixes("aws/logs"); err != nil || len(got) != 1 || got["a"] != prefix {
			t.Errorf("prefixes: %v %v", got, err)
		}
		if got, known, err := tx.Stream(id("s:a/")); err != nil || !known || got != state {
			t.Errorf("stream: %+v %v %v, want %+v", got, known, err, state)
		}
		seen, err := tx.Seen(id("s:a/"), checkpoint.DayOf(noon))
		if sight, kind := seen.Find(mark); sight != checkpoint.Unchanged || kind != checkpoint.Counted {
			t.Errorf("the object is seen as %v, %v", sight, kind)
		}
		return errors.Join(err, tx.EachFailure(id("s:a/"), func(key string, got checkpoint.Failure) error {
			if key != "a/bad" || got != failure {
				t.Errorf("failure %q: %+v, want %+v", key, got, failure)
			}
			return nil
		}))
	})
	if after, err := content(f); err != nil || after != before {
		t.Errorf("other content (%v)", err)
	}
}

// The keys of files are any bytes, and others sort in another order.
func TestFile_KeepsWatermarksOfAnyBytes(t *testing.T) {
	f := open(t, newPath(t))
	for _, watermark := range []string{"", "sal/2026", "s\u00e4l/", "sal\x80/2026", "\xff", "\ufffd", "\x00\""} {
		state := checkpoint.Stream{Watermark: watermark, Begin: noon}
		update(t, f, func(tx *checkpoint.Tx) error { return tx.PutStream(id("s:a/"), state) })
		view(t, f, func(tx *checkpoint.Tx) error {
			got, _, err := tx.Stream(id("s:a/"))
			if got != state {
				t.Errorf("got %+v, want %+v", got, state)
			}
			return errors.Join(err, tx.EachStream(id("s:a/").Store, func(_ checkpoint.StreamID, got checkpoint.Stream) error {
				if got != state {
					t.Errorf("got %+v of all, want %+v", got, state)
				}
				return nil
			}))
		})
	}
}

func TestFile_UnknownNamesAreEmpty(t *testing.T) {
	f := open(t, newPath(t))
	update(t, f, func(tx *checkpoint.Tx) error {
		prefixes, err := tx.Prefixes("none")
		_, known, err2 := tx.Stream(id("none"))
		seen, err3 := tx.Seen(id("none"), 1)
		if len(prefixes) > 0 || known || len(seen) > 0 {
			t.Error("something is known of what was never stored")
		}
		return errors.Join(err, err2, err3,
			tx.DeleteFailure(id("none"), "x"),
			tx.Series().Delete([]byte("x")),
			tx.DropEvents(3),
			tx.EachFailure(id("none"), func(string, checkpoint.Failure) error { return errors.New("failure") }),
			tx.EachStream("none", func(checkpoint.StreamID, checkpoint.Stream) error { return errors.New("stream") }))
	})
}

// Buckets and streams whose names begin alike are told apart.
func TestFile_NamesDoNotRunIntoEachOther(t *testing.T) {
	f := open(t, newPath(t))
	ids := []checkpoint.StreamID{{Store: "b", Stream: "s"}, {Store: "b", Stream: "s2"}, {Store: "bs", Stream: ""}, {Store: "", Stream: "bs"}}
	update(t, f, func(tx *checkpoint.Tx) error {
		var errs []error
		for i, id := range ids {
			mark := checkpoint.NewMark(fmt.Sprint(i), 0, "")
			errs = append(errs,
				tx.PutStream(id, checkpoint.Stream{Watermark: fmt.Sprint(i)}),
				tx.PutFailure(id, fmt.Sprint(i), checkpoint.Failure{}),
				tx.AddMarks(id, checkpoint.Counted, 0, mark))
		}
		return errors.Join(errs...)
	})
	view(t, f, func(tx *checkpoint.Tx) error {
		for i, id := range ids {
			got, _, err := tx.Stream(id)
			seen, err2 := tx.Seen(id, 0)
			if sight, _ := seen.Find(checkpoint.NewMark(fmt.Sprint(i), 0, "")); got.Watermark != fmt.Sprint(i) || len(seen) != 1 || sight == checkpoint.Unseen {
				t.Errorf("%v holds %+v, %v", id, got, seen)
			}
			err3 := tx.EachFailure(id, func(key string, _ checkpoint.Failure) error {
				if key != fmt.Sprint(i) {
					t.Errorf("%v has the failure of %s", id, key)
				}
				return nil
			})
			if err := errors.Join(err, err2, err3); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestFile_FailedUpdateLeavesNothing(t *testing.T) {
	f := open(t, newPath(t))
	before, _ := content(f)
	failure := errors.New("no")
	err := f.Update(func(tx *checkpoint.Tx) error { return errors.Join(fill(tx, 0), failure) })
	if !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
	if after, err := content(f); err != nil || after != before {
		t.Errorf("other content after a failed update (%v)", err)
	}
}

func TestFile_EventsAreDroppedOldestFirst(t *testing.T) {
	f := open(t, newPath(t))
	for commit := range 5 {
		update(t, f, func(tx *checkpoint.Tx) error { return tx.AppendEvents([]byte{byte(commit)}) })
	}
	update(t, f, func(tx *checkpoint.Tx) error { return tx.DropEvents(3) })
	update(t, f, func(tx *checkpoint.Tx) error { return tx.AppendEvents([]byte{5}) })
	var got []byte
	view(t, f, func(tx *checkpoint.Tx) error {
		return tx.EachEvents(func(ids []byte) error {
			got = append(got, ids...)
			return nil
		})
	})
	if !bytes.Equal(got, []byte{3, 4, 5}) {
		t.Errorf("events %v, want those of the last three commits", got)
	}
}

// What is written to a file that nobody finds again must not be relied on.
func TestFile_FailsForGoodOnceThePathLeadsElsewhere(t *testing.T) {
	put := func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte("k"), []byte("v")) }
	tests := map[string]func(path string) error{
		"deleted": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			other, err := checkpoint.Open(path + ".other")
			return errors.Join(err, other.Close(), os.Rename(path+".other", path))
		},
		"directory moved": func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
	}
	for name, change := range tests {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " during an update: ", during), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "dir", "state.db")
				if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				f := open(t, path)
				update(t, f, put)
				err := f.Update(func(tx *checkpoint.Tx) error {
					if during {
						return errors.Join(put(tx), change(path))
					}
					return put(tx)
				})
				if !during {
					err = errors.Join(err, change(path), f.Update(put))
				}
				if !errors.Is(err, checkpoint.ErrReplaced) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want one line that is ErrReplaced and names the path", err)
				}
				if name == "moved" { // and back
					if err := os.Rename(path+".old", path); err != nil {
						t.Fatal(err)
					}
				}
				if err := f.Update(put); !errors.Is(err, checkpoint.ErrReplaced) {
					t.Errorf("another update: %v, want ErrReplaced", err)
				}
			})
		}
	}
}

// A stream's state is moved whole, and nothing else is.
func TestTx_CopyStreamMovesAllOfAStream(t *testing.T) {
	from, to := open(t, newPath(t)), open(t, newPath(t))
	for commit := range 3 {
		update(t, from, func(tx *checkpoint.Tx) error { return fill(tx, commit) })
	}
	update(t, from, func(tx *checkpoint.Tx) error {
		_, err := tx.Tidy(t.Context(), checkpoint.Tidying{Packing: checkpoint.DayOf(noon) - 1})
		return errors.Join(err, tx.AddMarks(id("s:access/1"), checkpoint.PassedOver, checkpoint.DayOf(noon)-3, checkpoint.NewMark("1-1", 99, "other")))
	})
	moved := id("s:access/1")
	copyStream := func() error {
		return from.View(func(source *checkpoint.Tx) error {
			return to.Update(func(tx *checkpoint.Tx) error { return tx.CopyStream(source, moved) })
		})
	}
	if err := copyStream(); err != nil {
		t.Fatal(err)
	}
	if err := copyStream(); err == nil {
		t.Error("the stream was copied over itself")
	}
	only := func(text string) string { // what content has of the stream
		_, text, _ = strings.Cut(text, fmt.Sprint("stream ", moved))
		text, _, _ = strings.Cut(text, "stream ")
		return text
	}
	want, err := content(from)
	got, err2 := content(to)
	if err := errors.Join(err, err2); err != nil || only(got) != only(want) || !strings.Contains(only(got), "failure") {
		t.Errorf("%v; of %d bytes of content %d were copied", err, len(only(want)), len(only(got)))
	}
	if strings.Count(got, "stream ") != 1 || strings.Contains(got, "series") {
		t.Errorf("more than the stream was copied: %d bytes", len(got))
	}
}
