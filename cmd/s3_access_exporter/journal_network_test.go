//go:build integration

package main

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

const (
	commitFailures = "s3_access_exporter_checkpoint_commit_failures_total"
	// cutAt is how many bytes of a connection pass until it is cut: more than the head of
	// a PUT, less than its body.
	cutAt = 4000
)

// journalNetwork is an exporter of a directory whose checkpoint is in S3, with a network
// between them that can be cut.
type journalNetwork struct {
	t       *testing.T
	minio   *miniotest.MinIO
	network *network
	logs    *feed
	env     []string
	dir     string
}

func startJournalNetwork(t *testing.T) *journalNetwork {
	t.Helper()
	minio := miniotest.Start(t)
	minio.CreateBucket(t, stateBucket)
	dir := filepath.Join(t.TempDir(), "bucket")
	n := &journalNetwork{
		t: t, minio: minio, network: startNetwork(t, minio.Endpoint), dir: dir, logs: newFeed(6, intoDirectory(dir)),
		env: append(credentials(minio), "AWS_MAX_ATTEMPTS=2"), // the SDK is not to hide the faults
	}
	n.logs.deliver(t, 20*time.Second)
	return n
}

// serve starts an exporter that reaches the checkpoint at an address.
func (n *journalNetwork) serve(endpoint string) *process {
	n.t.Helper()
	return serve(n.t, n.env, n.dir, "--checkpoint.path=s3://"+stateBucket+"/exporter", "--aws.endpoint-url="+endpoint,
		"--aws.region="+miniotest.Region, "--aws.path-style", "--checkpoint.takeover=3s", "--checkpoint.interval=200ms",
		"--series.hold=0s", "--scan.interval=200ms", "--scan.sweep-interval=2s")
}

func (n *journalNetwork) proxied() string { return "http://" + n.network.address }

// segments returns the sizes of the journal's segments by key.
func (n *journalNetwork) segments() map[string]int64 {
	n.t.Helper()
	return n.minio.Sizes(n.t, stateBucket, "exporter/journal/")
}

// since returns how many segments there are beside those of before, and how many of these
// are cut when they are sent.
func (n *journalNetwork) since(before map[string]int64) (added, large int) {
	n.t.Helper()
	for key, size := range n.segments() {
		if _, known := before[key]; known {
			continue
		}
		added++
		if size > cutAt {
			large++
		}
	}
	return added, large
}

// shows fails the test if a process shows counters that are none of those.
func (n *journalNetwork) shows(p *process, what string, want samples) {
	n.t.Helper()
	if s := p.mustScrape(n.t).requestFamilies(); len(s) > 0 && !maps.Equal(s, want) {
		n.t.Errorf("%s, it shows what is not known to be committed:\n%s", what, s.diff(want))
	}
}

// However the connection to S3 is cut while a commit is written, on its way there or that
// of the answer, nothing is shown of it until it is known to be stored, and once the
// network is whole everything has counted once.
func TestServe_CountsExactlyOnceThroughCutsOfTheNetworkToItsCheckpoint(t *testing.T) {
	t.Parallel()
	n := startJournalNetwork(t)
	p := n.serve(n.proxied())
	for _, cut := range []struct {
		toxic  string
		stored bool // the server has what was sent
	}{
		{`{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 4000}}`, false},
		{`{"type": "reset_peer", "stream": "upstream"}`, false},
		{`{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 100}}`, false},
		{`{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 10}}`, true},
		{`{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 100}}`, true},
		{`{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`, true}, // it hears nothing more
	} {
		wantExactly(t, p, n.logs.requests)
		before := p.mustScrape(t)
		stored := n.segments()
		n.network.poison(t, cut.toxic)
		n.logs.deliver(t, 20*time.Second)
		eventually(t, "a commit fails by "+cut.toxic, func() bool {
			n.shows(p, cut.toxic, before.requestFamilies())
			return p.mustScrape(t)[commitFailures] > before[commitFailures]
		})
		eventually(t, "nothing is shown any more", func() bool {
			n.shows(p, cut.toxic, before.requestFamilies())
			return len(p.mustScrape(t).requestFamilies()) == 0
		})
		if status, text := p.ready(t); status != http.StatusServiceUnavailable || !strings.Contains(text, "checkpoint") {
			t.Errorf("%s: HTTP %d, %s", cut.toxic, status, text)
		}
		if !p.isActive(t.Context()) {
			t.Errorf("%s: it is not active", cut.toxic)
		}
		added, large := n.since(stored)
		if cut.stored && added == 0 || !cut.stored && large > 0 {
			t.Errorf("%s: %d segments are stored, %d of them large", cut.toxic, added, large)
		}
		n.network.heal(t)
	}
	wantExactly(t, p, n.logs.requests)
	p.polled(t)
	wantExactly(t, p, n.logs.requests)
	if _, large := n.since(nil); large == 0 {
		t.Error("no segment is so large that it was cut")
	}
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// A process that is cut off from S3 while its last commit is stored, and the answer lost, is
// replaced by the one that stands by, which goes on with that commit. It shows nothing more,
// and ends once it can see that.
func TestServe_StandbyGoesOnWithACommitWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	n := startJournalNetwork(t)
	first := n.serve(n.proxied())
	wantExactly(t, first, n.logs.requests)
	second := n.serve(n.minio.Endpoint)
	before := first.mustScrape(t).requestFamilies()
	n.network.poison(t, `{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 100}}`)
	n.logs.deliver(t, 20*time.Second)
	eventually(t, "the standby takes over", func() bool {
		n.shows(first, "cut off", before)
		return second.isActive(t.Context())
	})
	wantExactly(t, second, n.logs.requests)
	n.network.heal(t)
	for s, err := first.scrape(t.Context()); err == nil; s, err = first.scrape(t.Context()) {
		if shown := s.requestFamilies(); len(shown) > 0 {
			t.Errorf("the one that was cut off shows %d series", len(shown))
		}
	}
	if code := first.exitCode(); code != exitFailed || strings.Count(first.stderr.String(), "has taken over") != 1 {
		t.Errorf("it ends with code %d\n%s", code, first.stderr.problems())
	}
	second.polled(t)
	wantExactly(t, second, n.logs.requests)
}
