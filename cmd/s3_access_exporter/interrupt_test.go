package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// stuckStore is an S3 that gives some objects, and keeps whoever asks for more
// waiting for ever.
type stuckStore struct {
	s3    http.Handler
	left  atomic.Int64 // objects that it still gives
	stuck chan struct{}
	over  chan struct{}
}

// startStuckStore returns the flags for reading a bucket of objects of one line
// each in a stuckStore.
func startStuckStore(t *testing.T, objects, given int) (*stuckStore, []string) {
	t.Helper()
	const bucket = "example-logs"
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(manyLines(), []byte("\n"))
	for i := range objects {
		key := fmt.Sprintf("2026-01-15-08-30-00-%016X", i)
		if _, err := backend.PutObject(bucket, key, nil, bytes.NewReader(line), int64(len(line)), nil); err != nil {
			t.Fatal(err)
		}
	}
	s := &stuckStore{s3: gofakes3.New(backend).Server(), stuck: make(chan struct{}, objects), over: make(chan struct{})}
	s.left.Store(int64(given))
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.over)
		server.Close()
	})
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return s, []string{"s3://" + bucket, "--aws.endpoint-url=" + server.URL, "--aws.path-style", "--aws.region=eu-west-1", "--scan.concurrency=8"}
}

// ServeHTTP implements http.Handler.
func (s *stuckStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/2026-") && s.left.Add(-1) < 0 {
		s.stuck <- struct{}{}
		<-s.over
		return
	}
	s.s3.ServeHTTP(w, r)
}

func TestRun_PrintsWhatWasReadUntilItIsInterrupted(t *testing.T) {
	const objects, given, readers = 40, 20, 8
	for command, test := range map[string]struct {
		args  []string
		count func(text string) int
	}{
		"report": {[]string{"-o", "prometheus"}, func(text string) int {
			s, _ := parseSamples([]byte(text)) // what is no sample counts as none
			return int(s.sum("s3_access_requests_total"))
		}},
		"events":              {[]string{"-o", "json"}, countLines},
		"events in time":      {[]string{"-o", "json", "--sort=time"}, countLines},
		"backfill":            {nil, func(text string) int { return int(lastValue(t, text, "s3_access_requests_total")) }},
		"events as they come": {[]string{"-o", "csv", "--fields=time"}, func(text string) int { return countLines(text) - 1 }},
	} {
		t.Run(command, func(t *testing.T) {
			store, location := startStuckStore(t, objects, given)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			ended := make(chan int)
			var stdout, stderr bytes.Buffer
			go func() {
				name, _, _ := strings.Cut(command, " ")
				ended <- run(ctx, append(append([]string{name}, location...), test.args...), &stdout, &stderr)
			}()
			for range readers { // all are stuck, so all that was given is counted
				<-store.stuck
			}
			interrupt()
			if code := <-ended; code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			if n := test.count(stdout.String()); n != given {
				t.Errorf("%d requests are printed, want %d:\n%s", n, given, stdout.String())
			}
			want := program + ": error: " + errInterrupted.Error() + "\n" + program + ": looked at 20 log objects "
			if got := stderr.String(); !strings.HasPrefix(got, want) || countLines(got) != 2 {
				t.Errorf("stderr is %q, want two lines that begin with %q", got, want)
			}
		})
	}
}

func countLines(text string) int { return strings.Count(text, "\n") }

// lastValue returns the last value of a metric in a history.
func lastValue(t *testing.T, history, name string) float64 {
	t.Helper()
	value := 0.0
	for _, p := range parseHistory(t, history) {
		if p.name == name {
			value = p.value
		}
	}
	return value
}

func TestRun_IsInterruptedBeforeAnythingWasRead(t *testing.T) {
	_, location := startStuckStore(t, 1, 0)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, append([]string{"backfill"}, location...), &stdout, &stderr); code != exitInterrupted {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	if stdout.String() != "# EOF\n" {
		t.Errorf("%q", stdout.String())
	}
}

// Whatever a command that looks once is in the middle of, its end by a signal looks like
// no failure.
func TestRun_EndsInterruptedWhateverItWaitsFor(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for name, args := range map[string][]string{
		"dry run":  {"report", "--dry-run", "s3://example-logs"},
		"tables":   {"engine", "ddl", "--engine=athena", "s3://example-logs"},
		"check":    {"serve", "--check", "--checkpoint.path=" + t.TempDir() + "/new.db", "s3://example-logs"},
		"verify":   {"checkpoint", "verify", "s3://example-state/a"},
		"reshard":  {"checkpoint", "reshard", "--to=2", "s3://example-state/a", "s3://example-state/b"},
		"coverage": {"coverage"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, over := make(chan struct{}, 100), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				asked <- struct{}{}
				<-over
			}))
			defer server.Close()
			defer close(over)
			t.Setenv("AWS_ENDPOINT_URL", server.URL)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			ended := make(chan int)
			var stdout, stderr bytes.Buffer
			go func() {
				ended <- run(ctx, append(args, "--aws.endpoint-url="+server.URL, "--aws.path-style", "--aws.region=eu-west-1"), &stdout, &stderr)
			}()
			<-asked
			interrupt()
			code := <-ended
			if got, want := stderr.String(), program+": error: interrupted\n"; code != exitInterrupted || got != want {
				t.Errorf("exit code %d, stderr is %q", code, got)
			}
		})
	}
}
