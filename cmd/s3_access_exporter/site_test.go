package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// site is a running exporter as seen from outside.
type site struct {
	stdout, stderr logText
	client         *http.Client // nil: http.DefaultClient
}

// listening is how serve and demo say where they listen.
var listening = regexp.MustCompile(`(?:msg=listening url=|  overview  )(\S+)/\n`)

// url returns where the exporter listens, nothing as long as it does not.
func (s *site) url() string {
	if found := listening.FindStringSubmatch(s.stderr.String() + s.stdout.String()); found != nil {
		return found[1]
	}
	return ""
}

// get asks the exporter for a page in one of the formats of Accept.
func (s *site) get(ctx context.Context, path, accept string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := cmp.Or(s.client, http.DefaultClient).Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// ready returns the answer of /-/ready.
func (s *site) ready(t *testing.T) (status int, text string) {
	t.Helper()
	status, body, err := s.get(t.Context(), web.ReadyPath, "")
	if err != nil {
		t.Fatal(err)
	}
	return status, string(body)
}

// isReady reports whether /-/ready says so.
func (s *site) isReady(t *testing.T) bool {
	t.Helper()
	status, _ := s.ready(t)
	return status == http.StatusOK
}

// scrape returns what the exporter exposes.
func (s *site) scrape(ctx context.Context) (samples, error) {
	status, body, err := s.get(ctx, "/metrics", "text/plain")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d: %s", status, body)
	}
	return parseSamples(body)
}

func (s *site) mustScrape(t *testing.T) samples {
	t.Helper()
	found, err := s.scrape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lastPoll is the family that tells when the one location was listed.
const lastPoll = "s3_access_exporter_last_poll_timestamp_seconds"

// polled waits until the location was listed twice: the second listing began
// after the call.
func (s *site) polled(t *testing.T) {
	t.Helper()
	for range 2 {
		before := s.mustScrape(t).sum(lastPoll)
		eventually(t, "another poll", func() bool { return s.mustScrape(t).sum(lastPoll) > before })
	}
}

// patience is how often a test looks at what does not change, a minute where nothing else
// runs. Time that the looks themselves take does not count: on a busy machine they take
// long, and so does what they wait for.
const patience, lookInterval = 1200, 50 * time.Millisecond

// eventually waits until the condition holds, and fails the test once it has looked in vain
// for as long as patience goes.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	converge(t, what, func() (float64, bool) { return 0, condition() })
}

// converge waits until a look finds what is wanted, and fails the test once nothing moves
// any more: when what the looks have seen is the same for as long as patience goes.
func converge(t *testing.T, what string, look func() (seen float64, done bool)) {
	t.Helper()
	last := math.NaN()
	for idle := 0; idle < patience; idle++ {
		seen, done := look()
		if done {
			return
		}
		if seen != last {
			last, idle = seen, 0
		}
		<-time.After(lookInterval)
	}
	t.Fatalf("in vain, and nothing moves any more: %s", what)
}

// logText is what a process has written to stderr so far.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// problems returns the last lines that are more than information.
func (l *logText) problems() string {
	const most = 20
	var lines []string
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "level=INFO") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-most):], "")
}
