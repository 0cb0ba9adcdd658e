package dirsource_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestList_ReadsOnlyDirectoriesThatCanHoldWhatWasAskedFor(t *testing.T) {
	tests := []struct {
		name, prefix, startAfter string
		consume                  int
		want                     []string
	}{
		{
			"a poll", "logs/2026/", "logs/2026/08/x", 99,
			[]string{"logs/2026", "logs/2026/08", "logs/2026/09"},
		},
		{
			"a prefix without a slash", "logs/2026/0", "logs/2026/09", 99,
			[]string{"logs/2026", "logs/2026/09"},
		},
		{
			"one day", "", "logs/2026/07/x", 1,
			[]string{".", "logs", "logs/2026", "logs/2026/07", "logs/2026/08"},
		},
		{
			"behind everything", "logs/", "logs/2026/:", 99,
			[]string{"logs", "logs/2026"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for i := range 10 {
				write(t, dir, fmt.Sprintf("logs/2025/%02d/x", i), nil)
				write(t, dir, fmt.Sprintf("logs/2026/%02d/x", i), nil)
				write(t, dir, fmt.Sprintf("other/%02d/x", i), nil)
			}
			src := open(t, dir)
			opened := watchDirectories(t, dir)
			n := 0
			for _, err := range src.List(t.Context(), tt.prefix, tt.startAfter) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == tt.consume {
					break
				}
			}
			if got := opened(); !slices.Equal(got, tt.want) {
				t.Errorf("read %q\nwant %q", got, tt.want)
			}
		})
	}
}

// watchDirectories returns a function that tells which directories in and below
// dir were opened since, sorted. See inotify(7).
func watchDirectories(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	names := map[uint32]string{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		watch, err := syscall.InotifyAddWatch(fd, path, syscall.IN_OPEN)
		if err != nil {
			return err
		}
		names[uint32(watch)], err = filepath.Rel(dir, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	drain := func() []string {
		opened := map[string]bool{}
		buf := make([]byte, 64<<10)
		for {
			n, err := syscall.Read(fd, buf)
			if errors.Is(err, syscall.EAGAIN) {
				return slices.Sorted(maps.Keys(opened))
			}
			if err != nil {
				t.Fatal(err)
			}
			for events := buf[:n]; len(events) > 0; {
				watch, length := binary.NativeEndian.Uint32(events), binary.NativeEndian.Uint32(events[12:])
				// An event with a name is about what lies in the directory.
				if length == 0 {
					opened[names[watch]] = true
				}
				events = events[syscall.SizeofInotifyEvent+length:]
			}
		}
	}
	drain() // what WalkDir opened
	return drain
}
