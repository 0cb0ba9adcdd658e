//go:build integration

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// From one replica with a file to two without, and back to another file: every request
// counts once, no counter falls, and a kill -9 of checkpoint move costs no more than to call
// it again.
func TestMove_CountsOnceFromAFileToS3AndBack(t *testing.T) {
	t.Parallel()
	minio := miniotest.Start(t)
	minio.CreateBucket(t, stateBucket)
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	logs := newFeed(7, intoDirectory(bucket))
	store := []string{"--aws.endpoint-url=" + minio.Endpoint, "--aws.region=" + miniotest.Region, "--aws.path-style"}
	begin := func(path string) *process {
		return serve(t, credentials(minio), append([]string{
			bucket, "--checkpoint.path=" + path, "--checkpoint.takeover=2s", "--checkpoint.interval=200ms",
			"--series.hold=0s", "--scan.interval=200ms", "--scan.sweep-interval=2s",
		}, store...)...)
	}
	move := func(from, to string, lives ...time.Duration) {
		t.Helper()
		args := append([]string{"checkpoint", "move", "--takeover=2s", from, to}, store...)
		for _, life := range lives {
			p := launch(t, credentials(minio), args...)
			select {
			case <-time.After(life):
				p.kill()
			case <-p.ended:
			}
		}
		if p := launch(t, credentials(minio), args...); p.exitCode() != exitOK {
			t.Fatalf("exit code %d: %s", p.exitCode(), p.stderr.String())
		}
	}
	notLess := func(p *process, before samples) {
		t.Helper()
		now := p.mustScrape(t).requestFamilies()
		for series, value := range before {
			if now[series] < value {
				t.Errorf("%s fell from %v to %v", series, value, now[series])
			}
		}
	}
	file, back, inS3 := filepath.Join(dir, "file.db"), filepath.Join(dir, "back.db"), "s3://"+stateBucket+"/exporter"

	logs.deliver(t, 20*time.Second)
	one := begin(file)
	wantExactly(t, one, logs.requests)
	before := one.mustScrape(t).requestFamilies()
	if code := one.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	logs.deliver(t, 20*time.Second) // while nobody looks
	move(file, inS3, 50*time.Millisecond, 100*time.Millisecond, 200*time.Millisecond, 2500*time.Millisecond, 2800*time.Millisecond)
	first := begin(inS3)
	wantExactly(t, first, logs.requests)
	notLess(first, before)
	if old := launch(t, credentials(minio), "serve", bucket, "--web.listen-address=127.0.0.1:0", "--checkpoint.path="+file); old.exitCode() != exitFailed ||
		!strings.Contains(old.stderr.String(), "what it held is in "+inS3) {
		t.Errorf("the old file: exit code %d, %s", old.exitCode(), old.stderr.String())
	}
	second := begin(inS3)
	logs.deliver(t, 20*time.Second)
	first.kill()
	wantExactly(t, second, logs.requests)
	before = second.mustScrape(t).requestFamilies()

	if p := launch(t, credentials(minio), append([]string{"checkpoint", "move", "--takeover=2s", inS3, back}, store...)...); p.exitCode() != exitFailed ||
		!strings.Contains(p.stderr.String(), "in use by another process") {
		t.Errorf("one that is in use: exit code %d, %s", p.exitCode(), p.stderr.String())
	}
	if code := second.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	logs.deliver(t, 20*time.Second)
	move(inS3, back, 100*time.Millisecond, time.Second)
	third := begin(back)
	wantExactly(t, third, logs.requests)
	notLess(third, before)
	third.polled(t)
	wantExactly(t, third, logs.requests)
	sendSignal(t, third, syscall.SIGTERM)
}
