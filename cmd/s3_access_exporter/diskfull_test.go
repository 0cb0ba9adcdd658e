//go:build integration

package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestServe_WaitsForAFullDiskAndResumesByItself(t *testing.T) {
	t.Parallel()
	t.Run("a file system without space", func(t *testing.T) {
		t.Parallel()
		dir := mountSmall(t)
		ballast := filepath.Join(dir, "ballast")
		testFullDisk(t, dir, fullDisk{
			text: "no space left on device",
			fill: func(*process) { fillUp(t, ballast) },
			free: func(*process) {
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
	t.Run("a limit on the size of files", func(t *testing.T) {
		t.Parallel()
		testFullDisk(t, t.TempDir(), fullDisk{
			text: "file too large",
			fill: func(p *process) { limitFiles(t, p, 4<<10) },
			free: func(p *process) { limitFiles(t, p, unix.RLIM_INFINITY) },
		})
	})
}

// fullDisk is a way to keep a process from writing.
type fullDisk struct {
	text       string // of the error
	fill, free func(p *process)
}

// testFullDisk lets the disk of dir fill up and come free again while logs arrive.
func testFullDisk(t *testing.T, dir string, disk fullDisk) {
	t.Helper()
	const failed, worksAgain = "the checkpoint cannot be written", "the checkpoint can be written again"
	bucket := filepath.Join(t.TempDir(), "bucket")
	logs := newFeed(3, intoDirectory(bucket))
	logs.deliver(t, 30*time.Second)
	args := []string{
		bucket, "--checkpoint.path=" + filepath.Join(dir, "checkpoint.db"), "--series.hold=0s",
		"--scan.interval=100ms", "--scan.sweep-interval=1s",
	}
	p := serve(t, nil, args...)
	wantExactly(t, p, logs.requests)
	eventually(t, "the process is ready", func() bool { return p.isReady(t) })

	disk.fill(p)
	logs.deliver(t, 30*time.Second)
	eventually(t, "the process is not ready", func() bool {
		status, text := p.ready(t)
		return status == http.StatusServiceUnavailable && strings.Contains(text, failed) && strings.Contains(text, disk.text)
	})
	frozen := p.mustScrape(t).requestFamilies()
	logs.deliver(t, 30*time.Second)
	p.polled(t)
	if now := p.mustScrape(t).requestFamilies(); !maps.Equal(now, frozen) {
		t.Errorf("the disk is full, yet more is shown:\n%s", now.diff(frozen))
	}
	if p.isReady(t) {
		t.Error("the disk is full, yet the process is ready")
	}

	disk.free(p)
	wantExactly(t, p, logs.requests)
	eventually(t, "the process is ready again", func() bool { return p.isReady(t) })
	if n, m := p.stderr.count(failed), p.stderr.count(worksAgain); n != 1 || m != 1 {
		t.Errorf("it logged %d times that it fails, and %d times that it works again", n, m)
	}
	p.kill()
	wantExactly(t, serve(t, nil, args...), logs.requests)
}

func TestServe_ShowsWhatItHasWhenItStartsOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := mountSmall(t)
	ballast := filepath.Join(dir, "ballast")
	bucket := filepath.Join(t.TempDir(), "bucket")
	logs := newFeed(5, intoDirectory(bucket))
	logs.deliver(t, 30*time.Second)
	args := func(checkpoint string) []string {
		return []string{
			bucket, "--checkpoint.path=" + filepath.Join(dir, checkpoint), "--series.hold=0s",
			"--scan.interval=100ms", "--scan.sweep-interval=1s",
		}
	}
	p := serve(t, nil, args("old.db")...)
	wantExactly(t, p, logs.requests)
	p.kill()
	fillUp(t, ballast)

	// A new checkpoint cannot be begun on the two pages that are left, and leaves
	// nothing behind that would have to be cleared away.
	lighten(t, ballast, 8<<10)
	q := launch(t, nil, serveArgs(args("new.db")...)...)
	if code, text := q.exitCode(), q.stderr.String(); code != exitFailed || strings.Count(text, "\n") != 1 ||
		!strings.Contains(text, "new.db: no space left on device") {
		t.Errorf("exit code %d, and it said:\n%s", code, text)
	}
	fillUp(t, ballast)

	before := expected(logs.requests)
	logs.deliver(t, 30*time.Second)
	p = serve(t, nil, args("old.db")...)
	if got := p.mustScrape(t).requestFamilies(); !maps.Equal(got, before) {
		t.Errorf("what it had is not what it shows:\n%s", got.diff(before))
	}
	eventually(t, "the process is not ready", func() bool { return p.stderr.count("cannot be written") == 1 && !p.isReady(t) })

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	wantExactly(t, p, logs.requests)
	wantExactly(t, serve(t, nil, args("new.db")...), logs.requests)
}

// smallDisk is the size of the file system of mountSmall, in bytes.
const smallDisk = 16 << 20

// mountSmall returns the directory of a small file system of its own.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk)); err != nil {
		t.Fatalf("mount, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillUp writes a file until there is no space left.
func fillUp(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, 2*smallDisk), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk up ended with: %v", err)
	}
}

// lighten cuts some bytes off a file.
func lighten(t *testing.T, path string, bytes int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-bytes); err != nil {
		t.Fatal(err)
	}
}

// limitFiles sets the size to which the process may write files.
func limitFiles(t *testing.T, p *process, size uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}
