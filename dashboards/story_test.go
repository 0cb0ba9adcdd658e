//go:build integration

package dashboards_test

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// story is what two exporters went through, from an evening to the next
// morning, and what Prometheus kept of it. Its clock runs by scrapes, a minute
// each, so a day passes in no time. It is yesterday's, so that no log seems to
// come from the future.
//
// The first exporter reads a bucket in S3 and exposes native histograms; some
// objects there are broken. The second has no room for many series, reads two
// directories, of which one stays empty, and exposes classic histograms.
type story struct {
	*timeless
	rules []rulefmt.RuleGroup

	bucket         *s3mem.Backend // of the first exporter
	directory      string         // of the second
	roomy, cramped *exporter
	requests       []fleet.Request // all that the first exporter is to count in the evening
	coverage       []sample        // what the first exporter finds out once, at the begin

	now     time.Time
	dusk    time.Time              // the begin
	evening time.Time              // the last scrape before the night
	morning time.Time              // the end of the night
	bereft  time.Time              // the second exporter has no bucket any more
	end     time.Time              // and has ended
	drawn   map[*exporter][]sample // in the last scrape
	scraped time.Time              // when that really was
}

// The names of the exporters, and the job of both.
const (
	job     = "s3_access_exporter"
	roomy   = "roomy:10403"
	cramped = "cramped:10403"
)

// logBucket is the name of the bucket in S3.
const logBucket = "example-logs"

// malformed is how many lines of one of its logs are no requests.
const malformed = 3

// Marks in the keys of objects that S3 lists but does not hand out.
const (
	forbiddenMark = "F0RB1DDEN0000000"
	goneMark      = "G0NE000000000000"
)

func tellStory(t *testing.T) *story {
	t.Helper()
	s := newStory(t)
	s.evening = s.traffic(t)
	s.wait(t, 25*time.Hour, time.Hour/2)
	s.morning = s.now
	s.lateIncident(t)
	s.bereft = s.losses(t)
	s.end = s.now
	return s
}

// newStory starts the exporters on empty buckets.
func newStory(t *testing.T) *story {
	t.Helper()
	dir := t.TempDir()
	binary := build(t)
	s := &story{
		timeless:  newTimeless(t),
		rules:     loadRules(t),
		bucket:    s3mem.New(),
		directory: filepath.Join(dir, "full"),
		now:       time.Now().Add(-32 * time.Hour).Truncate(time.Minute).UTC(),
		drawn:     make(map[*exporter][]sample),
	}
	s.dusk = s.now
	s.coverage = someCoverage(t, labels.FromStrings("job", job, "instance", roomy), s.dusk)
	s.past(t)
	if err := s.bucket.CreateBucket(logBucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(moody(s.bucket, gofakes3.New(s.bucket).Server()))
	t.Cleanup(server.Close)
	empty := filepath.Join(dir, "empty")
	for _, folder := range []string{s.directory, empty} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.roomy = serve(t, binary, roomy, acceptProtobuf, "--checkpoint.path="+filepath.Join(dir, "roomy.db"),
		"--aws.endpoint-url="+server.URL, "--aws.path-style", "--legacy.features=all", "s3://"+logBucket)
	s.cramped = serve(t, binary, cramped, acceptText, "--checkpoint.path="+filepath.Join(dir, "cramped.db"),
		"--series.limit=20", s.directory, empty)
	return s
}

// past is the fortnight before: an exporter that is no more has counted one
// request an hour that was signed with Signature Version 2, in each log.
func (s *story) past(t *testing.T) {
	t.Helper()
	const span = 15 * 24 * time.Hour
	hours := 0.0
	for at := s.dusk.Add(-span); at.Before(s.dusk); at = at.Add(time.Hour / 2) {
		hours += 0.5
		var samples []sample
		for _, feature := range features {
			samples = append(samples, sample{number: 1, labels: labels.FromStrings(model.MetricNameLabel, "s3_access_exporter_legacy_feature_counted",
				"job", job, "instance", "ancient:10403", "feature", feature)})
		}
		for _, log := range logs {
			target := labels.FromStrings("job", job, "instance", "ancient:10403", "log", log)
			add := func(name string, number float64, pairs ...string) {
				b := labels.NewBuilder(target).Set(model.MetricNameLabel, name)
				for i := 0; i < len(pairs); i += 2 {
					b.Set(pairs[i], pairs[i+1])
				}
				samples = append(samples, sample{labels: b.Labels(), number: number})
			}
			add("s3_access_exporter_newest_event_timestamp_seconds", float64(at.Unix()), "location", "s3://ancient-logs")
			add("s3_access_requests_total", math.Floor(hours), "account_id", "111122223333", "aws_region", "eu-west-1", "bucket", "example-media",
				"operation", "GetObject", "outcome", "success", "signature", "SigV2")
			add("s3_access_legacy_requests_total", math.Floor(hours), "bucket", "example-media", "feature", "path_style",
				"requester", "arn:aws:iam::111122223333:user/ancient", "source_ip", "192.0.2.99", "client", "boto3", "client_version", "1.0.0")
		}
		s.add(t, at, samples)
	}
}

// put puts an object into the bucket.
func (s *story) put(t *testing.T, key string, body []byte) {
	t.Helper()
	if _, err := s.bucket.PutObject(logBucket, key, nil, bytes.NewReader(body), int64(len(body)), nil); err != nil {
		t.Fatal(err)
	}
}

// traffic is an evening with much of it, and with objects that cannot be read.
// It returns the time when all of it was scraped.
func (s *story) traffic(t *testing.T) time.Time {
	t.Helper()
	clients := fleet.New(fleet.Config{Seed: 6, Rate: 6})
	others := fleet.New(fleet.Config{Seed: 7, Rate: 2})
	s.scrape(t)
	s.brokenObjects(t)
	spoilt := false
	for range 12 {
		objects, requests := clients.Deliver(s.now, s.now.Add(time.Minute))
		for _, obj := range objects {
			if !spoilt && !strings.HasSuffix(obj.Key, ".gz") {
				obj.Body, spoilt = append(obj.Body, strings.Repeat("this is no request\n", malformed)...), true
			}
			s.put(t, obj.Key, obj.Body)
		}
		s.requests = append(s.requests, requests...)
		objects, _ = others.Deliver(s.now, s.now.Add(time.Minute))
		for _, obj := range objects {
			writeFile(t, filepath.Join(s.directory, filepath.FromSlash(obj.Key)), obj.Body)
		}
		s.scrape(t)
	}
	want := totals(s.requests)
	s.scrapeUntil(t, "all requests are counted, and no new series shows 0 any more", func() bool {
		for name, total := range want {
			if s.sum(s.roomy, name) != total {
				return false
			}
		}
		return true
	})
	s.scrapeUntil(t, "all faults are seen", func() bool {
		return s.sum(s.roomy, "s3_access_exporter_pending_objects") == 1 &&
			s.sum(s.roomy, "s3_access_exporter_object_errors_total", "gone") == 1 &&
			s.sum(s.roomy, "s3_access_exporter_quarantined_objects") == 1 &&
			s.sum(s.roomy, "s3_access_exporter_skipped_objects_total", "renamed_log") == 1 &&
			s.sum(s.roomy, "s3_access_exporter_skipped_records_total", "malformed") == malformed &&
			s.sum(s.cramped, "s3_access_exporter_series_overflow_total") > 0
	})
	return s.now
}

// brokenObjects puts one object each that is truncated, that nobody may read,
// that is gone when it is to be read, and that somebody has compressed.
func (s *story) brokenObjects(t *testing.T) {
	t.Helper()
	nothing := []byte("nobody will see this\n")
	s.put(t, trailKey(s.now, "TruncatedTruncat"), gzipped(t, []byte(`{"Records": [{"eventVersion": "1.11", "eventTi`)))
	s.put(t, accessLogKey("broken", s.now, forbiddenMark), nothing)
	s.put(t, accessLogKey("broken", s.now, goneMark), nothing)
	s.put(t, accessLogKey("broken", s.now, "C0MPRE55ED000000")+".zst", nothing)
}

// lateIncident is an incident of which the logs come late, and then later still.
func (s *story) lateIncident(t *testing.T) {
	t.Helper()
	const bucket = "example-ledger"
	told := 0
	tell := func(delay time.Duration, unique string) {
		i := newIncident(bucket, time.Now().Add(-delay))
		told += i.requests
		s.put(t, accessLogKey("ledger", s.now, unique), i.object())
		s.scrapeUntil(t, "the incident is counted", func() bool {
			return s.sum(s.roomy, "s3_access_object_requests_total", bucket) == float64(told)
		})
	}
	tell(7*time.Hour, "AAAAAAAAAAAAAAAA")
	s.wait(t, 70*time.Minute, often)
	tell(20*time.Hour, "BBBBBBBBBBBBBBBB")
}

// losses are those of the second exporter: it loses its directory, and a while
// after the returned time its life.
func (s *story) losses(t *testing.T) time.Time {
	t.Helper()
	if err := os.RemoveAll(s.directory); err != nil {
		t.Fatal(err)
	}
	s.scrapeUntil(t, "a listing fails", func() bool { return s.sum(s.cramped, "s3_access_exporter_last_poll_success") == 1 })
	s.wait(t, 15*time.Minute, often)
	bereft := s.now
	s.cramped.stop()
	s.scrape(t)
	s.wait(t, 15*time.Minute, often)
	return bereft
}

// totals returns the sums of the families that tell of requests.
func totals(requests []fleet.Request) map[string]float64 {
	sums := make(map[string]float64)
	for i := range requests {
		r := &requests[i]
		sums["s3_access_requests_total"]++
		if r.Signature == "SigV2" {
			sums["s3_access_sigv2_requests_total"]++
		}
		if r.Anonymous {
			sums["s3_access_anonymous_requests_total"]++
		}
		if isObjectRequest(r) {
			sums["s3_access_object_requests_total"]++
		}
		sums["s3_access_sent_bytes_total"] += float64(max(0, r.SentBytes))
		sums["s3_access_received_bytes_total"] += float64(max(0, r.ReceivedBytes))
	}
	return sums
}

func isObjectRequest(r *fleet.Request) bool { return r.Key != "" || r.Operation == "DeleteObjects" }

// moody is S3 with objects that it lists but does not hand out; some are gone then.
func moody(bucket *s3mem.Backend, s3 http.Handler) http.Handler {
	const answer = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>No.</Message></Error>`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, forbiddenMark):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, answer, "AccessDenied")
		case strings.HasSuffix(r.URL.Path, goneMark):
			_, _ = bucket.DeleteObject(logBucket, strings.TrimPrefix(r.URL.Path, "/"+logBucket+"/")) // the answer is the same
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, answer, "NoSuchKey")
		default:
			s3.ServeHTTP(w, r)
		}
	})
}
