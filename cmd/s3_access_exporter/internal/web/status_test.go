package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/logkey"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// fixedTail is a tailer that always tells the same.
type fixedTail struct {
	status scanner.Status
	role   *Role
}

func (f fixedTail) Role() *Role { return f.role }

func (f fixedTail) Ready() error {
	for _, l := range f.status.Locations {
		if l.PollError != "" {
			return errors.New(l.Name + " cannot be listed: " + l.PollError)
		}
	}
	return nil
}

func (f fixedTail) Status() scanner.Status { return f.status }

// answerOf returns the web server's answer for a path.
func answerOf(t *testing.T, status scanner.Status, path string) *httptest.ResponseRecorder {
	t.Helper()
	mux, err := newMux(Config{Name: "s3_access_exporter", TelemetryPath: "/metrics"}, prometheus.NewRegistry(), fixedTail{status: status}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return answer
}

var statusTime = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return statusTime.Add(-d) }

// wellStatus is the status of a Scanner that has nothing to complain of.
func wellStatus() scanner.Status {
	const key = "logs/2026-03-04-11-59-30-0123456789ABCDEF"
	return scanner.Status{
		Time: statusTime, Started: before(50 * time.Hour), Ready: true,
		DoubleCounted: scanner.DoubleCountedStatus{Examples: []scanner.DoubleCountedExample{}},
		Requests:      map[string]int64{"ListObjectsV2": 12_345, "GetObject": 1_234_567, "HeadBucket": 1},
		Recent:        scanner.Usage{Since: before(24 * time.Hour), Objects: 500_000, Requests: map[string]int64{"ListObjectsV2": 5_000, "GetObject": 500_000, "HeadBucket": 0}},
		Locations: []scanner.LocationStatus{{
			Name: "s3://example-logs", Ready: true, LastPoll: before(10 * time.Second), LastAudit: before(3 * time.Hour),
			Streams: []scanner.StreamStatus{{
				Prefix: "logs/", Log: "server_access", Layout: "simple",
				Watermark: key, WatermarkTime: before(30 * time.Second), Newest: key, NewestTime: before(30 * time.Second),
				Lag: 30, NextPoll: statusTime.Add(50 * time.Second), Cadence: 90,
			}},
			Pending: []scanner.ObjectStatus{}, Quarantined: []scanner.ObjectStatus{}, Skipped: []scanner.SkippedStatus{},
		}},
	}
}

// hostileText has whatever may break a page or deceive its reader.
const hostileText = "<script>alert(1)</script>&\"'`{{.}}\x00\x1b[31m\u202egnp.\xff\u2028\u00a0 ü日"

// troubledStatus is the status of a Scanner that has everything to complain of.
func troubledStatus() scanner.Status {
	status := wellStatus()
	status.Ready, status.CommitError = false, "write state.db: no space left on device"
	trail := "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	status.Locations = append(status.Locations, scanner.LocationStatus{
		Name: "s3://example-trail/" + hostileText, PollError: "list: access denied " + hostileText, Backlog: 1500,
		LastPoll: before(90 * time.Minute),
		Streams: []scanner.StreamStatus{
			{Prefix: trail, Log: "cloudtrail", Layout: "cloudtrail"},
			{
				Prefix: hostileText, Log: "server_access", Layout: "partitioned", EventTime: true,
				Watermark: hostileText + "/2026/03/03/2026-03-03-00-00-00-0123456789ABCDEF", WatermarkTime: before(36 * time.Hour),
				Newest: hostileText + "/2026/03/04/2026-03-04-00-00-00-" + hostileText, NewestTime: before(12 * time.Hour),
				Lag: 12 * 60 * 60, InFlight: 3, Cadence: 24 * 60 * 60,
			},
			{
				Prefix: "quiet/", Log: "server_access", Layout: "simple",
				Watermark: "quiet/w", WatermarkTime: before(time.Hour), Newest: "quiet/w", NewestTime: before(time.Hour),
				Lag: 60 * 60, Cadence: 60, Silent: true,
			},
		},
		Pending: []scanner.ObjectStatus{{
			Key: "quiet/2026-03-04-11-00-00-" + hostileText, Reason: source.ReasonThrottled, Error: "slow down " + hostileText,
			Attempts: 7, Since: before(time.Hour), NextTry: statusTime.Add(4 * time.Minute),
		}},
		Skipped: []scanner.SkippedStatus{{Reason: logkey.SkipUnknownLog, Objects: 1234, Example: "app/2026/03/04/<b>.json"}},
		Quarantined: []scanner.ObjectStatus{{
			Key: "quiet/2026-03-01-00-00-00-0123456789ABCDEF", Reason: "gzip", Error: "decompress: unexpected EOF",
			Attempts: 1, Since: before(84 * time.Hour),
		}},
	})
	status.DoubleCounted = scanner.DoubleCountedStatus{Buckets: 1234, Examples: []scanner.DoubleCountedExample{{
		Bucket: hostileText, Seen: before(time.Hour),
		Places: [2]scanner.DoublePlace{
			{Location: "s3://example-logs", Stream: "quiet/", Form: "text"},
			{Location: "s3://example-trail/" + hostileText, Stream: hostileText, Form: "json"},
		},
	}}}
	return status
}

func TestStatus_Golden(t *testing.T) {
	for name, status := range map[string]scanner.Status{"well": wellStatus(), "troubled": troubledStatus()} {
		t.Run(name, func(t *testing.T) {
			golden.Want(t, "status_"+name+".html.golden", answerOf(t, status, StatusPath).Body.String())
			golden.Want(t, "status_"+name+".json.golden", answerOf(t, status, StatusAPIPath).Body.String())
		})
	}
}

func TestStatus_EscapesWhatOthersHaveWritten(t *testing.T) {
	page := answerOf(t, troubledStatus(), StatusPath)
	body := page.Body.String()
	if !utf8.ValidString(body) {
		t.Error("the page is not UTF-8")
	}
	for _, evil := range []string{"<script", "\x00", "\x1b", "\u202e", "\u2028"} {
		if strings.Contains(body, evil) {
			t.Errorf("the page contains %q", evil)
		}
	}
	if n := strings.Count(body, `&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#34;&#39;`+"`"+`{{.}}\x00\x1b[31m\u202egnp.\xff\u2028\u00a0 ü日`); n < 5 {
		t.Errorf("the hostile text is visible %d times", n)
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("Content-Security-Policy: %q", policy)
	}
	for _, path := range []string{StatusPath, StatusAPIPath, ReadyPath} {
		body := answerOf(t, troubledStatus(), path).Body.String()
		if path == StatusAPIPath && !json.Valid([]byte(body)) {
			t.Error("the JSON is broken")
		}
		if !utf8.ValidString(body) {
			t.Errorf("%s is not UTF-8", path)
		}
		for _, c := range body {
			if c != '\n' && hostile.Deceives(c) {
				t.Errorf("%s contains %q", path, c)
				break
			}
		}
	}
}

// Of several shards, each shows which one it is, and how much is others'.
func TestStatus_NamesTheShardAndWhatIsOthers(t *testing.T) {
	page := func(shard scanner.ShardStatus, streams []scanner.StreamStatus) string {
		status := wellStatus()
		status.Shard = shard
		status.Locations[0].Streams, status.Locations[0].OtherStreams = streams, 2345
		return answerOf(t, status, StatusPath).Body.String()
	}
	shared := page(scanner.ShardStatus{Index: 1, Count: 3}, nil)
	for _, want := range []string{"shard 1/3", "2,345 of other shards", "All is well"} {
		if !strings.Contains(shared, want) {
			t.Errorf("it does not have %q", want)
		}
	}
	if alone := page(scanner.ShardStatus{Count: 1}, nil); strings.Contains(alone, "shard") {
		t.Error("it tells of shards where there are none")
	}
}

func TestStatus_IsNeverCached(t *testing.T) {
	for path, contentType := range map[string]string{StatusPath: "text/html; charset=utf-8", StatusAPIPath: "application/json"} {
		answer := answerOf(t, wellStatus(), path)
		if answer.Code != http.StatusOK || answer.Header().Get("Cache-Control") != "no-store" || answer.Header().Get("Content-Type") != contentType {
			t.Errorf("%s: %d %v", path, answer.Code, answer.Header())
		}
	}
}

func TestStatus_SaysFirstWhetherAllIsWell(t *testing.T) {
	tests := map[string]struct {
		change func(s *scanner.Status, l *scanner.LocationStatus)
		want   []string
	}{
		"well":           {func(*scanner.Status, *scanner.LocationStatus) {}, nil},
		"commit fails":   {func(s *scanner.Status, _ *scanner.LocationStatus) { s.CommitError = "disk full" }, []string{"disk full"}},
		"location fails": {func(_ *scanner.Status, l *scanner.LocationStatus) { l.PollError = "denied" }, []string{"s3://example-logs cannot be listed: denied"}},
		"not ready":      {func(_ *scanner.Status, l *scanner.LocationStatus) { l.Ready = false }, []string{"Not ready: still reading what lay in s3://example-logs"}},
		"old logs": {func(_ *scanner.Status, l *scanner.LocationStatus) {
			l.Start, l.BeforeStart, l.Streams[0].NewestTime = before(24*time.Hour), 1234, time.Time{}
		}, []string{"Nothing in s3://example-logs is newer than 2026-03-03T12:00:00Z, where it starts: 1,234 log objects are before that and not counted"}},
		"very many old logs": {func(_ *scanner.Status, l *scanner.LocationStatus) {
			l.Start, l.BeforeStart, l.BeforeStartMore, l.Streams[0].NewestTime = before(24*time.Hour), 10_000, true, before(1000*time.Hour)
		}, []string{"more than 10,000 log objects are before that"}},
		"old logs that are tailed nowhere": {func(_ *scanner.Status, l *scanner.LocationStatus) {
			l.Start, l.BeforeStart, l.Streams = before(24*time.Hour), 3, nil
		}, []string{"Nothing in s3://example-logs is newer than 2026-03-03T12:00:00Z, where it starts: 3 log objects are before that and not counted"}},
		"not looked at": {func(_ *scanner.Status, l *scanner.LocationStatus) {
			l.NotLookedAt = true
		}, []string{"Objects in s3://example-logs could not be looked at: whether they are log objects is not known"}},
		"no logs":     {func(_ *scanner.Status, l *scanner.LocationStatus) { l.Streams = nil }, []string{"No logs were found in s3://example-logs"}},
		"silent":      {func(_ *scanner.Status, l *scanner.LocationStatus) { l.Streams[0].Silent = true }, []string{"1 stream is silent"}},
		"not running": {func(s *scanner.Status, _ *scanner.LocationStatus) { s.Locations = nil }, []string{"Not ready: starting or ending"}},
		"objects, the gravest first": {func(_ *scanner.Status, l *scanner.LocationStatus) {
			l.Pending, l.Quarantined = make([]scanner.ObjectStatus, 1234), make([]scanner.ObjectStatus, 1)
		}, []string{"1 object is quarantined", "1,234 objects are pending"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := wellStatus()
			test.change(&status, &status.Locations[0])
			body := answerOf(t, status, StatusPath).Body.String()
			if got, want := strings.Contains(body, "All is well."), len(test.want) == 0; got != want {
				t.Errorf("it says that all is well: %v, want %v", got, want)
			}
			summary, _, _ := strings.Cut(body, "<h2")
			if n := strings.Count(summary, "<li"); n != max(1, len(test.want)) {
				t.Errorf("%d lines:\n%s", n, summary)
			}
			for _, want := range test.want {
				_, after, found := strings.Cut(summary, want)
				if !found {
					t.Errorf("%q is missing in:\n%s", want, summary)
				}
				summary = after
			}
		})
	}
}

func TestStatus_PageIsBoundedAndTheJSONComplete(t *testing.T) {
	status := wellStatus()
	l := &status.Locations[0]
	for i := range 5000 {
		key := fmt.Sprintf("broken-%04d-", i)
		l.Quarantined = append(l.Quarantined, scanner.ObjectStatus{Key: key})
		l.Streams = append(l.Streams, scanner.StreamStatus{Prefix: key + "stream/"})
	}
	page := answerOf(t, status, StatusPath).Body.String()
	if n := strings.Count(page, "broken-"); n != 2*maxRows-1 { // one row is of another stream
		t.Errorf("the page has %d rows", n)
	}
	for _, want := range []string{"4,800 more objects", "4,801 more streams"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say that there are %s", want)
		}
	}
	if n := strings.Count(answerOf(t, status, StatusAPIPath).Body.String(), "broken-"); n != 10_000 {
		t.Errorf("the JSON has %d of 10000 entries", n)
	}
}

func TestStatus_SilentStreamsComeFirstThenThoseThatLag(t *testing.T) {
	status := wellStatus()
	status.Locations[0].Streams = []scanner.StreamStatus{
		{Prefix: "third", Newest: "n", Lag: 300},
		{Prefix: "second", Newest: "n", Lag: 10, Silent: true},
		{Prefix: "fifth"},
		{Prefix: "first", Newest: "n", Lag: 20, Silent: true},
		{Prefix: "fourth", Newest: "n", Lag: 200},
	}
	rest := answerOf(t, status, StatusPath).Body.String()
	for _, prefix := range []string{"first", "second", "third", "fourth", "fifth"} {
		_, after, found := strings.Cut(rest, "<code>"+prefix)
		if !found {
			t.Fatalf("%s is not in its place", prefix)
		}
		rest = after
	}
}

func TestLanding_LinksToTheStatus(t *testing.T) {
	body := answerOf(t, wellStatus(), "/").Body.String()
	for _, path := range []string{StatusPath, StatusAPIPath} {
		if !strings.Contains(body, `href="`+path+`"`) {
			t.Errorf("no link to %s in:\n%s", path, body)
		}
	}
}

// waitingTail is a Tailer that waits before it reports.
type waitingTail struct {
	fixedTail
	wait  func()
	asked *atomic.Int64
}

func (w waitingTail) Status() scanner.Status {
	w.asked.Add(1)
	w.wait()
	return w.status
}

// A status of many streams is large: it is made once for all who ask meanwhile.
func TestStatus_IsMadeOnceForAllWhoAskAtTheSameTime(t *testing.T) {
	const clients = 20
	for _, path := range []string{StatusPath, StatusAPIPath} {
		tail := waitingTail{fixedTail: fixedTail{status: wellStatus()}, asked: new(atomic.Int64)}
		pages, err := newStatusPages(func() scanner.Status { return tail.Status() }, tail.Role, nil)
		if err != nil {
			t.Fatal(err)
		}
		serve := pages.serveHTML
		if path == StatusAPIPath {
			serve = pages.serveJSON
		}
		s := sharing{turn: new(sync.Mutex)}.of(http.HandlerFunc(serve))
		tail.wait = func() { awaitClients(s, clients) }
		bodies := make([]string, clients)
		var all sync.WaitGroup
		for i := range bodies {
			all.Go(func() {
				answer := httptest.NewRecorder()
				s.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
				bodies[i] = answer.Body.String()
			})
		}
		all.Wait()
		if n := tail.asked.Load(); n != 1 {
			t.Errorf("%s: made %d times", path, n)
		}
		for _, body := range bodies {
			if body != bodies[0] || !strings.Contains(body, "example-logs") {
				t.Fatalf("%s: answers differ", path)
			}
		}
	}
}
