//go:build integration

package main

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

var (
	costInterval = flag.Duration("journal.interval", time.Second, "--checkpoint.interval of the test of what a journal costs")
	costTime     = flag.Duration("journal.time", 10*time.Second, "how long that test takes")
)

// However many objects are counted, a journal has one segment in a --checkpoint.interval at
// most: 1,000 objects a minute, in 100 streams, with 20 requests each.
// deploy/README.md has what that comes to with the default of 5s, measured by
//
//	go test -tags integration -run OneSegmentInAnInterval -v ./cmd/s3_access_exporter -journal.interval=5s -journal.time=5m
func TestServe_WritesOneSegmentInAnInterval(t *testing.T) {
	t.Parallel()
	const streams, objects, lines = 100, 1000, 20
	minio := miniotest.Start(t)
	minio.CreateBucket(t, stateBucket)
	minio.CreateBucket(t, logBucket)
	n := 0
	deliver := func() {
		at := time.Now().UTC()
		var body []byte
		for i := range lines {
			body = fmt.Appendf(body, `0f0f bucket-%d [%s] 192.0.2.%d arn:aws:iam::111122223333:user/u%d R%d.%d REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - %d 1 %d 1 "-" "aws-cli/1.%d" - h SigV4 c AuthHeader b.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
				n%streams, at.Format("02/Jan/2006:15:04:05 -0700"), (n+i)%50, (n*7+i)%200, n, i, 100+i, 7*i, i%9)
		}
		minio.Put(t, logBucket, fmt.Sprintf("access/111122223333/eu-west-1/bucket-%d/%s%016X", n%streams, at.Format("2006/01/02/2006-01-02-15-04-05-"), n), body)
		n++
	}
	for range streams {
		deliver()
	}
	p := serve(t, credentials(minio), "s3://"+logBucket, "--checkpoint.path=s3://"+stateBucket+"/exporter", "--aws.endpoint-url="+minio.Endpoint,
		"--aws.region="+miniotest.Region, "--aws.path-style", "--checkpoint.interval="+costInterval.String(),
		"--scan.interval="+costInterval.String(), "--series.hold=0s")
	eventually(t, "it has begun", func() bool { return p.mustScrape(t).sum("s3_access_requests_total") == streams*lines })
	before, began := minio.Sizes(t, stateBucket, "exporter/journal/"), time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), *costTime)
	defer cancel()
	every(ctx, time.Minute/objects, deliver)
	converge(t, "all have counted", func() (float64, bool) {
		seen := p.mustScrape(t).sum("s3_access_requests_total")
		return seen, seen == float64(n*lines)
	})
	after, took := minio.Sizes(t, stateBucket, "exporter/journal/"), time.Since(began)
	segments, bytes := len(after)-len(before), int64(0)
	for key, size := range after {
		if _, known := before[key]; !known {
			bytes += size
		}
	}
	// Whatever its first and its last one lie in.
	if most := int(took / *costInterval) + 2; segments > most || segments == 0 {
		t.Errorf("%d segments in %v, more than %d", segments, took, most)
	}
	t.Logf("%d objects, %d segments in %v: %.0f an hour, of %d bytes on average", n, segments, took,
		float64(segments)/took.Hours(), bytes/int64(max(segments, 1)))
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
