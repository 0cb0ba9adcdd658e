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
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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
