package dirsource_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

func TestList_WalksADirectoryOnceHoweverManyLinksLeadToIt(t *testing.T) {
	// 24 directories, each with two links to the next: 2^24 paths to the last.
	fanOut := func(t *testing.T, dir string) {
		for i := range 24 {
			write(t, dir, fmt.Sprintf("d%02d/file", i), nil)
			for _, name := range []string{"left", "right"} {
				link(t, fmt.Sprintf("../d%02d", (i+1)%24), dir, fmt.Sprintf("d%02d/%s", i, name))
			}
		}
	}
	t.Run("in the location", func(t *testing.T) {
		dir := t.TempDir()
		fanOut(t, dir)
		got := list(t, open(t, dir), "", "")
		if len(got) != 24 || got[0] != "d00/file" || got[23] != "d23/file" {
			t.Errorf("got %d files: %q", len(got), got)
		}
	})
	t.Run("outside", func(t *testing.T) {
		outside, dir := t.TempDir(), t.TempDir()
		fanOut(t, outside)
		link(t, filepath.Join(outside, "d00"), dir, "a")
		link(t, filepath.Join(outside, "d12"), dir, "b")
		src := open(t, dir)
		got := list(t, src, "", "")
		if len(got) != 24 {
			t.Errorf("got %d files: %q", len(got), got)
		}
		if again := list(t, src, "", ""); !slices.Equal(again, got) {
			t.Errorf("listed again\n got %q\nwant %q", again, got)
		}
	})
}

func TestList_ShowsADirectoryElsewhereUnderOneKey(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "logs/2026/x", nil)
	write(t, outside, "logs/2026/11/y", nil)
	write(t, outside, "logs/z", nil)
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, filepath.Join(outside, "logs", "2026", "11"), dir, "b/inner")
	link(t, filepath.Join(outside, "logs"), dir, "c")
	link(t, filepath.Join(outside, "logs"), dir, "d")
	link(t, filepath.Join(outside, "logs", "2026"), dir, "e")
	src := open(t, dir)
	want := []string{"b/inner/y", "c/2026/x", "c/z"}
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	// Also when a listing begins behind the key, or asks for the other one.
	for _, ask := range []struct{ prefix, startAfter string }{{"", "c0"}, {"d/", ""}, {"e/", ""}, {"c/2026/11/", ""}} {
		if got := list(t, src, ask.prefix, ask.startAfter); len(got) != 0 {
			t.Errorf("List(%q, %q) = %q, want nothing", ask.prefix, ask.startAfter, got)
		}
	}
	if got := list(t, src, "b/inner/", ""); !slices.Equal(got, want[:1]) {
		t.Errorf("got %q, want %q", got, want[:1])
	}
	// What nobody links to any more is listed under another key.
	for _, name := range []string{"b/inner", "c"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	want = []string{"d/2026/11/y", "d/2026/x", "d/z"}
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeep_DecidesWhichLinkIsFollowed(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, elsewhere, "logs/2026/x", nil)
	for _, name := range []string{"a", "b", "c"} {
		link(t, elsewhere, dir, name)
	}
	link(t, filepath.Join(elsewhere, "logs"), dir, "d")
	for _, test := range []struct {
		keep []string
		want string
	}{
		{nil, "a/logs/2026/x"},
		{[]string{""}, "a/logs/2026/x"},
		{[]string{"b/"}, "b/logs/2026/x"},
		{[]string{"c/logs/2026/x", "b/"}, "c/logs/2026/x"},
		{[]string{"none/", "../", "c"}, "a/logs/2026/x"}, // none of these is in a directory that a link leads to
		{[]string{"d/2026/"}, "d/2026/x"},                // and a leads to the rest of elsewhere
	} {
		src := open(t, dir)
		for _, prefix := range test.keep {
			src.Keep(prefix)
		}
		if got := list(t, src, "", ""); !slices.Equal(got, []string{test.want}) {
			t.Errorf("after Keep(%q) %q lie there, want %s", test.keep, got, test.want)
		}
	}
}

func TestList_PassesOverLinksToWhatIsListedAnyway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "logs/2026/x", nil)
	write(t, dir, "logs/file", nil)
	write(t, dir, ".hidden/2026/y", nil)
	write(t, dir, ".hidden/file", nil)
	link(t, "logs", dir, "again")
	link(t, "logs/2026", dir, "alias")
	link(t, "logs/file", dir, "latest")
	// As Kubernetes mounts a volume: all data is in a hidden directory.
	link(t, ".hidden", dir, "volume")
	link(t, ".hidden/file", dir, "volume-file")
	src := open(t, dir)
	want := []string{"logs/2026/x", "logs/file", "volume-file", "volume/2026/y", "volume/file"}
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := list(t, src, "again/2026/", ""); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
	if got := list(t, src, "volume/2026/", ""); !slices.Equal(got, []string{"volume/2026/y"}) {
		t.Errorf("got %q", got)
	}
}

func TestList_NeverComesBackFromOutside(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "logs")
	write(t, parent, "beside", nil)
	write(t, dir, "2026/x", nil)
	link(t, "..", dir, "up")
	link(t, filepath.Join(dir, "2026"), parent, "back")
	link(t, "logs", parent, "back-too")
	src := open(t, dir)
	if got, want := list(t, src, "", ""), []string{"2026/x", "up/beside"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := list(t, src, "up/logs/2026/", ""); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestList_ShowsAFileUnderEachOfItsHardLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/x", []byte("body"))
	write(t, dir, "b/y", nil)
	if err := os.Link(filepath.Join(dir, "a", "x"), filepath.Join(dir, "b", "x")); err != nil {
		t.Fatal(err)
	}
	if got, want := list(t, open(t, dir), "", ""), []string{"a/x", "b/x", "b/y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Nobody who reads a location by its name expects that it goes on to be what the name led to
// at the start, with a zero for all that comes by its name.
func TestList_FailsWhereTheLocationLeadsToAnotherDirectory(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, "old/x", nil)
	write(t, parent, "new/y", nil)
	logs := filepath.Join(parent, "logs")
	lead := func(to string) {
		t.Helper()
		if err := os.Remove(logs); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		link(t, to, parent, "logs")
	}
	lead("old")
	src := open(t, logs)
	if got := list(t, src, "", ""); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %q", got)
	}
	lead("new")
	if err := listError(t, src); reasonOf(err) != source.ReasonNoSuchBucket || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("List of what lies elsewhere: %v", err)
	}
	if err := os.Remove(logs); err != nil {
		t.Fatal(err)
	}
	if err := listError(t, src); reasonOf(err) != source.ReasonNoSuchBucket {
		t.Errorf("List of what is nowhere: %v", err)
	}
	lead(filepath.Join(parent, ".", "old")) // by another path
	if got := list(t, src, "", ""); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %q when it leads there again", got)
	}
}

// What lies behind a link whose volume is away is not gone, and is no zero; nor is it in the
// next process.
func TestList_FailsWhereALinkThatLedToADirectoryLeadsNowhere(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	volume := filepath.Join(elsewhere, "volume")
	write(t, volume, "x/y", nil)
	link(t, volume, dir, "vol")
	src := open(t, dir)
	if got := list(t, src, "", ""); !slices.Equal(got, []string{"vol/x/y"}) {
		t.Fatalf("got %q", got)
	}
	if err := os.Rename(volume, volume+".away"); err != nil {
		t.Fatal(err)
	}
	link(t, "nowhere", dir, "other") // which never led to anything
	next := open(t, dir)
	for _, prefix := range append(src.Kept(), "vol/x/") {
		next.Keep(prefix)
	}
	for _, src := range []*dirsource.Source{src, next} {
		if err := listError(t, src); reasonOf(err) != source.ReasonNoSuchBucket {
			t.Errorf("List: %v", err)
		}
		if got := src.Kept(); !slices.Equal(got, []string{"vol/"}) {
			t.Errorf("%q are kept", got)
		}
	}
	if err := os.Remove(filepath.Join(dir, "vol")); err != nil {
		t.Fatal(err)
	}
	if got := list(t, next, "", ""); !slices.Equal(got, []string{"other"}) {
		t.Errorf("got %q once nobody expects anything", got)
	}
}
