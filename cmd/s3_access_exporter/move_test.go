package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestMove_RefusesWhatCannotBeMoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, empty := filepath.Join(dir, "used.db"), filepath.Join(dir, "empty.db")
	e := start(t, "serve", append(whole(path), fixtureBucket(t))...)
	e.awaitReady(t)
	for name, course := range map[string]struct {
		args []string
		code int
		text string
	}{
		"in use":      {[]string{path, empty}, exitFailed, "in use by another process"},
		"not there":   {[]string{empty, path}, exitFailed, "no such file"},
		"to itself":   {[]string{path, path}, exitUsage, "is given twice"},
		"to nowhere":  {[]string{path}, exitUsage, "<to>"},
		"in a moment": {[]string{"--takeover=1ms", path, empty}, exitUsage, "--takeover must be at least"},
	} {
		got := runToEnd(t, append([]string{"checkpoint", "move"}, course.args...)...)
		if got.code != course.code || !strings.Contains(got.stderr, course.text) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
		if _, err := os.Stat(empty); err == nil {
			t.Errorf("%s: it leaves an empty checkpoint", name)
		}
	}
}

// A checkpoint is used at one place: where it was moved to.
func TestServe_RefusesACheckpointThatWasMoved(t *testing.T) {
	t.Parallel()
	dir, bucket := t.TempDir(), fixtureBucket(t)
	before, after := filepath.Join(dir, "before.db"), filepath.Join(dir, "after.db")
	e := start(t, "serve", append(whole(before), bucket)...)
	e.awaitReady(t)
	want := e.mustScrape(t).requestFamilies()
	e.stop()
	for range 2 { // again, it finds that it is done
		if got := runToEnd(t, "checkpoint", "move", before, after); got.code != exitOK || !strings.Contains(got.stdout, " series\n") {
			t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	for _, args := range [][]string{{"serve"}, {"serve", "--check"}} {
		got := runToEnd(t, append(args, "--web.listen-address=127.0.0.1:0", "--checkpoint.path="+before, bucket)...)
		if out := got.stdout + got.stderr; got.code != exitFailed || !strings.Contains(out, after) || !strings.Contains(out, "checkpoint move") {
			t.Errorf("%s: exit code %d\n%s", args, got.code, out)
		}
	}
	if got := runToEnd(t, "checkpoint", "verify", before); got.code != exitOK || !strings.Contains(got.stdout, "is in "+after) {
		t.Errorf("exit code %d\n%s", got.code, got.stdout)
	}
	e = start(t, "serve", append(whole(after), "--checkpoint.must-exist", bucket)...)
	e.awaitReady(t)
	if diff := e.mustScrape(t).requestFamilies().diff(want); diff != "" {
		t.Error(diff)
	}
}

// An exporter waits for its store. Who has misspelt a bucket, or has no permission, does
// not.
func TestMove_EndsWhereTheStoreRefuses(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	server := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	defer server.Close()
	from := filepath.Join(t.TempDir(), "state.db")
	state, err := checkpoint.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, runToEnd(t, "checkpoint", "move", "--aws.endpoint-url="+server.URL, "--aws.path-style", "--aws.region=eu-west-1", from, "s3://misspelt/a"),
		exitFailed, "check the bucket's name")
}
