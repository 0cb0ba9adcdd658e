//go:build integration

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRun_ExitsWith130OnTheFirstSignal(t *testing.T) {
	const objects, given, readers = 40, 20, 8
	for _, interrupt := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(interrupt.String(), func(t *testing.T) {
			store, location := startStuckStore(t, objects, given)
			p := launch(t, nil, append([]string{"report", "-o", "prometheus"}, location...)...)
			for range readers {
				<-store.stuck
			}
			if err := p.cmd.Process.Signal(interrupt); err != nil {
				t.Fatal(err)
			}
			if code := p.exitCode(); code != exitInterrupted || strings.Count(p.stderr.String(), "\n") != 2 {
				t.Errorf("exit code %d, %s", code, p.stderr.String())
			}
		})
	}
}

// A query that nobody waits for any more would go on, and cost.
func TestAthena_StopsTheQueryOnEverySignal(t *testing.T) {
	for _, interrupt := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(interrupt.String(), func(t *testing.T) {
			a := &stuckAthena{state: "RUNNING"}
			p := launch(t, nil, startAthena(t, a)...)
			<-a.running
			if err := p.cmd.Process.Signal(interrupt); err != nil {
				t.Fatal(err)
			}
			if code := p.exitCode(); code != exitInterrupted || !a.called("StopQueryExecution") {
				t.Errorf("exit code %d, calls %v, %s", code, a.calls, p.stderr.String())
			}
		})
	}
}

func TestRun_DiesOfTheSecondSignal(t *testing.T) {
	bucket, _ := deliveredBucket(t, time.Minute)
	// Nobody reads what it prints: it cannot come to its end.
	p := exec.CommandContext(t.Context(), built, "backfill", "--step=1s", "--log.level=error", bucket)
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- p.Wait() }()
	eventually(t, "it ends", func() bool {
		_ = p.Process.Signal(syscall.SIGINT) // it may have ended
		select {
		case <-ended:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	if status := p.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("it ended by %v", p.ProcessState)
	}
}

func TestEvents_EndQuietlyWithTheirReader(t *testing.T) {
	bucket, _ := deliveredBucket(t, time.Minute)
	for _, format := range []string{"table", "json", "csv"} {
		head := exec.CommandContext(t.Context(), "sh", "-c", built+" events -o "+format+" "+bucket+" | head -n 1")
		var stderr strings.Builder
		head.Stderr = &stderr
		out, err := head.Output()
		if err != nil || strings.Count(string(out), "\n") != 1 || stderr.Len() > 0 {
			t.Errorf("%s: %v, %q, %s", format, err, out, stderr.String())
		}
	}
}

func TestDemo_RemovesItsDirectoryWhenTheTerminalEnds(t *testing.T) {
	scratch := t.TempDir()
	p := launch(t, []string{"TMPDIR=" + scratch}, "demo", "--web.listen-address=127.0.0.1:0")
	eventually(t, "it listens", func() bool { return p.url() != "" })
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := p.exitCode(); code != exitOK {
		t.Errorf("exit code %d, %s", code, p.stderr.String())
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("%v, %v is left", err, left)
	}
}

// nohup starts a program in which SIGHUP is ignored.
func TestServe_OutlivesItsTerminalUnderNohup(t *testing.T) {
	for _, nohup := range []bool{true, false} {
		args := serveArgs("--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), t.TempDir())
		shell := "exec " + built + ` "$@"`
		if nohup {
			shell = "trap '' HUP; " + shell
		}
		p := exec.CommandContext(t.Context(), "sh", append([]string{"-c", shell, "sh"}, args...)...)
		var s site
		p.Stderr = &s.stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it listens", func() bool { return s.url() != "" })
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if !nohup {
			if err := p.Wait(); err != nil {
				t.Error(err)
			}
			continue
		}
		if code, _, err := s.get(t.Context(), "/-/healthy", ""); err != nil || code != http.StatusOK {
			t.Errorf("it does not answer: %d, %v", code, err)
		}
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
}
