package checkpoint_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// readAll opens a file as a checkpoint and reads all of it: a panic or a fault fails
// the test. The text is empty if the checkpoint was refused.
func readAll(t *testing.T, file []byte) (text string, refused error) {
	path := newPath(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q is not one line that names the file", err)
		}
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err = content(f)
	if err != nil {
		t.Errorf("was opened, and could not be read: %v", err)
	}
	return text, nil
}

func TestOpen_RefusesATruncatedFile(t *testing.T) {
	file, want := filled(t)
	for n := len(file); n > 0; n -= 509 {
		got, err := readAll(t, file[:n]) // the file's end may be space that nothing uses yet
		if err == nil && got != want || n == len(file) && err != nil || n < len(file)/4 && err == nil {
			t.Errorf("%d of %d bytes read as another checkpoint (%v)", n, len(file), err)
		}
	}
}

// Whichever bit of the file is wrong, what is read is right, or nothing is.
func TestOpen_NoFlippedBitServesSomethingElse(t *testing.T) {
	file, want := filled(t)
	random := rand.New(rand.NewPCG(12, 240))
	const flips = 3 * 240
	refused := 0
	const metaPages = 2 * 4096
	for range flips {
		damaged := bytes.Clone(file)
		at := metaPages + random.IntN(len(file)-metaPages)
		damaged[at] ^= 1 << random.IntN(8)
		switch got, err := readAll(t, damaged); {
		case errors.Is(err, checkpoint.ErrDamaged), errors.Is(err, checkpoint.ErrForeign),
			errors.Is(err, checkpoint.ErrOlder), errors.Is(err, checkpoint.ErrNewer):
			refused++
		case err != nil:
			t.Errorf("a bit of byte %d gives %v", at, err)
		case got != want:
			t.Errorf("a bit of byte %d gives other content", at)
		}
	}
	t.Logf("%d of %d flipped bits were refused, the others do not matter", refused, flips)
	if refused < flips/4 {
		t.Errorf("%d of %d flipped bits were noticed", refused, flips)
	}
}

// An entry that is sound in itself may be one that was overwritten, or miss another.
func TestOpen_RefusesALostEntryAndOneOfAnotherCommit(t *testing.T) {
	tests := map[string]func(series *bbolt.Bucket) error{
		"lost": func(series *bbolt.Bucket) error { return series.Delete([]byte("a")) },
		"of another commit": func(series *bbolt.Bucket) error {
			return series.Put([]byte("a"), bytes.Clone(series.Get([]byte("before"))))
		},
		"of another key": func(series *bbolt.Bucket) error { return series.Put([]byte("b"), bytes.Clone(series.Get([]byte("a")))) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			f := open(t, path)
			put := func(value string) {
				update(t, f, func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte("a"), []byte(value)) })
			}
			put("1")
			var old []byte
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			raw := func(fn func(series *bbolt.Bucket) error) {
				db, err := bbolt.Open(path, 0o600, nil)
				if err != nil {
					t.Fatal(err)
				}
				err = db.Update(func(tx *bbolt.Tx) error { return fn(tx.Bucket([]byte("series"))) })
				if err := errors.Join(err, db.Close()); err != nil {
					t.Fatal(err)
				}
			}
			raw(func(series *bbolt.Bucket) error {
				old = bytes.Clone(series.Get([]byte("a")))
				return nil
			})
			f = open(t, path)
			put("2")
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			raw(func(series *bbolt.Bucket) error {
				if name == "of another commit" {
					return series.Put([]byte("a"), old)
				}
				return change(series)
			})
			if _, err := checkpoint.Open(path); !errors.Is(err, checkpoint.ErrDamaged) {
				t.Errorf("Open: %v, want ErrDamaged", err)
			}
			if _, err := checkpoint.Verify(path); !errors.Is(err, checkpoint.ErrDamaged) || !strings.Contains(err.Error(), "series") {
				t.Errorf("Verify: %v, want an error that names the table", err)
			}
		})
	}
}

// A damaged file is refused or read as it was, and never crashes the process.
func FuzzOpen(f *testing.F) {
	file, want := filled(f)
	f.Add(uint32(0), []byte("x"))
	f.Add(uint32(4096+16), []byte{0, 0, 0, 0})
	f.Add(uint32(2*4096+8), []byte{255, 255})
	f.Add(uint32(3*4096+16), bytes.Repeat([]byte{255}, 64))
	f.Fuzz(func(t *testing.T, offset uint32, patch []byte) {
		damaged := bytes.Clone(file)
		at := int(offset) % len(damaged)
		copy(damaged[at:], patch)
		got, err := readAll(t, damaged)
		if at >= 2*4096 && err == nil && got != want {
			t.Errorf("%d bytes from %d on give other content", len(patch), at)
		}
	})
}
