//go:build integration

package main

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// What was read belongs to the bucket and the key on a real S3 server, however the location
// is spelled from one start to the next, and by whichever address the server is reached.
func TestServe_CountsOnceHoweverALocationInS3IsSpelled(t *testing.T) {
	t.Parallel()
	const bucket, requests = "example-logs", "s3_access_requests_total"
	minio := miniotest.Start(t)
	minio.CreateBucket(t, bucket)
	checkpoint := filepath.Join(t.TempDir(), "checkpoint.db")
	want, leftOut := 0.0, 0.0
	for i, spelled := range []string{"/logs", "/logs/", "", "/", "/logs/1111", "/logs"} {
		// New ones come while nothing runs, and while something does.
		put := func(what string) {
			at := time.Now()
			for _, form := range []string{"partitioned", "firehose", "trail"} {
				key := "logs/" + logForms[form].keyAt(at) + what + "0123456789" + trailEnd(form)
				if form == "partitioned" {
					key = "logs/" + "111122223333/eu-west-1/partitioned/" + at.UTC().Format("2006/01/02/2006-01-02-15-04-05-") + what + "0123456789"
				}
				minio.Put(t, bucket, key, logForms[form].body(t, form, []string{form + what}, at))
				if spelled == "/logs/1111" && form != "partitioned" {
					leftOut++ // until the location is wider again
				} else {
					want++
				}
			}
		}
		if spelled != "/logs/1111" {
			want, leftOut = want+leftOut, 0
		}
		put("DOWN" + string(rune('A'+i)))
		p := serve(t, credentials(minio), "s3://"+bucket+spelled, "--aws.endpoint-url="+minio.Endpoint, "--aws.path-style",
			"--checkpoint.path="+checkpoint, "--scan.since=all", "--series.hold=0s",
			"--scan.interval=200ms", "--scan.sweep-interval=1s", "--scan.audit-interval=1s")
		eventually(t, spelled+": what came meanwhile is counted", func() bool { return p.mustScrape(t).sum(requests) == want })
		put("UPUP" + string(rune('A'+i)))
		eventually(t, spelled+": what comes is counted", func() bool { return p.mustScrape(t).sum(requests) == want })
		counted := time.Now()
		eventually(t, spelled+": it is audited", func() bool {
			var status scanner.Status
			if err := json.Unmarshal(p.page(t, "/api/v1/status", ""), &status); err != nil {
				t.Fatal(err)
			}
			return status.Locations[0].LastAudit.After(counted)
		})
		if got := p.mustScrape(t).sum(requests); got != want {
			t.Errorf("%s: %v requests, want %v", spelled, got, want)
		}
		if i%2 == 0 {
			p.kill()
		} else if code := p.stop(t); code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
}
