//go:build integration

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// built is the program as users have it: TestMain builds it.
var built string

func TestMain(m *testing.M) {
	// Under nohup, processes that are started here would ignore SIGHUP too. What is caught
	// is not inherited.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	dir, err := os.MkdirTemp("", "s3_access_exporter-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built = filepath.Join(dir, program)
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", built, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	m.Run()
}

// process is a running process of the binary.
type process struct {
	site
	began time.Time
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// launch starts the binary with further environment variables. It ends with the
// test at the latest.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	// The test's context ends before its cleanup.
	p := &process{
		began: time.Now(),
		cmd:   exec.CommandContext(context.WithoutCancel(t.Context()), built, args...),
		ended: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(func() {
		p.kill()
		if problems := p.stderr.problems(); t.Failed() && problems != "" {
			t.Logf("process %d:\n%s", p.cmd.Process.Pid, problems)
		}
	})
	return p
}

// serve launches the command serve on a free port, and returns once it listens.
func serve(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := launch(t, env, serveArgs(args...)...)
	eventually(t, "the process listens", func() bool { return p.hasEnded() || p.url() != "" })
	if p.url() == "" {
		t.Fatalf("the process ended with code %d: %s", p.exitCode(), p.stderr.String())
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

// run delivers ten times faster than time until ctx ends.
func (f *feed) run(ctx context.Context, t *testing.T) {
	const period, speed = 200 * time.Millisecond, 10
	every(ctx, period, func() { f.deliver(t, speed*period) })
}

// every calls f once a period until ctx ends.
func every(ctx context.Context, period time.Duration, f func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f()
		}
	}
}

// count returns how many lines have a text.
func (l *logText) count(text string) int { return strings.Count(l.String(), text) }
