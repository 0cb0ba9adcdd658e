package dirsource_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
)

// large makes a folder of more names than are read again for each listing, among them folders.
func large(t testing.TB, dir string) {
	t.Helper()
	for i := range 5000 {
		write(t, dir, fmt.Sprintf("logs/bucket%02d-2026-07-02-08-15-%04d", i%50, i), nil)
	}
	for _, key := range []string{"logs/bucket07/x", "logs/bucket07-2026/07/02/x", "logs/bucket07-2026/07/03/x", "logs/a", "logs/z/y/x", "other/x"} {
		write(t, dir, key, nil)
	}
}

// Listings of a large folder share what was read of it, and what has come since is in them a
// second later.
func TestList_SharesWhatWasReadOfALargeFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		large(t, dir)
		src := open(t, dir, dirsource.Settle(2*time.Second))
		before := list(t, src, "logs/", "")
		write(t, dir, "logs/bucket07-2026-07-02-08-15-9999", nil)
		if err := os.Remove(filepath.Join(dir, "logs", "a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second - time.Nanosecond)
		if got := list(t, src, "logs/", ""); !slices.Equal(got, before[1:]) { // what is not there any more never is
			t.Errorf("%d objects, want %d", len(got), len(before)-1)
		}
		time.Sleep(time.Nanosecond)
		if got := list(t, src, "logs/", ""); len(got) != len(before) || !slices.Contains(got, "logs/bucket07-2026-07-02-08-15-9999") {
			t.Errorf("%d objects, want %d", len(got), len(before))
		}
	})
}

// A listing from what was read before is the one that reads the folder itself.
func TestList_OfALargeFolderIsTheSameFromWhatIsShared(t *testing.T) {
	dir := t.TempDir()
	large(t, dir)
	synctest.Test(t, func(t *testing.T) {
		src, shared := open(t, dir), open(t, dir, dirsource.Settle(2*time.Second))
		from := []string{"", "a", "logs/", "logs/bucket07", "logs/bucket07-", "logs/bucket07-2026/", "logs/bucket07-2026/07/02", "logs/bucket07/", "logs/z", "logs/z/y/", "logs/~", "p"}
		for i, key := range list(t, src, "", "") {
			if i%250 == 0 || i > 5000 {
				from = append(from, key)
			}
		}
		for _, from := range from {
			for _, prefix := range []string{"", "logs/", "logs/bucket07", "logs/bucket07-2026/", "logs/bucket07-2026/0", "logs/z", "logs/none"} {
				if got, want := list(t, shared, prefix, from), list(t, src, prefix, from); !slices.Equal(got, want) {
					t.Fatalf("below %q after %q: %d objects, want %d: %.200q, want %.200q", prefix, from, len(got), len(want), got, want)
				}
			}
		}
	})
}

// BenchmarkList_FlatFolder lists as a search does that passes over each stream of a folder.
func BenchmarkList_FlatFolder(b *testing.B) {
	dir := b.TempDir()
	large(b, dir)
	for name, options := range map[string][]dirsource.Option{"shared": {dirsource.Settle(2 * time.Second)}, "read each time": nil} {
		b.Run(name, func(b *testing.B) {
			src := open(b, dir, options...)
			for b.Loop() {
				for i := range 50 {
					for _, err := range src.List(b.Context(), "logs/", fmt.Sprintf("logs/bucket%02d-", i)) {
						if err != nil {
							b.Fatal(err)
						}
						break
					}
				}
			}
		})
	}
}
