package dirsource_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

func TestSource_TellsMissingPermissions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "open", []byte("x"))
	write(t, dir, "secret/x", nil)
	write(t, dir, "forbidden", nil)
	src := open(t, dir)
	becomeNobody(t, dir)
	if body, err := read(t, src, "open"); err != nil || string(body) != "x" {
		t.Fatalf("a file with permission: %q, %v", body, err)
	}
	for _, name := range []string{"secret", "forbidden"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(path, 0o700); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := src.Open(t.Context(), source.Object{Key: "forbidden"}); reasonOf(err) != source.ReasonAccessDenied {
		t.Errorf("Open of a file without permission: %v", err)
	}
	if err := listError(t, src); reasonOf(err) != source.ReasonAccessDenied {
		t.Errorf("List of a directory without permission: %v", err)
	}
}

// What a link leads to may be a directory full of logs, whoever may not see that.
func TestList_FailsWhereNobodyMaySeeWhatALinkLeadsTo(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, "logs/x", nil)
	write(t, parent, "locked/volume/y", nil)
	link(t, "../locked/volume", filepath.Join(parent, "logs"), "vol")
	src := open(t, filepath.Join(parent, "logs"))
	becomeNobody(t, parent)
	locked := filepath.Join(parent, "locked")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(locked, 0o700); err != nil {
			t.Error(err)
		}
	})
	if err := listError(t, src); reasonOf(err) != source.ReasonAccessDenied {
		t.Errorf("List: %v", err)
	}
}

// becomeNobody gives the directory to a user without rights, and lets the test go
// on as that user, for root may read everything. It is the test's thread alone that
// changes, and only as far as files go: see setfsuid(2).
func becomeNobody(t *testing.T, dir string) {
	t.Helper()
	const nobody = 65534
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0) // it tells no errors
	t.Cleanup(func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
		runtime.UnlockOSThread()
	})
}
