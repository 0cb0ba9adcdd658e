package location

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

func mustParse(t *testing.T, text string, options Options) Location {
	t.Helper()
	l, err := Parse(text, options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParse_NamesWhatItRead(t *testing.T) {
	for text, want := range map[string]string{
		"s3://example-logs":         "s3://example-logs",
		"s3://example-logs/":        "s3://example-logs",
		"s3://example-logs/a/b":     "s3://example-logs/a/b",
		"/var/log/../s3":            "file:///var/s3",
		"file:///var/s3":            "file:///var/s3",
		"s3://Old_Name.before.2018": "s3://Old_Name.before.2018",
	} {
		if got := mustParse(t, text, Options{}).Name(); got != want {
			t.Errorf("%s is named %s, want %s", text, got, want)
		}
	}
	if got := mustParse(t, "logs", Options{}).Dir; !filepath.IsAbs(got) {
		t.Errorf("a relative path becomes %s", got)
	}
	for _, text := range []string{"", "s3://", "s3://a", "s3://a b", "https://example.com", "file://logs"} {
		if _, err := Parse(text, Options{}); err == nil || !strings.Contains(err.Error(), "location \""+text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTellApart_NamesTheStoreWhereBucketsHaveOneName(t *testing.T) {
	all := []Location{
		mustParse(t, "s3://logs/a/", Options{}),
		mustParse(t, "s3://logs/a/", Options{EndpointURL: "https://user:secret@minio.example.com:9000"}),
		mustParse(t, "s3://logs/a/", Options{EndpointURL: "https://10.0.0.1", Store: "ceph"}),
		mustParse(t, "s3://logs/a/", Options{EndpointURL: "https://deceiving%E2%80%AE.example.com"}),
		mustParse(t, "s3://logs/b/", Options{EndpointURL: "https://minio.example.com:9000"}),
		mustParse(t, "/var/logs", Options{}),
	}
	TellApart(all)
	for i, want := range []string{
		"s3://logs/a/ at AWS", "s3://logs/a/ at minio.example.com:9000", "s3://logs/a/ at ceph",
		`s3://logs/a/ at deceiving\u202e.example.com`, "s3://logs/b/", "file:///var/logs",
	} {
		if got := all[i].Name(); got != want {
			t.Errorf("%s is named %s", want, got)
		}
	}
}

// A directory is known by its path alone: a name that changes nothing is not passed over.
func TestParse_RefusesAStoreOfADirectory(t *testing.T) {
	for _, text := range []string{"./logs", "/var/s3", "file:///var/s3"} {
		_, err := Parse(text, Options{Store: "volume"})
		if want := `location "` + text + `": a store has a name only where it is in S3; a directory is known by its path`; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	mustParse(t, "s3://logs", Options{Store: "minio"})
}

// The name of a location is a label's value, and stands in logs and on pages.
func TestParse_RefusesWhatDeceives(t *testing.T) {
	for _, name := range []string{"a\nb", "\x1b[31m", "a\x00", "a\u202eb", "a\u0085", "\u200f", "a\xffb"} {
		for _, text := range []string{"s3://logs/" + name, "file:///" + name, "./" + name, name} {
			_, err := Parse(text, Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "location \"") || !strings.Contains(err.Error(), "symbolic link") || strings.ContainsFunc(err.Error(), hostile.Deceives) || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if _, err := Parse("s3://logs", Options{Store: name}); err == nil || !strings.HasPrefix(err.Error(), "the store of location") {
			t.Errorf("store %q: %v", name, err)
		}
	}
	for _, text := range []string{"s3://logs/a b", "s3://logs/é", "./日誌"} {
		mustParse(t, text, Options{})
	}
	if runtime.GOOS == "windows" {
		return // where no directory has such a name
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("a\nb", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a\nb", "link"); err != nil {
		t.Fatal(err)
	}
	mustParse(t, "link", Options{})
}

// Some take a location for an endpoint's URL.
func TestParse_NeverShowsAPassword(t *testing.T) {
	for _, text := range []string{
		"http://user:se:cr@et@minio.example.com:9000/logs", "https://AKID:se/cr@et@minio/b", "s3://AKID:secr@et@logs/prefix", "file://user:secr@et@host/x",
	} {
		_, err := Parse(text, Options{})
		if err == nil || strings.Contains(err.Error(), "et@") || strings.Contains(err.Error(), "cr") || !strings.Contains(err.Error(), "…@") {
			t.Errorf("%v", err)
		}
	}
	for _, prefix := range []string{"a@b:c", "a:b@c"} {
		if l := mustParse(t, "s3://logs/"+prefix, Options{}); l.Prefix != prefix {
			t.Errorf("the prefix %q is %q", prefix, l.Prefix)
		}
	}
}

func TestCheckOverlap_ComparesWhatIsInOneStore(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	other := Options{EndpointURL: "http://localhost:9000"}
	for _, test := range []struct {
		a, b Location
		want bool
	}{
		{mustParse(t, "s3://example-logs", Options{}), mustParse(t, "s3://example-logs/a", Options{}), true},
		{mustParse(t, "s3://example-logs/ab", Options{}), mustParse(t, "s3://example-logs/a", Options{}), true},
		{mustParse(t, "s3://example-logs/b", Options{}), mustParse(t, "s3://example-logs/a", Options{}), false},
		{mustParse(t, "s3://example-logs", Options{}), mustParse(t, "s3://example-logs", other), false},
		{mustParse(t, "s3://example-logs", other), mustParse(t, "s3://example-logs", other), true},
		{mustParse(t, dir, Options{}), mustParse(t, dir+"/below", Options{}), true},
		{mustParse(t, dir, Options{}), mustParse(t, link+"/not/there", Options{}), true},
		{mustParse(t, dir, Options{}), mustParse(t, dir+"2", Options{}), false},
		{mustParse(t, dir, Options{}), mustParse(t, "s3://example-logs", Options{}), false},
	} {
		for _, both := range [][]Location{{test.a, test.b}, {test.b, test.a}} {
			if err := CheckOverlap(both); (err != nil) != test.want {
				t.Errorf("%s and %s: %v", both[0].Name(), both[1].Name(), err)
			}
		}
	}
}

// One bucket may be reached in two ways.
func TestOpen_FindsOverlapsOfOneStoreThatIsWrittenInTwoWays(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	a := mustParse(t, "s3://example-logs", Options{Region: "eu-west-1"})
	b := mustParse(t, "s3://example-logs/x", Options{EndpointURL: "https://s3.dualstack.eu-west-1.amazonaws.com", Region: "eu-west-1"})
	if err := CheckOverlap([]Location{a, b}); err != nil {
		t.Fatal(err)
	}
	if _, err := (Opener{}).Open(t.Context(), []Location{a, b}); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Error(err)
	}
}

func listed(ctx context.Context, src source.Source) (keys []string, failed error) {
	for obj, err := range src.List(ctx, "", "") {
		if err != nil {
			return keys, err
		}
		keys = append(keys, obj.Key)
	}
	return keys, nil
}

func TestDirectory_IsReadOnceItIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	opened, err := Opener{}.Open(t.Context(), []Location{{Dir: dir}})
	if err != nil {
		t.Fatal(err)
	}
	src := opened[0].Source
	if _, err := listed(t.Context(), src); !isFailure(err, source.ReasonNoSuchBucket) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("list: %v", err)
	}
	if _, err := src.Open(t.Context(), source.Object{Key: "x"}); !isFailure(err, source.ReasonNoSuchBucket) {
		t.Errorf("open: %v", err)
	}
	if _, err := src.Stat(t.Context(), "x"); !isFailure(err, source.ReasonNoSuchBucket) {
		t.Errorf("stat: %v", err)
	}
	if err := Check(t.Context(), opened); err == nil || !strings.Contains(err.Error(), "location file://"+dir+": directory "+dir+": no such file") {
		t.Errorf("check: %v", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := listed(t.Context(), src)
	if err != nil || len(keys) != 1 {
		t.Errorf("%q, %v", keys, err)
	}
	obj, err := src.Stat(t.Context(), "x")
	if err != nil || obj.Size != 4 {
		t.Errorf("%+v, %v", obj, err)
	}
	body, err := src.Open(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close()
	if err := Check(t.Context(), opened); err != nil {
		t.Error(err)
	}
}

// What was read goes on under the key that it was read under.
func TestDirectory_KeepsKeys(t *testing.T) {
	parent := t.TempDir()
	dir, elsewhere := filepath.Join(parent, "a"), t.TempDir()
	opened, err := Opener{}.Open(t.Context(), []Location{{Dir: dir}})
	if err != nil {
		t.Fatal(err)
	}
	keeper, ok := opened[0].Source.(source.Keeper)
	if !ok {
		t.Fatal("keys are not kept")
	}
	keeper.Keep("late/") // of a directory that is not there yet
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"early", "late"} {
		if err := os.Symlink(elsewhere, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	keeper.Keep("late/")
	if keys, err := listed(t.Context(), opened[0].Source); err != nil || !slices.Equal(keys, []string{"late/x"}) {
		t.Errorf("%q, %v", keys, err)
	}
}

func isFailure(err error, reason source.Reason) bool {
	var failure *source.Error
	return errors.As(err, &failure) && failure.Reason == reason
}

// What was read is remembered under the directory's canonical path. Where that turns
// out to be another one, nothing is read, and so nothing is counted twice.
func TestDirectory_NeverBecomesAnotherOne(t *testing.T) {
	parent := t.TempDir()
	target, link := filepath.Join(parent, "target"), filepath.Join(parent, "link")
	opened, err := Opener{Settle: time.Second}.Open(t.Context(), []Location{{Dir: link}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "file://" + link; opened[0].Store != want {
		t.Errorf("the store is %s, want %s", opened[0].Store, want)
	}
	if err := errors.Join(os.Mkdir(target, 0o700), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := listed(t.Context(), opened[0].Source); err == nil || !strings.Contains(err.Error(), "start anew") {
		t.Error(err)
	}
	again, err := Opener{}.Open(t.Context(), []Location{{Dir: link}})
	if err != nil || again[0].Store != "file://"+target {
		t.Errorf("%+v, %v", again, err)
	}
	if keys, err := listed(t.Context(), again[0].Source); err != nil || len(keys) > 0 {
		t.Errorf("%q, %v", keys, err)
	}
}
