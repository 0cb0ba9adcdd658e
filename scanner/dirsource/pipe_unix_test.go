//go:build unix

package dirsource_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

func TestSource_NeverWaitsForAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, "pipe", dir, "link")
	src := open(t, dir)
	for obj, err := range src.List(t.Context(), "", "") {
		if err != nil || !obj.Special {
			t.Errorf("%q, which is a pipe or a link to one, is listed as special: %v, error %v", obj.Key, obj.Special, err)
		}
	}
	for _, key := range []string{"pipe", "link"} {
		if _, err := src.Open(t.Context(), source.Object{Key: key}); reasonOf(err) != source.ReasonGone {
			t.Errorf("Open(%q) = %v, want it gone", key, err)
		}
	}
}
