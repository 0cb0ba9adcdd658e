package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stuckAthena is an Athena whose queries run until they are stopped.
type stuckAthena struct {
	scanned int           // by each query
	state   string        // of each query
	running chan struct{} // a value for each look at a query

	mu    sync.Mutex // guards calls
	calls []string
}

// ServeHTTP implements http.Handler.
func (a *stuckAthena) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	a.mu.Lock()
	a.calls = append(a.calls, operation)
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch operation {
	case "StartQueryExecution":
		fmt.Fprint(w, `{"QueryExecutionId":"q1"}`)
	case "GetQueryExecution":
		fmt.Fprintf(w, `{"QueryExecution":{"Status":{"State":%q,"StateChangeReason":"HIVE_BAD_DATA:\n bad"},"Statistics":{"DataScannedInBytes":%d}}}`, a.state, a.scanned)
		select {
		case a.running <- struct{}{}:
		default:
		}
	default:
		fmt.Fprint(w, "{}")
	}
}

func (a *stuckAthena) called(operation string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.calls, operation)
}

// startAthena returns an Athena, and the arguments that ask it for what lies in a bucket.
func startAthena(t *testing.T, a *stuckAthena) (args []string) {
	t.Helper()
	a.running = make(chan struct{}, 1)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	bucket := filepath.Join(t.TempDir(), "bucket")
	line, _, _ := bytes.Cut(manyLines(), []byte("\n"))
	if err := writeObject(bucket+"/111122223333/eu-west-1/photos/2026/01/15/2026-01-15-09-00-00-0123456789ABCDEF", line); err != nil {
		t.Fatal(err)
	}
	return []string{"report", "--by=bucket", bucket, "--engine=athena", "--athena.region=eu-west-1", "--athena.endpoint-url=" + server.URL}
}

func TestAthena_StopsTheQueryWhenItIsInterrupted(t *testing.T) {
	a := &stuckAthena{state: "RUNNING"}
	args := startAthena(t, a)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		<-a.running
		interrupt()
	}()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, args, &stdout, &stderr); code != exitInterrupted || !a.called("StopQueryExecution") || !strings.Contains(stderr.String(), errInterrupted.Error()) {
		t.Errorf("exit code %d, calls %v, %s", code, a.calls, stderr.String())
	}
}

func TestAthena_StopsTheQueryThatScansTooMuch(t *testing.T) {
	a := &stuckAthena{state: "RUNNING", scanned: 2 << 20}
	got := runToEnd(t, append(startAthena(t, a), "--max-scan=1MiB")...)
	if got.code != exitFailed || !a.called("StopQueryExecution") || !strings.Contains(got.stderr, "error: the query was stopped: 2.0 MiB are scanned, more than --max-scan=1.0 MiB\n") {
		t.Errorf("exit code %d, calls %v, %s", got.code, a.calls, got.stderr)
	}
}

func TestAthena_NamesInOneLineWhyAQueryFails(t *testing.T) {
	a := &stuckAthena{state: "FAILED"}
	got := runToEnd(t, startAthena(t, a)...)
	if got.code != exitFailed || got.stdout != "" || !strings.HasSuffix(got.stderr, "error: athena: the query failed: HIVE_BAD_DATA: bad\n") || strings.Count(got.stderr, "\n") != 2 {
		t.Errorf("exit code %d, calls %v, %s", got.code, a.calls, got.stderr)
	}
}

// What no engine of the kind can do is refused in one line, before anything is asked.
func TestAthena_RefusesWhatItCannotDo(t *testing.T) {
	for _, args := range [][]string{{"events", "-o", "raw"}, {"backfill"}} {
		a := &stuckAthena{state: "RUNNING"}
		got := runToEnd(t, append(args, startAthena(t, a)[2:]...)...)
		if got.code != exitUsage || strings.Count(got.stderr, "\n") != 1 || len(a.calls) > 0 {
			t.Errorf("%q: exit code %d, calls %v, %s", args, got.code, a.calls, got.stderr)
		}
	}
}
