package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func update(t *testing.T, f *checkpoint.File, fn func(tx *checkpoint.Tx) error) {
	t.Helper()
	if err := f.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state.db")
}

// series returns what is stored as text.
func series(t *testing.T, f *checkpoint.File) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := f.View(func(tx *checkpoint.Tx) error {
		return tx.Series().Each(func(k, v []byte) error {
			got[string(k)] = string(v)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFile_KeepsEverythingAcrossReopening(t *testing.T) {
	path := newPath(t)
	f := open(t, path)
	state := checkpoint.LocationState{Floor: noon.Add(-time.Hour), LastAudit: noon}
	trouble := checkpoint.Failure{
		Reason: "throttled", Error: "slow down", Attempts: 3, Since: noon, NextTry: noon.Add(time.Minute),
		Size: 42, LastModified: noon.Add(-time.Second),
	}
	id := checkpoint.NewObjectID("a/2026-03-04-12-00-00-X", noon)
	update(t, f, func(tx *checkpoint.Tx) error {
		if err := tx.PutLocation("s3://b", state); err != nil {
			return err
		}
		s, err := tx.CreateStream("s3://b", "s:a/")
		return errors.Join(err,
			tx.PutNewest("s3://b", map[string]time.Time{"cloudtrail": noon}),
			s.PutWatermark("a/2026"),
			s.MarkSeen(id, noon),
			s.PutFailure("a/bad", trouble),
			tx.Series().Put([]byte("k"), []byte("v")))
	})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	f = open(t, path)
	err := f.View(func(tx *checkpoint.Tx) error {
		if got, known, err := tx.Location("s3://b"); err != nil || !known || got != state {
			t.Errorf("location: %v %v %v, want %v", got, known, err, state)
		}
		if got, err := tx.Newest("s3://b"); err != nil || !got["cloudtrail"].Equal(noon) {
			t.Errorf("newest: %v %v", got, err)
		}
		return tx.EachStream("s3://b", func(name string, s *checkpoint.Stream) error {
			if name != "s:a/" || s.Watermark() != "a/2026" || !s.Seen(id) {
				t.Errorf("stream %q: watermark %q, seen %v", name, s.Watermark(), s.Seen(id))
			}
			return s.EachFailure(func(key string, got checkpoint.Failure) error {
				if key != "a/bad" || got != trouble {
					t.Errorf("trouble %q: %+v, want %+v", key, got, trouble)
				}
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := series(t, f); got["k"] != "v" {
		t.Errorf("series: %v", got)
	}
}

func TestFile_UnknownNamesAreEmpty(t *testing.T) {
	f := open(t, newPath(t))
	err := f.View(func(tx *checkpoint.Tx) error {
		_, known, err := tx.Location("s3://none")
		newest, err2 := tx.Newest("s3://none")
		s := tx.Stream("s3://none", "s:")
		if known || newest != nil || s.Watermark() != "" || s.Seen(checkpoint.ObjectID{}) {
			t.Error("something is known of what was never stored")
		}
		return errors.Join(err, err2,
			s.ForgetSeen(noon, noon), s.DeleteFailure("x"),
			s.EachFailure(func(string, checkpoint.Failure) error { return errors.New("trouble") }),
			tx.EachStream("s3://none", func(string, *checkpoint.Stream) error { return errors.New("stream") }))
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFile_FailedUpdateLeavesNothing(t *testing.T) {
	f := open(t, newPath(t))
	failure := errors.New("no")
	err := f.Update(func(tx *checkpoint.Tx) error {
		return errors.Join(
			tx.PutLocation("s3://b", checkpoint.LocationState{}),
			tx.Series().Put([]byte("k"), []byte("v")),
			failure)
	})
	if !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
	if got := series(t, f); len(got) > 0 {
		t.Errorf("series %v after a failed update", got)
	}
}

func TestStream_ForgetsOldMarksUnlessAnAuditNeedsThem(t *testing.T) {
	f := open(t, newPath(t))
	id := func(hours int) checkpoint.ObjectID {
		at := noon.Add(time.Duration(hours) * time.Hour)
		return checkpoint.NewObjectID(fmt.Sprint("key", hours), at)
	}
	update(t, f, func(tx *checkpoint.Tx) error {
		if err := tx.PutLocation("l", checkpoint.LocationState{}); err != nil {
			return err
		}
		s, err := tx.CreateStream("l", "s")
		if err != nil {
			return err
		}
		for hours := range 100 {
			modified := noon
			if hours == 7 {
				modified = noon.Add(2 * time.Hour)
			}
			if err := s.MarkSeen(id(hours), modified); err != nil {
				return err
			}
		}
		return s.ForgetSeen(noon.Add(50*time.Hour), noon.Add(time.Hour))
	})
	_ = f.View(func(tx *checkpoint.Tx) error {
		for hours := range 100 {
			if got, want := tx.Stream("l", "s").Seen(id(hours)), hours >= 50 || hours == 7; got != want {
				t.Errorf("object of hour %d: seen %v, want %v", hours, got, want)
			}
		}
		return nil
	})
}

func TestOpen_RefusesASecondOpener(t *testing.T) {
	path := newPath(t)
	open(t, path)
	_, err := checkpoint.Open(path)
	if !errors.Is(err, checkpoint.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that is ErrLocked and names the file", err)
	}
}

func TestOpen_RefusesAFileThatIsNoCheckpointAndLeavesIt(t *testing.T) {
	database := func(t *testing.T, path string, fill func(tx *bbolt.Tx) error) {
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(fill), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	meta := func(version []byte) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("meta"))
			return errors.Join(err, b.Put([]byte("format"), []byte("s3_access_exporter checkpoint")), b.Put([]byte("version"), version))
		}
	}
	tests := map[string]struct {
		create func(t *testing.T, path string)
		want   error
	}{
		"text": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("my diary\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, checkpoint.ErrForeign},
		"long text": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("my diary\n"), 10_000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, checkpoint.ErrForeign},
		"other database": {func(t *testing.T, path string) {
			database(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("users"))
				return err
			})
		}, checkpoint.ErrForeign},
		"other database with meta": {func(t *testing.T, path string) {
			database(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("meta"))
				return err
			})
		}, checkpoint.ErrForeign},
		"no version":    {func(t *testing.T, path string) { database(t, path, meta([]byte("1"))) }, checkpoint.ErrForeign},
		"newer version": {func(t *testing.T, path string) { database(t, path, meta([]byte{0, 0, 0, 99})) }, checkpoint.ErrNewer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			test.create(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = checkpoint.Open(path)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line that is %v and names the file", err, test.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestOpen_RefusesADirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := checkpoint.Open(dir); !errors.Is(err, checkpoint.ErrForeign) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want one that names %s", err, dir)
	}
}

func TestOpen_NamesAPathThatCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder.db")
	_, err := checkpoint.Open(path)
	if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("error %v, want one that names %s once and is ErrNotExist", err, path)
	}
}

// filled returns the bytes of a checkpoint with some content.
func filled(t testing.TB) ([]byte, map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "filled.db")
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	err = f.Update(func(tx *checkpoint.Tx) error {
		for i := range 200 {
			want[fmt.Sprint("key", i)] = strings.Repeat("v", i)
		}
		for k, v := range want {
			if err := tx.Series().Put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		return tx.PutLocation("s3://b", checkpoint.LocationState{Floor: noon})
	})
	content, err2 := os.ReadFile(path)
	if err := errors.Join(err, err2, f.Close()); err != nil {
		t.Fatal(err)
	}
	return content, want
}

// readAll opens content as a checkpoint and reads all of it: a panic or a fault
// fails the test. What it returns is nil if the checkpoint was refused.
func readAll(t *testing.T, content []byte) map[string]string {
	path := newPath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	_ = f.View(func(tx *checkpoint.Tx) error {
		_, _, _ = tx.Location("s3://b")
		return tx.EachStream("s3://b", func(_ string, s *checkpoint.Stream) error {
			return s.EachFailure(func(string, checkpoint.Failure) error { return nil })
		})
	})
	return series(t, f)
}

// On a full disk every write would be an error.
func TestOpen_WritesNothingToACompleteCheckpoint(t *testing.T) {
	content, _ := filled(t)
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, content) {
		t.Errorf("the file is another one now (%v)", err)
	}
}

func TestOpen_RefusesATruncatedFile(t *testing.T) {
	content, want := filled(t)
	for n := len(content); n > 0; n -= 509 {
		got := readAll(t, content[:n]) // the file's end may be space that nothing uses yet
		if got != nil && !maps.Equal(got, want) || n == len(content) && got == nil || n < len(content)/4 && got != nil {
			t.Errorf("%d of %d bytes read as a checkpoint of %d series, want %d", n, len(content), len(got), len(want))
		}
	}
}

// A damaged file is refused or read, but never crashes the process.
func FuzzOpen(f *testing.F) {
	content, _ := filled(f)
	f.Add(uint32(0), []byte("x"))
	f.Add(uint32(4096+16), []byte{0, 0, 0, 0})
	f.Add(uint32(2*4096+8), []byte{255, 255})
	f.Add(uint32(3*4096+16), bytes.Repeat([]byte{255}, 64))
	f.Fuzz(func(t *testing.T, offset uint32, patch []byte) {
		damaged := bytes.Clone(content)
		copy(damaged[int(offset)%len(damaged):], patch)
		readAll(t, damaged)
	})
}

// What one commit of many objects costs, fsync included, and how large a
// checkpoint of many seen objects is.
func BenchmarkUpdate(b *testing.B) {
	for _, objects := range []int{1, 512} {
		b.Run(fmt.Sprint(objects, "_objects"), func(b *testing.B) {
			f, err := checkpoint.Open(filepath.Join(b.TempDir(), "state.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			n := 0
			for b.Loop() {
				err := f.Update(func(tx *checkpoint.Tx) error {
					if err := tx.PutLocation("s3://b", checkpoint.LocationState{}); err != nil {
						return err
					}
					s, err := tx.CreateStream("s3://b", "s:")
					if err != nil {
						return err
					}
					for range objects {
						n++
						at := noon.Add(time.Duration(n) * time.Second)
						if err := s.MarkSeen(checkpoint.NewObjectID(fmt.Sprint("key", n), at), at); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(f.Size())/float64(n), "B/object")
		})
	}
}
