package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wantTurnedAway checks that a request was told to come again.
func wantTurnedAway(t *testing.T, conn net.Conn) {
	t.Helper()
	if got := read(t, conn); got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("%d, %v: %d bytes", got.code, got.header, len(got.body))
	}
}

// stall asks for metrics that do not fit into the buffers of a connection, and waits
// until the answer has begun; it reads no more.
func stall(t *testing.T, address string) net.Conn {
	t.Helper()
	conn := ask(t, address, "/metrics", acceptText)
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// largeMetrics are more than the buffers of a connection.
func largeMetrics() *gatherer { return &gatherer{series: 20_000, padding: strings.Repeat("x", 1<<10)} }

func TestMetrics_SlowReadersTurnOthersAwayAndNeverKeepThemWaiting(t *testing.T) {
	address := serveMetrics(t, largeMetrics())
	slow := stall(t, address)
	if got := read(t, ask(t, address, "/metrics", acceptText)); got.code != http.StatusOK || bytes.Count(got.body, []byte("\n")) < 20_000 {
		t.Errorf("beside one slow reader: %d, %d bytes", got.code, len(got.body))
	}
	stall(t, address)
	wantTurnedAway(t, ask(t, address, "/metrics", acceptText))
	if got := read(t, ask(t, address, "/metrics", acceptOpenMetrics)); got.code != http.StatusOK {
		t.Errorf("in another format: %d, %d bytes", got.code, len(got.body))
	}
	for _, path := range []string{HealthyPath, ReadyPath, StatusPath, StatusAPIPath} {
		if got := read(t, ask(t, address, path, "*/*")); got.code != http.StatusOK {
			t.Errorf("%s: %d", path, got.code)
		}
	}
	_ = slow.Close()
	eventually(t, func() bool { // once the server has seen it
		return read(t, ask(t, address, "/metrics", acceptText)).code == http.StatusOK
	})
}

func TestMetrics_ManyScrapersTakeNoMoreMemoryThanTwo(t *testing.T) {
	const scrapers = 200
	g := largeMetrics()
	address := serveMetrics(t, g)
	size := uint64(len(read(t, ask(t, address, "/metrics", acceptText)).body))
	idle := memoryInUse()

	var begun, done sync.WaitGroup
	answers := make([]int, scrapers) // status codes
	for i := range scrapers {
		conn := ask(t, address, "/metrics", acceptText)
		begun.Add(1)
		done.Go(func() {
			buffered := bufio.NewReader(conn)
			response, err := http.ReadResponse(buffered, nil)
			begun.Done()
			if err != nil {
				return
			}
			defer response.Body.Close()
			answers[i] = response.StatusCode
			if i%2 == 0 { // the others read nothing
				_, _ = io.Copy(io.Discard, response.Body)
			}
		})
	}
	begun.Wait()
	done.Wait()
	if used := memoryInUse(); used > idle+2*size {
		t.Errorf("%d MiB more are in use, for %d MiB of metrics", (used-idle)>>20, size>>20)
	}
	count := make(map[int]int)
	for _, code := range answers {
		count[code]++
	}
	if count[http.StatusOK] == 0 || count[http.StatusOK]+count[http.StatusServiceUnavailable] != scrapers {
		t.Errorf("answers by code: %v", count)
	}
}

func memoryInUse() uint64 {
	runtime.GC()
	runtime.GC() // also what pools hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMetrics_AStalledReaderIsGivenUp(t *testing.T) {
	mux, err := newMux(Config{TelemetryPath: "/metrics", StallTimeout: 50 * time.Millisecond}, largeMetrics(), fixedTail{status: wellStatus()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for range 2 * maxLive {
		eventually(t, func() bool { // until one of those before is given up
			conn := ask(t, address, "/metrics", acceptText)
			status := make([]byte, len("HTTP/1.1 200"))
			_, err := io.ReadFull(conn, status)
			return err == nil && string(status) == "HTTP/1.1 200"
		})
	}
}

// A client that reads a little now and then never stalls, but comes to an end.
func TestMetrics_ATricklingReaderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pace = time.Second
		client, server := net.Pipe() // of which each read lets a write go on
		end := time.Now().Add(10 * pace)
		out := &pacedWriter{w: server, control: http.NewResponseController(&pipeWriter{server}), stall: 2 * pace, end: end}
		var reading sync.WaitGroup
		reading.Go(func() {
			for buffer := make([]byte, writeSize); ; time.Sleep(pace) {
				if _, err := client.Read(buffer); err != nil {
					return
				}
			}
		})
		if _, err := out.Write(make([]byte, 100*writeSize)); !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Equal(end) {
			t.Errorf("%v after %v", err, time.Since(end))
		}
		_ = client.Close()
		_ = server.Close()
		reading.Wait()
	})
}

// pipeWriter is a http.ResponseWriter of which only the deadline is there.
type pipeWriter struct{ net.Conn }

func (*pipeWriter) Header() http.Header { return nil }

func (*pipeWriter) WriteHeader(int) {}

// Config.MaxRequests holds for metrics and the status together, and never for the others.
func TestServer_TurnsAwayMetricsAndStatusOverItsLimit(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	g := &gatherer{series: 1, wait: func() { close(begun); <-goOn }}
	mux, err := newMux(Config{TelemetryPath: "/metrics", MaxRequests: 1}, g, fixedTail{status: wellStatus()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	code := func(path string) int {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return answer.Code
	}
	var first sync.WaitGroup
	first.Go(func() { code("/metrics") })
	<-begun
	for _, path := range []string{"/metrics", StatusPath, StatusAPIPath} {
		if got := code(path); got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, path := range []string{"/", HealthyPath, ReadyPath, ActivePath} {
		if got := code(path); got != http.StatusOK {
			t.Errorf("%s: %d", path, got)
		}
	}
	close(goOn)
	first.Wait()
	if got := code(StatusPath); got != http.StatusOK {
		t.Errorf("afterwards: %d", got)
	}
}

func TestLimit_TurnsAwayWhatIsTooMuchAmongAllItsHandlers(t *testing.T) {
	const most = 3
	begun, end := make(chan struct{}), make(chan struct{})
	limited := limit(most)
	handlers := []http.Handler{}
	for range 2 {
		handlers = append(handlers, limited(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			begun <- struct{}{}
			<-end
		})))
	}
	ask := func(i int) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		handlers[i%len(handlers)].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		return answer
	}
	var waiting sync.WaitGroup
	for i := range most {
		waiting.Go(func() {
			if answer := ask(i); answer.Code != http.StatusOK {
				t.Errorf("request %d: %d", i, answer.Code)
			}
		})
		<-begun
	}
	for i := range handlers {
		if answer := ask(i); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%d, %v", answer.Code, answer.Header())
		}
	}
	close(end)
	waiting.Wait()
	go func() { <-begun }()
	if answer := ask(0); answer.Code != http.StatusOK {
		t.Errorf("afterwards: %d", answer.Code)
	}
}
