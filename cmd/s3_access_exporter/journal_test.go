package main

import (
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
)

// A checkpoint that would be listed as logs, or among which logs would be looked for, is
// refused, however both are written.
func TestServe_RefusesALoopOfItsCheckpoint(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	const other = "http://127.0.0.1:9"
	for _, test := range []struct {
		path, location string
		options        location.Options // of the location
		loop           bool
	}{
		// The state lies below the location.
		{path: "s3://state/exporter", location: "s3://state", loop: true},
		{path: "s3://state/exporter", location: "s3://state/", loop: true},
		{path: "s3://state/a/exporter/", location: "s3://state/a", loop: true},
		{path: "s3://state/a/exporter", location: "s3://state/a/", loop: true},
		{path: "s3://state/exporter", location: "s3://state/exp", loop: true}, // which lists exporter/
		// They are the same.
		{path: "s3://state", location: "s3://state", loop: true},
		{path: "s3://state/", location: "s3://state", loop: true},
		{path: "s3://state/exporter", location: "s3://state/exporter", loop: true},
		{path: "s3://state/exporter", location: "s3://state/exporter/", loop: true},
		{path: "s3://state/exporter/", location: "s3://state/exporter", loop: true},
		{path: "s3://state/exporter/", location: "s3://state/exporter/", loop: true},
		// The location lies below the state.
		{path: "s3://state", location: "s3://state/logs", loop: true},
		{path: "s3://state/", location: "s3://state/logs/", loop: true},
		{path: "s3://state/exporter", location: "s3://state/exporter/logs", loop: true},
		{path: "s3://state/exporter/", location: "s3://state/exporter/logs/", loop: true},
		{path: "s3://state/exporter", location: "s3://state/exporter/journal/", loop: true},
		// They lie side by side.
		{path: "s3://state/exporter", location: "s3://logs/exporter"},
		{path: "s3://state/exporter", location: "s3://state/logs"},
		{path: "s3://state/exporter", location: "s3://state/exporter2"},
		{path: "s3://state/exporter", location: "s3://state/exporter-logs/"},
		{path: "s3://state/exporter", location: t.TempDir()},
		// One store by another name or endpoint, and another store.
		{path: "s3://state/exporter", location: "s3://state", options: location.Options{Region: "us-east-1"}, loop: true},
		{path: "s3://state/exporter", location: "s3://state", options: location.Options{EndpointURL: "https://s3.us-east-1.amazonaws.com"}, loop: true},
		{path: "s3://state/exporter", location: "s3://state", options: location.Options{EndpointURL: other}},
	} {
		refused := refusedLoop(t, test.path, test.location, storeFlags{}, test.options)
		if refused != test.loop {
			t.Errorf("%s with the location %s %v: refused is %t", test.path, test.location, test.options, refused)
		}
	}
	named := location.Options{EndpointURL: other, Store: "a"}
	if !refusedLoop(t, "s3://state/exporter", "s3://state", storeFlags{EndpointURL: other}, named) {
		t.Error("a location whose store has a name of its own is not refused")
	}
	if refusedLoop(t, "s3://state/exporter", "s3://state/logs", storeFlags{EndpointURL: other}, named) {
		t.Error("another prefix is refused")
	}
}

func refusedLoop(t *testing.T, path, text string, store storeFlags, options location.Options) bool {
	t.Helper()
	at, err := location.Parse(text, options)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := location.Opener{}.Open(t.Context(), []location.Location{at})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := openBucket(t.Context(), path, store, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bucket.checkLoop([]location.Location{at}, opened) != nil
}

// Nothing is sent before that.
func TestServe_EndsWithALineAboutALoop(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	for _, args := range [][]string{{"serve"}, {"serve", "--check"}} {
		got := runToEnd(t, append(args, "--web.listen-address=127.0.0.1:0", "--checkpoint.path=s3://state/exporter/", "s3://state/exporter/logs")...)
		if got.code != exitUsage || strings.Count(got.stderr, "\n") != 1 ||
			!strings.Contains(got.stderr, "s3://state/exporter/ and the location s3://state/exporter/logs overlap") {
			t.Errorf("%s: exit code %d\n%s", args, got.code, got.stderr)
		}
	}
}
