package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
)

type fixedCoverage struct {
	buckets []coverage.Bucket
	at      time.Time
}

func (f fixedCoverage) Last() ([]coverage.Bucket, time.Time) { return f.buckets, f.at }

func coveragePage(t *testing.T, c Coverage, path string) string {
	t.Helper()
	cfg := Config{Name: "s3_access_exporter", TelemetryPath: "/metrics", Coverage: c}
	mux, err := newMux(cfg, prometheus.NewRegistry(), fixedTail{status: wellStatus()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return answer.Body.String()
}

func TestStatus_ShowsWhichBucketsAreNotCovered(t *testing.T) {
	buckets := []coverage.Bucket{
		{Name: "blind-" + hostileText, AccountID: "111122223333", Region: "eu-west-1", Verdict: coverage.VerdictBlind},
		{Name: "half", AccountID: "111122223333", Region: "us-east-1", Verdict: coverage.VerdictPart, Trail: coverage.Trail{Scope: coverage.ScopeReads}},
		{Name: "stopped", Verdict: coverage.VerdictNotArriving},
		{Name: "elsewhere", Verdict: coverage.VerdictNotTailed},
		{Name: "fine", Verdict: coverage.VerdictCovered},
	}
	page := coveragePage(t, fixedCoverage{buckets, before(time.Hour)}, StatusPath)
	for _, want := range []string{
		"5 buckets: 1 covered, 1 not_tailed, 1 part, 1 not_arriving, 1 blind", "half", "reads", "1 bucket is logged by nothing",
		"1 bucket is logged, but the logs do not come", "1 bucket is logged where nothing is read that holds all requests", "2026-03-04T11:00:00Z",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "<code>fine</code>") || strings.Contains(page, hostileText) {
		t.Error("the page has a bucket that is covered, or a name as it is")
	}
	answer := coveragePage(t, fixedCoverage{buckets, before(time.Hour)}, StatusAPIPath)
	if !strings.Contains(answer, `"verdict": "blind"`) || !strings.Contains(answer, `"not_covered": [`) {
		t.Errorf("the JSON is\n%s", answer)
	}
	if page := coveragePage(t, fixedCoverage{}, StatusPath); !strings.Contains(page, "not looked at yet") {
		t.Error("before the first look, the page does not show that there was none")
	}
	for _, path := range []string{StatusPath, StatusAPIPath} {
		if strings.Contains(coveragePage(t, nil, path), "coverage\"") {
			t.Errorf("%s has coverage where nobody looks", path)
		}
	}
}

func TestStatus_CoverageIsBounded(t *testing.T) {
	var buckets []coverage.Bucket
	for i := range 3 * maxRows {
		buckets = append(buckets, coverage.Bucket{Name: fmt.Sprint("bucket-", i), Verdict: coverage.VerdictPart})
	}
	page := coveragePage(t, fixedCoverage{buckets, statusTime}, StatusPath)
	if got := strings.Count(page, "<code>bucket-"); got != maxRows || !strings.Contains(page, "400 more buckets are left out") {
		t.Errorf("%d rows of %d", got, len(buckets))
	}
}
