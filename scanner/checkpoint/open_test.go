package checkpoint_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestOpen_TellsANewCheckpointFromAnOldOne(t *testing.T) {
	path := newPath(t)
	if _, err := checkpoint.Open(path, checkpoint.MustExist()); !errors.Is(err, checkpoint.ErrMissing) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrMissing with the path", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a checkpoint was made that was to exist: %v", err)
	}
	for _, isNew := range []bool{true, false} {
		f := open(t, path)
		if f.Created() != isNew {
			t.Errorf("created: %v, want %v", f.Created(), isNew)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the checkpoint there is something else: %v %v", entries, err)
	}
}

// Of many that find none, one makes it, and the others look at what it has made.
func TestOpen_OneOfManyCreates(t *testing.T) {
	for range 5 {
		path := newPath(t)
		var created atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				f, err := checkpoint.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if f.Created() {
					created.Add(1)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := created.Load(); n != 1 {
			t.Fatalf("%d have created it", n)
		}
	}
}

// A checkpoint without a byte is one that was lost, as on a disk that was full.
func TestOpen_RefusesAnEmptyFile(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := checkpoint.Open(path)
	if !errors.Is(err, checkpoint.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that is ErrDamaged and names the file", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file was changed: %v %v", info, err)
	}
}

func TestOpen_RefusesASecondOpener(t *testing.T) {
	path := newPath(t)
	open(t, path)
	_, err := checkpoint.Open(path)
	if !errors.Is(err, checkpoint.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that is ErrLocked and names the file", err)
	}
	if _, err := checkpoint.Verify(path); !errors.Is(err, checkpoint.ErrLocked) {
		t.Errorf("Verify: %v, want ErrLocked", err)
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
	text := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	bucket := func(name string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			database(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte(name))
				return err
			})
		}
	}
	tests := map[string]struct {
		create func(t *testing.T, path string)
		want   error
	}{
		"text":                     {text("my diary\n"), checkpoint.ErrForeign},
		"long text":                {text(strings.Repeat("my diary\n", 10_000)), checkpoint.ErrForeign},
		"other database":           {bucket("users"), checkpoint.ErrForeign},
		"other database with meta": {bucket("meta"), checkpoint.ErrForeign},
		"no version":               {func(t *testing.T, path string) { database(t, path, meta([]byte("1"))) }, checkpoint.ErrForeign},
		"older version":            {func(t *testing.T, path string) { database(t, path, meta([]byte{0, 0, 0, 1})) }, checkpoint.ErrOlder},
		"newer version":            {func(t *testing.T, path string) { database(t, path, meta([]byte{0, 0, 0, 99})) }, checkpoint.ErrNewer},
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

// On a full disk every write would be an error.
func TestOpen_WritesNothingToACompleteCheckpoint(t *testing.T) {
	file, _ := filled(t)
	path := newPath(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, file) {
		t.Errorf("the file is another one now (%v)", err)
	}
}
