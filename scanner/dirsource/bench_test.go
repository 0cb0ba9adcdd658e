package dirsource_test

import (
	"fmt"
	"testing"
)

// BenchmarkList lists from a tree of 100,000 files, 1000 days of 100: what the
// last day costs must not depend on what lies before.
func BenchmarkList(b *testing.B) {
	dir := b.TempDir()
	for day := range 1000 {
		for i := range 100 {
			write(b, dir, fmt.Sprintf("logs/%d/%02d/%02d/%03d", 2024+day/360, day%360/30+1, day%30+1, i), nil)
		}
	}
	for _, bm := range []struct {
		name, startAfter string
		objects          int
	}{
		{"all", "", 100_000},
		{"last day", "logs/2026/10/10", 100},
		{"nothing new", "logs/2026/10/10/099", 0},
	} {
		b.Run(bm.name, func(b *testing.B) {
			src := open(b, dir)
			for b.Loop() {
				if got := len(list(b, src, "logs/", bm.startAfter)); got != bm.objects {
					b.Fatalf("%d objects, want %d", got, bm.objects)
				}
			}
		})
	}
}
