//go:build integration

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// A kill -9 of checkpoint reshard at any moment costs no more than to call it again.
func TestReshard_CountsWhatOneProcessDoesThroughKills(t *testing.T) {
	f := newFleetOfShards(t)
	f.start(t, 3)
	f.awaitTruth(t)
	kills := 0
	for i, course := range [][2]int{{3, 5}, {5, 2}, {2, 4}, {4, 1}} {
		from, to := course[0], course[1]
		f.stop(t)
		f.deliver(t, 2+i)
		done := false
		for life := time.Duration(0); !done; life += 3 * time.Millisecond { // in the end one is not killed
			p := launch(t, nil, f.reshardArgs(from, to)...)
			select {
			case <-time.After(life):
				p.kill()
				kills++
			case <-p.ended:
				if p.exitCode() != exitOK {
					t.Fatalf("exit code %d: %s", p.exitCode(), p.stderr.String())
				}
				done = true
			}
		}
		f.start(t, to)
		f.awaitTruth(t)
	}
	t.Logf("%d kills", kills)
	if kills < 20 {
		t.Errorf("only %d kills", kills)
	}
}

// The same with the checkpoints in S3. A shard that runs there keeps its own.
func TestReshard_CountsWhatOneProcessDoesInS3(t *testing.T) {
	minio := miniotest.Start(t)
	minio.CreateBucket(t, stateBucket)
	for _, variable := range credentials(minio) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	f := newFleetOfShards(t)
	f.state = "s3://" + stateBucket + "/shard-"
	store := []string{"--aws.endpoint-url=" + minio.Endpoint, "--aws.path-style"}
	f.serving, f.resharding = append(store, "--checkpoint.takeover=2s"), append(store, "--takeover=2s")
	f.start(t, 1)
	f.shards[0].awaitReady(t)
	other := launch(t, nil, f.reshardArgs(1, 2)...)
	if code := other.exitCode(); code != exitFailed || !strings.Contains(other.stderr.String(), "in use by another process: stop that one") {
		t.Errorf("exit code %d\n%s", code, other.stderr.String())
	}
	f.stop(t)
	got := runToEnd(t, append([]string{"serve", "--web.listen-address=127.0.0.1:0", "--shard.count=2", "--checkpoint.path=" + f.path(0), f.bucket}, store...)...)
	if got.code != exitFailed || !strings.Contains(got.stderr, "checkpoint reshard --to 2") {
		t.Errorf("exit code %d\n%s", got.code, got.stderr)
	}
	for _, life := range []time.Duration{300 * time.Millisecond, 2500 * time.Millisecond, 5 * time.Second} {
		// Whoever comes next takes it for running at first.
		p := launch(t, nil, f.reshardArgs(1, 3)...)
		select {
		case <-time.After(life):
			p.kill()
		case <-p.ended:
		}
	}
	f.reshard(t, 1, 3)
	f.courses(t)
	got = runToEnd(t, append([]string{"checkpoint", "verify", f.path(4)}, store...)...)
	if got.code != exitOK || !strings.Contains(got.stdout, "of shard 4, which was dissolved when there were to be 2") {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
