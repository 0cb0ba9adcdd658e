//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program as users have it: TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "s3_access_exporter-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) // best effort: it is a temporary directory
	binary = filepath.Join(dir, program)
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	m.Run()
}

// process is a running process of the binary.
type process struct {
	began  time.Time
	cmd    *exec.Cmd
	stderr logText
	ended  chan struct{} // closed when it has ended
}

// launch starts the binary with further environment variables. It ends with the
// test at the latest.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	// The test's context ends before its cleanup.
	p := &process{
		began: time.Now(),
		cmd:   exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...),
		ended: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(p.cmd.Args[1:], " "), p.stderr.tail())
		}
	})
	return p
}

// serve launches the command serve on a free port, and returns once it listens.
func serve(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := launch(t, env, serveArgs(args...)...)
	eventually(t, time.Minute, "the process listens", func() bool { return p.hasEnded() || p.url() != "" })
	if p.url() == "" {
		t.Fatalf("the process ended with code %d: %s", p.exitCode(), p.stderr.tail())
	}
	return p
}

// serveArgs returns the arguments of serve on a free port.
func serveArgs(args ...string) []string {
	return append([]string{"serve", "--web.listen-address=127.0.0.1:0"}, args...)
}

// kill ends the process as a power failure would. It may have ended before.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the process to end, and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.exitCode()
}

// exitCode waits until the process has ended.
func (p *process) exitCode() int {
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

var listening = regexp.MustCompile(`msg=listening url=(\S+)/\n`)

// url returns where the process listens, nothing as long as it does not.
func (p *process) url() string {
	if found := listening.FindStringSubmatch(p.stderr.String()); found != nil {
		return found[1]
	}
	return ""
}

// get asks the process for a page in one of the formats of Accept.
func (p *process) get(ctx context.Context, path, accept string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// ready returns the answer of /-/ready.
func (p *process) ready(t *testing.T) (status int, text string) {
	t.Helper()
	status, body, err := p.get(t.Context(), readyPath, "")
	if err != nil {
		t.Fatal(err)
	}
	return status, string(body)
}

func (p *process) isReady(t *testing.T) bool {
	t.Helper()
	status, _ := p.ready(t)
	return status == http.StatusOK
}

// scrape returns what the process exposes.
func (p *process) scrape(ctx context.Context) (samples, error) {
	status, body, err := p.get(ctx, "/metrics", "text/plain")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d: %s", status, body)
	}
	return parseSamples(body)
}

func (p *process) mustScrape(t *testing.T) samples {
	t.Helper()
	s, err := p.scrape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lastPoll is the family that tells when the one location was listed.
const lastPoll = "s3_access_exporter_last_poll_timestamp_seconds"

// polled waits until the location was listed twice: the second listing began
// after the call.
func (p *process) polled(t *testing.T) {
	t.Helper()
	for range 2 {
		before := p.mustScrape(t).sum(lastPoll)
		eventually(t, time.Minute, "another poll", func() bool { return p.mustScrape(t).sum(lastPoll) > before })
	}
}

// highWater returns the most memory that the process ever had, in bytes.
func (p *process) highWater(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// eventually waits until the condition holds, and fails the test if it does not
// within a time.
func eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(within)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("in vain for %v: %s", within, what)
		}
	}
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

// count returns how many lines have a text.
func (l *logText) count(text string) int { return strings.Count(l.String(), text) }

// tail returns the last lines.
func (l *logText) tail() string {
	const most = 4000
	text := l.String()
	return text[max(0, len(text)-most):]
}
