package checkpoint_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// linked makes folders and symbolic links, name → where it leads, in a new folder.
func linked(t *testing.T, folders []string, links map[string]string) (dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("whoever makes a symbolic link there needs a right of its own")
	}
	dir = t.TempDir()
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(strings.ReplaceAll(target, "$DIR", dir), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A path that is a link to a file that is not there yet, as from a working directory to a
// volume, is one where a checkpoint begins: the file is made where the link leads.
func TestOpen_MakesTheCheckpointWhereALinkLeads(t *testing.T) {
	tests := map[string]struct {
		folders []string
		links   map[string]string
		file    string // that is there then
	}{
		"beside it":                    {nil, map[string]string{"cp.db": "there.db"}, "there.db"},
		"in a folder":                  {[]string{"vol"}, map[string]string{"cp.db": "vol/there.db"}, "vol/there.db"},
		"an absolute one":              {[]string{"vol"}, map[string]string{"cp.db": "$DIR/vol/there.db"}, "vol/there.db"},
		"a link to a link":             {[]string{"a", "b"}, map[string]string{"cp.db": "a/cp.db", "a/cp.db": "../b/cp.db", "b/cp.db": "there.db"}, "b/there.db"},
		"a folder that is a link, too": {[]string{"deep/vol", "up"}, map[string]string{"here": "deep/vol", "cp.db": "here/../there.db"}, "deep/there.db"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := linked(t, test.folders, test.links)
			path, file := filepath.Join(dir, "cp.db"), filepath.Join(dir, test.file)
			if _, err := checkpoint.Open(path, checkpoint.MustExist()); !errors.Is(err, checkpoint.ErrMissing) {
				t.Errorf("it must exist, and does not: %v", err)
			}
			for _, isNew := range []bool{true, false} {
				f := open(t, path)
				if f.Created() != isNew {
					t.Errorf("created: %v, want %v", f.Created(), isNew)
				}
				update(t, f, putSeries("1"))
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
				t.Errorf("there is no file where the link leads: %v", err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("the link is gone: %v", err)
			}
			if _, err := checkpoint.Verify(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// A link that leads nowhere is named with where it leads, and nothing is left behind.
func TestOpen_RefusesALinkThatLeadsNowhere(t *testing.T) {
	tests := map[string]struct {
		links map[string]string
		want  string // in the error
	}{
		"into a folder that is not there": {map[string]string{"cp.db": "vol/there.db"}, "vol/there.db"},
		"to itself":                       {map[string]string{"cp.db": "cp.db"}, ""},
		"in a circle":                     {map[string]string{"cp.db": "other.db", "other.db": "cp.db"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := linked(t, nil, test.links)
			path := filepath.Join(dir, "cp.db")
			_, err := checkpoint.Open(path)
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != len(test.links) {
				t.Errorf("there is %v", entries)
			}
		})
	}
}

// A checkpoint that is open is gone once its link leads to another file.
func TestFile_IsNotUsedOnceItsLinkLeadsElsewhere(t *testing.T) {
	dir := linked(t, []string{"a", "b"}, map[string]string{"cp.db": "a/cp.db"})
	path := filepath.Join(dir, "cp.db")
	f := open(t, path)
	update(t, f, putSeries("1"))
	if err := errors.Join(os.Remove(path), os.Symlink("b/cp.db", path)); err != nil {
		t.Fatal(err)
	}
	if err := f.Update(putSeries("2")); !errors.Is(err, checkpoint.ErrReplaced) {
		t.Errorf("it commits: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "b")); len(entries) > 0 {
		t.Errorf("there is %v", entries)
	}
}

// The local copy of a journal lies where its link leads, too, and is found again there.
func TestJournal_KeepsItsLocalCopyWhereALinkLeads(t *testing.T) {
	dir := linked(t, []string{"vol"}, map[string]string{"cache.db": "vol/cache.db"})
	synctest.Test(t, func(t *testing.T) {
		cache, store := filepath.Join(dir, "cache.db"), new(journaltest.Fake)
		for range 2 {
			join(t, checkpoint.JournalConfig{Objects: store, Cache: cache}).lead().end()
			if info, err := os.Lstat(filepath.Join(dir, "vol", "cache.db")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("there is no file where the link leads: %v", err)
			}
		}
	})
}
