package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/once"
)

// bothForms returns a directory in which one bucket's requests lie as text and as JSON.
func bothForms(t *testing.T) string {
	t.Helper()
	dir := singleObjectBucket(t, oneLine())
	bucket := strings.Fields(string(oneLine()))[1]
	path := filepath.Join(dir, "json", "2026", "01", "15", "08", "x")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	const request = `{"schema_version_id":"V_1_0","bucket_name":%q,"request_time":"2026-01-15T08:00:00.000Z","request_id":%q,"operation":"REST.GET.OBJECT","http_status":200}`
	text := fmt.Sprintf(request, bucket, requestIDOf(t, oneLine()))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// requestIDOf returns the request ID of a line.
func requestIDOf(t *testing.T, line []byte) string {
	t.Helper()
	got := runToEnd(t, "events", "-o", "csv", "--fields=request_id", singleObjectBucket(t, line))
	lines := strings.Split(got.stdout, "\n")
	if got.code != exitOK || len(lines) != 3 {
		t.Fatal(got)
	}
	return lines[1]
}

// Whether the flag or the location's option chooses it, one of both formats is read, and
// if both are, that is said.
func TestRun_ReadsOneRecordFormatOrWarnsOfBoth(t *testing.T) {
	dir := bothForms(t)
	file := func(form string) string {
		return "--config.file=" + writeFile(t, "config.yml", "locations: [{location: "+dir+", record_format: "+form+"}]")
	}
	for _, test := range []struct {
		arguments  []string
		text, json bool
	}{
		{[]string{dir}, true, true},
		{[]string{dir, "--record-format=text"}, true, false},
		{[]string{dir, "--record-format=json"}, false, true},
		{[]string{file("text")}, true, false},
		{[]string{file("json"), "--record-format=text"}, false, true},
	} {
		got := runToEnd(t, append([]string{"events", "-o", "csv", "--fields=log_object"}, test.arguments...)...)
		json := strings.Contains(got.stdout, "/json/2026")
		text := strings.Count(got.stdout, "\n") == 3 || !json
		if warned := strings.Contains(got.stderr, "are counted twice"); got.code != exitOK || text != test.text || json != test.json || warned != (text && json) {
			t.Errorf("%q: exit code %d: %s%s", test.arguments, got.code, got.stdout, got.stderr)
		}
	}
	wantFailure(t, runToEnd(t, "report", dir, "--record-format=xml"), exitUsage, `"xml" is neither text nor json`)
	wantFailure(t, runToEnd(t, "report", file("xml")), exitUsage, `locations[0]: record_format: "xml" is neither text nor json`)
}

func TestServe_ShowsThatRequestsCountTwiceOrReadsOneFormat(t *testing.T) {
	t.Parallel()
	const requests, doubled = "s3_access_requests_total", "s3_access_exporter_double_counted_buckets"
	dir := bothForms(t)
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), dir, "--scan.sweep-interval=1s")...)
	eventually(t, "it is shown", func() bool { return e.mustScrape(t).sum(doubled) == 1 })
	if n := e.mustScrape(t).sum(requests); n != 2 {
		t.Errorf("%v requests", n)
	}
	if _, page, err := e.get(t.Context(), "/status", "text/html"); err != nil || !strings.Contains(string(page), "The requests of 1 bucket count twice") {
		t.Errorf("the status page does not show it: %v", err)
	}
	if e.stop() != exitOK || !strings.Contains(e.stderr.String(), "lie in two places and count twice") {
		t.Errorf("exit code %d, %s", e.code, e.stderr.String())
	}
	e = start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), dir, "--scan.sweep-interval=1s", "--record-format=json")...)
	e.awaitReady(t)
	eventually(t, "one is counted", func() bool { return e.mustScrape(t).sum(requests) == 1 })
	if n := e.mustScrape(t).sum(doubled); n != 0 || e.stop() != exitOK {
		t.Errorf("%v buckets, exit code %d", n, e.code)
	}
}

// The warning names both places; there is none where events count once.
func TestOneShots_WarnOfEventsThatMayCountTwice(t *testing.T) {
	t.Parallel()
	for want, summary := range map[string]*once.Summary{
		"": {},
		"location=s3://one stream=a/ other_location=s3://two other_stream=b/": {FarApart: &once.FarApart{
			Places: [2]once.EventPlace{{Location: "s3://one", Stream: "a/"}, {Location: "s3://two", Stream: "b/"}},
		}},
	} {
		var stderr bytes.Buffer
		warnOfFarApart(slog.New(slog.NewTextHandler(&stderr, nil)), summary)
		if got := stderr.String(); !strings.Contains(got, want) || (want != "") != strings.Contains(got, "level=WARN") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
