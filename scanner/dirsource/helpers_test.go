package dirsource_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func open(t testing.TB, dir string, options ...dirsource.Option) *dirsource.Source {
	t.Helper()
	src, err := dirsource.New(dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func write(t testing.TB, dir, key string, body []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, dir, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// list returns the keys of a listing that must not fail, but for what is passed over.
func list(t testing.TB, src source.Source, prefix, startAfter string) []string {
	t.Helper()
	keys, _ := listAll(t, src, prefix, startAfter)
	return keys
}

// listAll returns the keys of a listing that must not fail, and those of what is passed over.
func listAll(t testing.TB, src source.Source, prefix, startAfter string) (keys, passed []string) {
	t.Helper()
	for o, err := range src.List(t.Context(), prefix, startAfter) {
		switch {
		case err != nil:
			t.Fatal(err)
		case o.Unfinished:
			passed = append(passed, o.Key)
			if o != (source.Object{Key: o.Key, Unfinished: true}) {
				t.Errorf("passed over is %+v", o)
			}
		default:
			keys = append(keys, o.Key)
		}
	}
	return keys, passed
}

// listError returns the error of a listing of everything.
func listError(t *testing.T, src source.Source) error {
	t.Helper()
	for _, err := range src.List(t.Context(), "", "") {
		if err != nil {
			return err
		}
	}
	return nil
}

func read(t *testing.T, src source.Source, key string) ([]byte, error) {
	t.Helper()
	obj, err := src.Stat(t.Context(), key)
	if err != nil {
		return nil, err
	}
	return sourcetest.Read(t.Context(), src, obj)
}

// reasonOf returns the reason of a source.Error, and none of any other error.
func reasonOf(err error) source.Reason {
	var sourceErr *source.Error
	if !errors.As(err, &sourceErr) {
		return ""
	}
	return sourceErr.Reason
}
