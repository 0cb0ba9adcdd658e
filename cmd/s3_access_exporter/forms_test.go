//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// logForm is a way in which a log reaches a bucket.
type logForm struct {
	key  string // the layout of a time in it, in which ACCOUNT and REGION stand for one; what makes it unique stands behind
	body func(t *testing.T, bucket string, ids []string, at time.Time) []byte
}

// keyAt returns the beginning of the key of an object of that time. An account's digits in a
// layout would be months and days.
func (f logForm) keyAt(at time.Time) string {
	return strings.NewReplacer("ACCOUNT", "111122223333", "REGION", "eu-west-1").Replace(at.UTC().Format(f.key))
}

// logForms are all of them, by the name of the bucket whose requests they hold.
var logForms = map[string]logForm{
	"text":        {"text/2006-01-02-15-04-05-", textLines},
	"partitioned": {"parts/ACCOUNT/REGION/partitioned/2006/01/02/2006-01-02-15-04-05-", textLines},
	"vended":      {"AWSLogs/ACCOUNT/s3/REGION/2006/01/02/", packedTimes(1, jsonRequests)},
	"firehose":    {"firehose/2006/01/02/15/shop-v-2006-01-02-15-04-05-abababab-abab-abab-abab-", jsonRequests},
	"hive":        {"hive/year=2006/month=01/day=02/hour=15/", packedTimes(1, jsonRequests)},
	"dt":          {"lake/dt=2006-01-02/", jsonRequests},
	"envelopes":   {"group/2006/01/02/15/", packedTimes(1, enveloped(jsonRequests))},
	"packed":      {"packed/2006/01/02/15/", packedTimes(2, enveloped(jsonRequests))},
	"trail":       {"AWSLogs/ACCOUNT/CloudTrail/REGION/2006/01/02/ACCOUNT_CloudTrail_REGION_20060102T1504Z_", trailFile},
	"group-trail": {"trails/2006/01/02/15/", packedTimes(1, enveloped(trailEvents))},
	"bridge":      {"bridge/2006/01/02/15/", bridged},
}

func textLines(_ *testing.T, bucket string, ids []string, at time.Time) (body []byte) {
	for _, id := range ids {
		body = fmt.Appendf(body, `0f0f %s [%s] 192.0.2.1 arn:aws:iam::111122223333:user/u %s REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 1 1 1 1 "-" "-" - h SigV4 c AuthHeader %[1]s.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
			bucket, at.UTC().Format("02/Jan/2006:15:04:05 -0700"), id)
	}
	return body
}

func jsonRequests(_ *testing.T, bucket string, ids []string, at time.Time) (body []byte) {
	for _, id := range ids {
		body = fmt.Appendf(body, `{"schema_version_id":"V_1_0","bucket_name":%q,"request_time":%q,"remote_ip":"192.0.2.1","request_id":%q,"operation":"REST.GET.OBJECT","key_name":"k","http_status":200,"signature_version":"SigV4"}`+"\n",
			bucket, at.UTC().Format("2006-01-02T15:04:05.000Z"), id)
	}
	return body
}

func trailEvents(_ *testing.T, bucket string, ids []string, at time.Time) (body []byte) {
	for _, id := range ids {
		body = fmt.Appendf(body, `{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","requestParameters":{"bucketName":%q,"key":"k"},"requestID":%q,"eventID":%[3]q}`+"\n",
			at.UTC().Format(time.RFC3339), bucket, id)
	}
	return body
}

func trailFile(t *testing.T, bucket string, ids []string, at time.Time) []byte {
	all := bytes.TrimSuffix(trailEvents(t, bucket, ids, at), []byte("\n"))
	return gzipped(t, fmt.Appendf(nil, `{"Records":[%s]}`, bytes.ReplaceAll(all, []byte("\n"), []byte(","))))
}

func bridged(t *testing.T, bucket string, ids []string, at time.Time) (body []byte) {
	for line := range bytes.Lines(trailEvents(t, bucket, ids, at)) {
		body = fmt.Appendf(body, `{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","detail":%s}`, bytes.TrimSpace(line))
	}
	return body
}

// enveloped puts each line into an envelope of CloudWatch Logs.
func enveloped(lines func(*testing.T, string, []string, time.Time) []byte) func(*testing.T, string, []string, time.Time) []byte {
	return func(t *testing.T, bucket string, ids []string, at time.Time) (body []byte) {
		for line := range bytes.Lines(lines(t, bucket, ids, at)) {
			message, err := json.Marshal(string(bytes.TrimSpace(line)))
			if err != nil {
				t.Error(err)
			}
			body = fmt.Appendf(body, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":%s}]}`, message)
		}
		return body
	}
}

// packedTimes compresses a body as often as that.
func packedTimes(times int, of func(*testing.T, string, []string, time.Time) []byte) func(*testing.T, string, []string, time.Time) []byte {
	return func(t *testing.T, bucket string, ids []string, at time.Time) []byte {
		body := of(t, bucket, ids, at)
		for range times {
			body = gzipped(t, body)
		}
		return body
	}
}

// Every form is tailed on a real S3 server while logs arrive, some of them late, and the
// process is killed at any moment: each request counts exactly once, and no counter falls.
func TestServe_CountsEveryFormExactlyOnceThroughKillsOnS3(t *testing.T) {
	const bucket, kills, longest = "example-logs", 12, 1500 * time.Millisecond
	minio := miniotest.Start(t)
	minio.CreateBucket(t, bucket)
	random := rand.New(rand.NewPCG(5, 6))
	want := make(map[string]int)
	next := 0
	arrive := func() {
		objects := make(map[string][]byte)
		for name, form := range logForms {
			at := time.Now().Add(-time.Duration(random.IntN(40)) * time.Minute)
			var ids []string
			for range 1 + random.IntN(4) {
				next++
				ids = append(ids, fmt.Sprintf("%016X", next))
			}
			objects[form.keyAt(at)+fmt.Sprintf("%016X", random.Uint64())+trailEnd(name)] = form.body(t, name, ids, at)
			want[name] += len(ids)
		}
		minio.PutAll(t, bucket, objects)
	}
	args := []string{
		"s3://" + bucket, "--aws.endpoint-url=" + minio.Endpoint, "--aws.path-style", "--scan.since=all",
		"--checkpoint.path=" + filepath.Join(t.TempDir(), "checkpoint.db"), "--series.hold=0s",
		"--scan.interval=200ms", "--scan.sweep-interval=1s", "--scan.audit-interval=2s",
	}
	w := &watcher{shown: make(samples)}
	stopWatching := background(t, w.run)
	stopFeed := background(t, func(ctx context.Context) { every(ctx, 100*time.Millisecond, arrive) })
	for range kills {
		p := launch(t, credentials(minio), serveArgs(args...)...)
		w.follow(p)
		time.Sleep(rand.N(longest))
		w.kill()
	}
	stopFeed()
	p := serve(t, credentials(minio), args...)
	w.follow(p)
	wrong := func() (found []string) {
		shown := p.mustScrape(t)
		for name, n := range want {
			if got := shown.sum("s3_access_requests_total{", `bucket="`+name+`"`); got != float64(n) {
				found = append(found, fmt.Sprintf("%s: %v requests, want %d", name, got, n))
			}
		}
		return found
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(wrong())
		}
	})
	converge(t, "every form is counted exactly", func() (float64, bool) {
		return p.mustScrape(t).sum("s3_access_requests_total"), len(wrong()) == 0
	})
	p.polled(t)
	if found := wrong(); found != nil {
		t.Error(found)
	}
	stopWatching()
	for _, fault := range w.faults {
		t.Error(fault)
	}
	t.Logf("%d requests in %d forms, %d scrapes", next, len(logForms), w.scrapes)
}

// trailEnd returns what the names of a trail's files end in.
func trailEnd(form string) string {
	if form == "trail" {
		return ".json.gz"
	}
	return ""
}
