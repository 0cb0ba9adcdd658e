package dirsource_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestSource_IsASource(t *testing.T) { testSource(t) }

func TestSource_IsASourceThatWaits(t *testing.T) { testSource(t, dirsource.Settle(1)) }

func testSource(t *testing.T, options ...dirsource.Option) {
	sourcetest.TestSource(t, func(t *testing.T, objects map[string][]byte) sourcetest.Store {
		dir := t.TempDir()
		for key, body := range objects {
			write(t, dir, key, body)
		}
		modified := time.Now()
		return sourcetest.Store{Source: open(t, dir, options...), Put: func(t *testing.T, key string, body []byte) {
			write(t, dir, key, body)
			modified = modified.Add(time.Nanosecond)
			if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(key)), time.Time{}, modified); err != nil {
				t.Fatal(err)
			}
		}}
	}, sourcetest.NotPaths)
}

func TestNew_SaysWhatIsWrongWithTheDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", nil)
	tests := []struct {
		dir  string
		want string
	}{
		{filepath.Join(dir, "missing"), "no such file or directory"},
		{filepath.Join(dir, "file"), "not a directory"},
		{filepath.Join(dir, "file", "below"), "not a directory"},
	}
	for _, tt := range tests {
		_, err := dirsource.New(tt.dir)
		if want := "directory " + tt.dir + ": " + tt.want; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestStore_IsTheSameHoweverTheDirectoryIsWritten(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, "logs/a", nil)
	link(t, "logs", parent, "link")
	link(t, filepath.Join(parent, "link"), parent, "far")
	t.Chdir(filepath.Join(parent, "logs"))
	canonical, err := filepath.EvalSymlinks(filepath.Join(parent, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(parent, "logs"), filepath.Join(parent, "link") + "/", filepath.Join(parent, "far", "."), ".", "../link"} {
		if got, want := open(t, dir).Store(), "file://"+canonical; got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
}

func TestList_LeavesOutWhatIsNoObject(t *testing.T) {
	dir := t.TempDir()
	for _, key := range []string{
		"2026-11-21-00-00-00-0123456789ABCDEF",
		"2026-11-21-00-00-00-0123456789ABCDE0.gz",
		".2026-11-21-00-00-00-0123456789ABCDEF.Xa81bQ",
		"2026-11-21-00-00-00-0123456789ABCDEF.6eF1a2B3",
		"2026-11-21-00-00-00-0123456789ABCDEF.6eF1a2B", // seven digits
		"2026-11-21-00-00-00-0123456789ABCDEF.6eF1a2Bg",
		"x~", "x.tmp", "x.part", "x.partial", "x.crdownload", "x.download", "x.filepart", ".x.swp",
		".snapshot/x", "lost+found/x", "dir.tmp/x",
	} {
		write(t, dir, key, nil)
	}
	src := open(t, dir)
	want := []string{
		"2026-11-21-00-00-00-0123456789ABCDE0.gz",
		"2026-11-21-00-00-00-0123456789ABCDEF",
		"2026-11-21-00-00-00-0123456789ABCDEF.6eF1a2B",
		"2026-11-21-00-00-00-0123456789ABCDEF.6eF1a2Bg",
	}
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, key := range []string{"x~", "x.part", ".snapshot/", ".snapshot/x", "lost+found/x", "."} {
		if _, err := src.Open(t.Context(), source.Object{Key: key}); reasonOf(err) != source.ReasonGone {
			t.Errorf("Open(%q) = %v, want it gone", key, err)
		}
	}
	for _, prefix := range []string{".snapshot/", "lost+found/", "dir.tmp/x"} {
		if got := list(t, src, prefix, ""); len(got) != 0 {
			t.Errorf("List(%q) = %q, want nothing", prefix, got)
		}
	}
}

// Folders of logs are named after buckets, some of which are called as tools call files that
// are not complete.
func TestList_ListsTheFoldersOfBucketsOfAnyName(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	const object = "2026/11/21/2026-11-21-00-00-00-0123456789ABCDEF"
	var want []string
	for _, bucket := range []string{"cdn.download", "mass.crdownload", "my.filepart", "my.part", "my.partial", "shop.20260701", "shop.6ef1a2b3"} {
		key := "111122223333/eu-west-1/" + bucket + "/" + object
		write(t, dir, key, []byte("body"))
		want = append(want, key)
		write(t, dir, key+".part", nil)
		linked := "111122223333/eu-west-1/x-" + bucket
		write(t, elsewhere, bucket+"/"+object, []byte("body"))
		link(t, filepath.Join(elsewhere, bucket), dir, linked)
		want = append(want, linked+"/"+object)
	}
	slices.Sort(want)
	src := open(t, dir)
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, key := range want {
		if got := list(t, src, key[:len(key)-8], ""); !slices.Equal(got, []string{key}) {
			t.Errorf("below %q lies %q", key[:len(key)-8], got)
		}
		if got, err := read(t, src, key); err != nil || string(got) != "body" {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
}

func TestSource_NeverLeavesTheDirectory(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, "secret", nil)
	write(t, parent, "logs/a/x", nil)
	src := open(t, filepath.Join(parent, "logs"))
	for _, key := range []string{"../secret", "a/../../secret", "a/../a/x", "./a/x", "a//x", "/a/x", "a/x/", "", ".", "..", "a/x\x00"} {
		if _, err := src.Open(t.Context(), source.Object{Key: key}); err == nil {
			t.Errorf("Open(%q) succeeded", key)
		}
	}
	for _, prefix := range []string{"../", "../s", "a/../", "./", "/", "a//"} {
		if got := list(t, src, prefix, ""); len(got) != 0 {
			t.Errorf("List(%q) = %q, want nothing", prefix, got)
		}
	}
}

func TestSource_KeepsNamesThatAreNotUTF8(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a\xff/b\xc3", []byte("body"))
	src := open(t, dir)
	if got := list(t, src, "a\xff", ""); !slices.Equal(got, []string{"a\xff/b\xc3"}) {
		t.Fatalf("got %q", got)
	}
	if got, err := read(t, src, "a\xff/b\xc3"); err != nil || string(got) != "body" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestList_FollowsSymbolicLinksButNeverInCircles(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "logs/x", []byte("far away"))
	write(t, dir, "a/file", []byte("near"))
	link(t, filepath.Join(outside, "logs"), dir, "a/z-logs")
	link(t, filepath.Join(outside, "logs", "x"), dir, "a-link")
	link(t, dir, outside, "logs/back")
	link(t, "..", dir, "a/up")
	link(t, "../a", dir, "a/again")
	link(t, "self", dir, "self")
	link(t, "nowhere", dir, "dangling")

	src := open(t, dir)
	want := []string{"a-link", "a/file", "a/z-logs/x", "dangling", "self"}
	if got := list(t, src, "", ""); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for _, key := range []string{"a-link", "a/z-logs/x"} {
		if got, err := read(t, src, key); err != nil || string(got) != "far away" {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
	}
	for _, key := range []string{"dangling", "self"} {
		if _, err := src.Open(t.Context(), source.Object{Key: key}); err == nil {
			t.Errorf("%s was opened", key)
		}
	}
}

func TestSettle_HidesWhatMayStillBeWritten(t *testing.T) {
	dir := t.TempDir()
	age := func(name string, age time.Duration) {
		write(t, dir, name, nil)
		modified := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	age("new", time.Minute)
	age("old", 3*time.Hour)
	age("future", -3*time.Hour)
	age("near-future", -time.Minute)
	if got, want := list(t, open(t, dir, dirsource.Settle(time.Hour)), "", ""), []string{"future", "old"}; !slices.Equal(got, want) {
		t.Errorf("with a settle time: got %q, want %q", got, want)
	}
	var leftOut []string
	ctx := source.WithLeftOut(t.Context(), func(key string) { leftOut = append(leftOut, key) })
	for _, err := range open(t, dir, dirsource.Settle(time.Hour)).List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"near-future", "new"}; !slices.Equal(leftOut, want) {
		t.Errorf("it leaves out %q, want %q", leftOut, want)
	}
	if got := list(t, open(t, dir), "", ""); len(got) != 4 {
		t.Errorf("without a settle time: got %q, want all", got)
	}
}

func TestOpen_NeverVouchesForAFileThatChanged(t *testing.T) {
	tests := []struct {
		name   string
		change func(path string) error
	}{
		{"appended", func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		}},
		{"truncated", func(path string) error { return os.Truncate(path, 10) }},
		{"rewritten", func(path string) error {
			return os.Chtimes(path, time.Time{}, time.Now().Add(time.Second))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "k", []byte("a body of twenty-six bytes"))
			body, err := open(t, dir).Open(t.Context(), source.Object{Key: "k", Size: 26})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = body.Close() }()
			if _, err := io.ReadFull(body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			if err := tt.change(filepath.Join(dir, "k")); err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, body)
			if reasonOf(err) != source.ReasonChanged {
				t.Errorf("got %v, want reason %q", err, source.ReasonChanged)
			}
		})
	}
}

func TestList_TellsThatTheDirectoryIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	write(t, dir, "a/x", nil)
	src := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := listError(t, src); reasonOf(err) != source.ReasonNoSuchBucket {
		t.Errorf("List of a directory that is gone: %v", err)
	}
	write(t, filepath.Dir(dir), "logs", nil)
	if err := listError(t, src); reasonOf(err) != source.ReasonNoSuchBucket {
		t.Errorf("List of a directory that is a file now: %v", err)
	}
}

// What lies in a directory that is not there, as its volume is not mounted, is not gone.
func TestOpen_TellsThatTheDirectoryIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	write(t, dir, "a/x", nil)
	src := open(t, dir)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	_, openErr := src.Open(t.Context(), source.Object{Key: "a/x"})
	_, statErr := src.Stat(t.Context(), "a/x")
	if reasonOf(openErr) != source.ReasonNoSuchBucket || reasonOf(statErr) != source.ReasonNoSuchBucket {
		t.Errorf("Open: %v, Stat: %v", openErr, statErr)
	}
}

func TestList_PassesOverWhatVanishes(t *testing.T) {
	dir := t.TempDir()
	for _, key := range []string{"a", "b", "c/x", "d"} {
		write(t, dir, key, nil)
	}
	var got []string
	for o, err := range open(t, dir).List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, o.Key); o.Key == "a" {
			for _, name := range []string{"b", "c"} {
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if want := []string{"a", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
