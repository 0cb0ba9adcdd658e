package location

import (
	"os"
	"path/filepath"
	"testing"
)

// A location may be a link to a volume that is mounted later: it is the same store then.
func TestDirectory_OfALinkToNothingYetIsReadOnceItIsThere(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("volumes", "mnt")
	link(filepath.Join(root, "mnt/one"), "current")
	link("current/logs", "logs")
	link("circle", "circle")
	d := newDirectory(filepath.Join(root, "logs"), 0)
	if err := d.Check(t.Context(), ""); err == nil {
		t.Fatal("nothing is there, and that is no error")
	}
	if err := os.MkdirAll(filepath.Join(root, "volumes/one/logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context(), ""); err != nil {
		t.Errorf("it is there, and %v", err)
	}
	if want := "file://" + filepath.ToSlash(filepath.Join(root, "volumes/one/logs")); d.Store() != want {
		t.Errorf("the store is %s, want %s", d.Store(), want)
	}
	if err := newDirectory(filepath.Join(root, "circle"), 0).Check(t.Context(), ""); err == nil {
		t.Error("a circle of links is no error")
	}
}
