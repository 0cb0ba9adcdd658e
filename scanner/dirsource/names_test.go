package dirsource_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is passed over for its name is listed as that, in order, and nothing that lies in it.
func TestList_ShowsWhatItPassesOver(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	for _, key := range []string{
		".logs/2026/x", ".logs/2026/y", ".logs-old", ".snapshot/x", "a/.x.Xa81bQ", "a/.b/c/d", "a/b", "a/b.part", "a/b.6eF1a2B3", "a/b~", "lost+found/x", "old~/x", "z",
	} {
		write(t, dir, key, nil)
	}
	write(t, elsewhere, "logs/x", nil)
	link(t, filepath.Join(elsewhere, "logs"), dir, ".hidden-link")
	link(t, filepath.Join(elsewhere, "logs", "x"), dir, "y.part")
	src := open(t, dir)
	passed := []string{".hidden-link", ".logs-old", ".logs/", ".snapshot/", "a/.b/", "a/.x.Xa81bQ", "a/b.6eF1a2B3", "a/b.part", "a/b~", "lost+found/", "old~/", "y.part"}
	for _, prefix := range []string{"", ".", "a/", "a/b", "a/b.", "old", "old~/", ".logs/", ".logs/2026/"} {
		for _, startAfter := range append([]string{"", "a", ".logs/2026/x", "a/.b/c", "zz"}, passed...) {
			var want []string
			for _, key := range passed {
				above := strings.HasSuffix(key, "/") && strings.HasPrefix(prefix, key) // what is asked for is not listed
				if strings.HasPrefix(key, prefix) && key > startAfter && !above {
					want = append(want, key)
				}
			}
			if _, got := listAll(t, src, prefix, startAfter); !slices.Equal(got, want) {
				t.Errorf("List(%q, %q) passes over %q, want %q", prefix, startAfter, got, want)
			}
		}
	}
	var all []string
	for o, err := range src.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
	if want := slices.Sorted(slices.Values(append(slices.Clone(passed), "a/b", "z"))); !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
}
