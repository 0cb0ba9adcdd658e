package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// gatherer is a prometheus.Gatherer of many series that may wait before it gathers.
type gatherer struct {
	series  int
	padding string // of a label
	wait    func() // may be nil
	gathers atomic.Int64
}

func (g *gatherer) Gather() ([]*dto.MetricFamily, error) {
	n := g.gathers.Add(1)
	if g.wait != nil {
		g.wait()
	}
	family := &dto.MetricFamily{Name: new("s3_access_requests_total"), Type: dto.MetricType_COUNTER.Enum()}
	for i := range g.series {
		family.Metric = append(family.Metric, &dto.Metric{
			Label: []*dto.LabelPair{
				{Name: new("bucket"), Value: new(fmt.Sprintf("example-bucket-%08d", i*7919%g.series) + g.padding)},
				{Name: new("requester"), Value: new(fmt.Sprintf("arn:aws:iam::111122223333:user/%x", uint32(i)*2654435761))},
			},
			Counter: &dto.Counter{Value: new(float64(n))},
		})
	}
	return []*dto.MetricFamily{family}, nil
}

// serveMetrics returns the address of a server of a gatherer's metrics.
func serveMetrics(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	mux, err := newMux(Config{TelemetryPath: "/metrics", StallTimeout: time.Hour}, g, fixedTail{status: wellStatus()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return strings.TrimPrefix(server.URL, "http://")
}

// ask sends a request for a page, and returns the connection, of which nothing was read.
func ask(t *testing.T, address, path, accept string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nConnection: close\r\n\r\n", path, accept); err != nil {
		t.Fatal(err)
	}
	return conn
}

// received is the answer to a request.
type received struct {
	code   int
	header http.Header
	body   []byte
}

// read reads the answer to a request.
func read(t *testing.T, conn net.Conn) received {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return received{response.StatusCode, response.Header, body}
}

const (
	acceptText        = "text/plain"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
)

// awaitClients waits until so many clients have joined an answer.
func awaitClients(s *share, clients int) {
	for joined := 0; joined < clients; runtime.Gosched() {
		s.mu.Lock()
		if s.making != nil {
			joined = s.making.clients
		}
		s.mu.Unlock()
	}
}

// shareOf returns the share of the metrics in a format.
func shareOf(page *metricsPage, accept string) *share {
	r := &http.Request{Header: http.Header{"Accept": {accept}}}
	format, _, _ := strings.Cut(page.contentType(r), "; escaping=")
	for f, s := range page.shares {
		if string(f) == format {
			return s
		}
	}
	return nil
}

func TestMetrics_AreGatheredOnceForAllWhoAskAtTheSameTime(t *testing.T) {
	const clients = 50
	g := &gatherer{series: 1000}
	page := newMetricsPage(g, sharing{turn: new(sync.Mutex)}, slog.New(slog.DiscardHandler))
	text, openMetrics := shareOf(page, acceptText), shareOf(page, acceptOpenMetrics)
	g.wait = func() {
		if g.gathers.Load() == 1 {
			awaitClients(text, clients)
			awaitClients(openMetrics, clients)
		}
	}
	var all sync.WaitGroup
	bodies := make([]string, 2*clients)
	for i := range bodies {
		all.Go(func() {
			accept := acceptText
			if i%2 == 1 {
				accept = acceptOpenMetrics
			}
			request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
			request.Header.Set("Accept", accept)
			got := httptest.NewRecorder()
			page.ServeHTTP(got, request)
			bodies[i] = got.Body.String()
		})
	}
	all.Wait()
	if n := g.gathers.Load(); n != 2 {
		t.Errorf("gathered %d times, want once a format", n)
	}
	for i, body := range bodies {
		if body != bodies[i%2] || strings.Count(body, "\n") < g.series {
			t.Fatalf("client %d has another answer", i)
		}
	}
	if strings.HasSuffix(bodies[0], "# EOF\n") || !strings.HasSuffix(bodies[1], "# EOF\n") {
		t.Error("the formats are mixed up")
	}
}

func TestMetrics_WhoeverComesLaterGetsNewOnes(t *testing.T) {
	g := &gatherer{series: 10}
	address := serveMetrics(t, g)
	for i := range 5 {
		got := read(t, ask(t, address, "/metrics", acceptText))
		if want := fmt.Sprintf("} %d\n", i+1); strings.Count(string(got.body), want) != g.series {
			t.Errorf("scrape %d is\n%s", i, got.body)
		}
	}
}

// A process that stood still while an answer was made, and has been replaced since, sends
// that to nobody, neither to who asked before, nor to who asks now, but what it gathers anew.
func TestMetrics_AreGatheredAnewOnceTheyMayNotBeShown(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g := &gatherer{series: 10, wait: func() {
		once.Do(func() { close(begun); <-goOn })
	}}
	var live atomic.Bool
	live.Store(true)
	page := newMetricsPage(g, sharing{turn: new(sync.Mutex), stall: time.Hour, whole: time.Hour, mayShow: live.Load}, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(page)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	before := ask(t, address, "/metrics", acceptText)
	<-begun
	live.Store(false)
	after := ask(t, address, "/metrics", acceptText)
	awaitClients(shareOf(page, acceptText), 2)
	close(goOn)
	for _, conn := range []net.Conn{before, after} {
		if got := read(t, conn); got.code != http.StatusOK || strings.Contains(string(got.body), "} 1\n") {
			t.Errorf("%d %s", got.code, got.body)
		}
	}
}

func TestMetrics_AreTheSameCompressedOrNot(t *testing.T) {
	address := serveMetrics(t, &gatherer{series: 100})
	for _, test := range []struct {
		encoding string
		zipped   bool
	}{
		{"gzip", true}, {"deflate, GZIP;q=0.5", true}, {"*", true}, {"gzip;q=0", false}, {"identity", false}, {"br", false}, {"", false},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", test.encoding)
		response, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if zipped := response.Header.Get("Content-Encoding") == "gzip"; zipped != test.zipped {
			t.Errorf("%q: compressed is %t", test.encoding, zipped)
		}
		body := io.Reader(response.Body)
		if test.zipped {
			if body, err = gzip.NewReader(response.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || bytes.Count(text, []byte("\n")) != 101 {
			t.Errorf("%q: %v, %s", test.encoding, err, text)
		}
		_ = response.Body.Close()
	}
}

func TestMetrics_OfAGathererThatFailsAreAnError(t *testing.T) {
	address := serveMetrics(t, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("disk on fire") }))
	got := read(t, ask(t, address, "/metrics", acceptOpenMetrics))
	if got.code != http.StatusInternalServerError || !strings.Contains(string(got.body), "disk on fire") ||
		!strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v %s", got.code, got.header, got.body)
	}
}

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
func (*pipeWriter) WriteHeader(int)     {}

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

// eventually waits until a condition holds, as long as the test may take.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for !condition() {
		select {
		case <-t.Context().Done():
			t.Fatal("in vain")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestShare_EndsForAClientThatGoes(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	s := sharing{turn: new(sync.Mutex)}.of(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-end
	}))
	first := make(chan struct{})
	go func() {
		defer close(first)
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
	close(end)
	<-first
	if s.live != 0 || s.making != nil {
		t.Errorf("%d answers are left", s.live)
	}
}

func TestShare_OfAHandlerThatPanicsIsAnError(t *testing.T) {
	s := sharing{turn: new(sync.Mutex)}.of(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }))
	for range maxLive + 1 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is swallowed")
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		}()
	}
	if s.live != 0 || s.making != nil {
		t.Errorf("%d answers are left", s.live)
	}
}
