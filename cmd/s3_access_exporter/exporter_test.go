package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// runToEnd runs the program within the test's process. It ends a daemon that
// was not to start.
func runToEnd(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, &stdout, &stderr)
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// exporter is the program running within the test's process.
type exporter struct {
	site
	cancel context.CancelFunc
	ended  chan struct{} // closed when it has ended
	code   int           // of its end
}

// start runs a command that serves, on a free port. It returns once the command
// listens; the command ends with the test at the latest.
func start(t *testing.T, command string, args ...string) *exporter {
	t.Helper()
	args = append([]string{command, "--web.listen-address=127.0.0.1:0"}, args...)
	// The test's context ends before its cleanup.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	e := &exporter{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(e.ended)
		e.code = run(ctx, args, &e.stdout, &e.stderr)
	}()
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(args, " "), e.stderr.problems())
		}
	})
	eventually(t, "it listens", func() bool { return e.hasEnded() || e.url() != "" })
	if e.hasEnded() {
		t.Fatalf("it ended with code %d", e.code)
	}
	return e
}

// stop lets the command end in peace, and returns its exit code.
func (e *exporter) stop() int {
	e.cancel()
	<-e.ended
	return e.code
}

func (e *exporter) hasEnded() bool {
	select {
	case <-e.ended:
		return true
	default:
		return false
	}
}

// whole are the flags with which serve reads all that lies in a directory, as
// soon as it may.
func whole(checkpoint string) []string {
	return []string{"--checkpoint.path=" + checkpoint, "--scan.since=all", "--scan.interval=100ms", "--series.hold=0s"}
}

// awaitReady waits until all that lay there at the start is counted, and the
// metrics say so.
func (e *exporter) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, "it is ready", func() bool {
		return e.isReady(t) && e.mustScrape(t).sum("s3_access_exporter_last_poll_success") > 0
	})
}

// fixtureBucket returns a new directory with the log bucket of testdata. What is
// JSON there is gzipped in the bucket. The files are old enough to have settled.
func fixtureBucket(t *testing.T) string {
	t.Helper()
	const source = "testdata/bucket"
	dir := filepath.Join(t.TempDir(), "bucket")
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".json") {
			name, body = name+".gz", gzipped(t, body)
		}
		file := filepath.Join(dir, name)
		if err := writeObject(file, body); err != nil {
			return err
		}
		old := time.Now().Add(-time.Hour)
		return os.Chtimes(file, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}
