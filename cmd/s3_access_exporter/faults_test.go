//go:build integration

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// Series of the exporter about itself that tell of faults.
const (
	pollSuccess = "s3_access_exporter_last_poll_success"
	pending     = "s3_access_exporter_pending_objects"
	quarantined = "s3_access_exporter_quarantined_objects"
	errorsTotal = "s3_access_exporter_object_errors_total"
)

func TestServe_CountsExactlyOnceThroughFaultsOfS3(t *testing.T) {
	t.Parallel()
	const bucket = "example-logs"
	minio := miniotest.Start(t)
	minio.CreateBucket(t, bucket)
	logs := newFeed(4, func(t *testing.T, key string, body []byte) {
		t.Helper()
		minio.Put(t, bucket, key, body)
	})
	proxy := startChaos(t, minio.Endpoint)
	network := startNetwork(t, proxy.URL)
	env := append(credentials(minio), "AWS_MAX_ATTEMPTS=2") // the SDK is not to hide the faults
	args := []string{
		"s3://" + bucket, "--aws.endpoint-url=http://" + network.address, "--aws.region=" + miniotest.Region, "--aws.path-style",
		"--checkpoint.path=" + filepath.Join(t.TempDir(), "checkpoint.db"), "--series.hold=0s",
		"--scan.interval=200ms", "--scan.sweep-interval=2s",
	}
	logs.deliver(t, 20*time.Second)
	p := serve(t, env, args...)
	wantExactly(t, p, logs.requests)

	shows := func(what string, condition func(s samples) bool) {
		t.Helper()
		eventually(t, what, func() bool { return condition(p.mustScrape(t)) })
	}
	failing := func(s samples) bool { return s.sum(pollSuccess) == 0 }
	working := func(s samples) bool { return s.sum(pollSuccess) == 1 }

	// A network that is slow loses nothing and fails nothing.
	network.poison(t, `{"type": "latency", "attributes": {"latency": 50, "jitter": 40}}`)
	network.poison(t, `{"type": "bandwidth", "attributes": {"rate": 1000}}`)
	logs.deliver(t, 10*time.Second)
	wantExactly(t, p, logs.requests)
	network.heal(t)
	if s := p.mustScrape(t); s.sum(errorsTotal) > 0 || failing(s) {
		t.Error("a slow network is no fault")
	}

	// A network that is broken is seen in the listings already.
	for _, toxic := range []string{
		`{"type": "reset_peer"}`,
		`{"type": "limit_data", "attributes": {"bytes": 1000}}`,
		`{"type": "timeout", "attributes": {"timeout": 100}}`,
	} {
		network.poison(t, toxic)
		logs.deliver(t, 5*time.Second)
		shows("listings fail by "+toxic, failing)
		network.heal(t)
		shows("listings work after "+toxic, working)
	}
	proxy.listings.Store(true)
	shows("listings fail by 500", failing)
	proxy.listings.Store(false)
	shows("listings work after 500", working)

	// Every fault of an object is told by its reason.
	proxy.objects.Store(true)
	gone := "access/assets/" + logs.at.UTC().Format("2006-01-02-15-04-05-") + goneSuffix
	minio.Put(t, bucket, gone, []byte("nobody will see this"))
	logs.deliver(t, 30*time.Second)
	showsErrors := func(reason string) {
		t.Helper()
		converge(t, "errors by "+reason, func() (attempts float64, done bool) {
			s := p.mustScrape(t)
			return s.sum(errorsTotal), s[labelled(errorsTotal, "reason", reason)] > 0
		})
	}
	for _, fault := range append(faults, fault{reason: "read"}) { // it is listed, and cannot be had
		showsErrors(fault.reason)
	}
	minio.Delete(t, bucket, gone)
	showsErrors("gone")
	shows("objects are pending", func(s samples) bool { return s[pending] > 0 })

	// They are pending across a restart, too.
	p.kill()
	p = serve(t, env, args...)
	if p.mustScrape(t)[pending] == 0 {
		t.Error("no objects are pending after the restart")
	}
	proxy.objects.Store(false)

	// The server fails, and comes back.
	minio.Stop(t)
	shows("listings fail without a server", failing)
	minio.Restart(t)
	shows("listings work with the server again", working)
	logs.deliver(t, 10*time.Second)

	wantExactly(t, p, logs.requests)
	shows("nothing is pending", func(s samples) bool { return s[pending] == 0 && s[quarantined] == 0 })
	p.polled(t)
	wantExactly(t, p, logs.requests)
}
