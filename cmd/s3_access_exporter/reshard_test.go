package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// fleetOfShards are exporters that share a log bucket, beside one that reads it alone.
type fleetOfShards struct {
	dir, bucket string
	state       string   // in front of the names of the shards' checkpoints
	serving     []string // further flags of serve, and of reshard
	resharding  []string
	alone       *exporter
	shards      []*exporter
	objects     int // that were put
}

const accessStreams, trailRegions, trailAccounts = 140, 20, 3 // 200 streams

func newFleetOfShards(t *testing.T) *fleetOfShards {
	t.Helper()
	dir := t.TempDir()
	f := &fleetOfShards{dir: dir, state: dir + "/", bucket: filepath.Join(dir, "bucket")}
	f.deliver(t, 1)
	f.alone = start(t, "serve", append(f.flags(filepath.Join(dir, "alone.db")), f.bucket)...)
	return f
}

func (f *fleetOfShards) flags(checkpoint string) []string {
	return append(whole(checkpoint), "--scan.sweep-interval=4s")
}

// path is the checkpoint of a shard.
func (f *fleetOfShards) path(index int) string { return fmt.Sprint(f.state, index, ".db") }

// start starts so many shards.
func (f *fleetOfShards) start(t *testing.T, count int) {
	t.Helper()
	f.shards = nil
	for index := range count {
		args := append(f.flags(f.path(index)), "--shard.index="+strconv.Itoa(index), "--shard.count="+strconv.Itoa(count), f.bucket)
		args = append(args, f.serving...)
		f.shards = append(f.shards, start(t, "serve", args...))
	}
}

func (f *fleetOfShards) stop(t *testing.T) {
	t.Helper()
	for _, e := range f.shards {
		if code := e.stop(); code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
}

// deliver puts an object into every stream. Each event of CloudTrail is delivered to two
// accounts, each time with another event ID.
func (f *fleetOfShards) deliver(t *testing.T, round int) {
	t.Helper()
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Minute).Add(time.Duration(round) * time.Minute)
	for i := range accessStreams {
		line := fmt.Sprintf(`0f0f bucket-%d [%s] 192.0.2.%d arn:aws:iam::111122223333:user/u R%d.%d REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - %d 1 %d 1 "-" "aws-cli/1.%d" - h SigV2 c AuthHeader b.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
			i, at.Format("02/Jan/2006:15:04:05 -0700"), i%5, round, i, 10+i, 7*i, i%3)
		name := at.Format("2006/01/02/2006-01-02-15-04-05-") + fmt.Sprintf("%016X", round)
		f.put(t, fmt.Sprintf("access/111122223333/eu-west-1/bucket-%d/%s", i, name), []byte(line))
	}
	for r := range trailRegions {
		region := fmt.Sprintf("eu-west-%d", r+1)
		for a := range trailAccounts {
			account := fmt.Sprintf("%012d", 111122223333+a)
			var events []string
			for shared := range trailAccounts { // of each, but one, it has a copy
				if shared != a {
					events = append(events, fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":%q,"requestParameters":{"bucketName":"b%d","key":"k"},"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b%d"}],"sourceIPAddress":"192.0.2.1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u"},"requestID":"E%d.%d.%d","eventID":"id-%d-%d-%d-%d","sharedEventID":"shared-%d-%d-%d"}`,
						at.Format(time.RFC3339), region, r%4, r%4, round, r, shared, round, r, a, shared, round, r, shared))
				}
			}
			key := fmt.Sprintf("org/AWSLogs/o-x/%s/CloudTrail/%s/%s%s_CloudTrail_%s_%s_Abc%d.json.gz",
				account, region, at.Format("2006/01/02/"), account, region, at.Format("20060102T1504Z"), round)
			f.put(t, key, gzipped(t, []byte(`{"Records":[`+strings.Join(events, ",")+`]}`)))
		}
	}
}

// put puts an object that has settled.
func (f *fleetOfShards) put(t *testing.T, key string, body []byte) {
	t.Helper()
	file := filepath.Join(f.bucket, key)
	if err := writeObject(file, body); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	f.objects++
}

// summed returns what exporters show of requests, summed over them.
func summed(t *testing.T, exporters ...*exporter) samples {
	t.Helper()
	sum := make(samples)
	for _, e := range exporters {
		for series, value := range e.mustScrape(t).requestFamilies() {
			if !strings.HasPrefix(series, clientInfo) {
				sum[series] = math.Round((sum[series]+value)*1000) / 1000 // durations are of whole milliseconds
			}
		}
	}
	return sum
}

// awaitTruth waits until the shards show together what the one process does, and that one
// all that was delivered.
func (f *fleetOfShards) awaitTruth(t *testing.T) {
	t.Helper()
	rounds := f.objects / (accessStreams + trailRegions*trailAccounts)
	want := float64(rounds * (accessStreams + trailRegions*trailAccounts)) // as many events as objects: each is in two
	converge(t, "one process has counted all", func() (float64, bool) {
		got := summed(t, f.alone).sum("s3_access_requests_total")
		return got, got == want
	})
	var diff string
	look := func() (float64, bool) {
		got := summed(t, f.shards...)
		diff = got.diff(summed(t, f.alone))
		return got.sum(""), diff == ""
	}
	t.Cleanup(func() {
		if t.Failed() && diff != "" {
			t.Logf("%d shards show together:\n%s", len(f.shards), diff)
		}
	})
	converge(t, "the shards have counted the same together", look)
	const polled = "s3_access_exporter_last_poll_timestamp_seconds"
	for _, e := range f.shards { // and count no more in a further poll
		last := e.mustScrape(t).sum(polled)
		eventually(t, "it polls", func() bool { return e.mustScrape(t).sum(polled) > last })
	}
	if _, ok := look(); !ok {
		t.Error("the shards count something again")
	}
}

// reshardArgs are the arguments of checkpoint reshard.
func (f *fleetOfShards) reshardArgs(from, to int) []string {
	args := append([]string{"checkpoint", "reshard", "--to", strconv.Itoa(to)}, f.resharding...)
	for index := range max(from, to) {
		args = append(args, f.path(index))
	}
	return args
}

// reshard shares the streams out among so many shards.
func (f *fleetOfShards) reshard(t *testing.T, from, to int) {
	t.Helper()
	got := runToEnd(t, f.reshardArgs(from, to)...)
	if got.code != exitOK || strings.Count(got.stdout, "\n") != max(from, to) {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// From three shards to five and to two, and back to one, all of them count together what
// one process does, and no counter of theirs falls.
func TestReshard_CountsWhatOneProcessDoes(t *testing.T) {
	t.Parallel()
	newFleetOfShards(t).courses(t)
}

func (f *fleetOfShards) courses(t *testing.T) {
	t.Helper()
	f.start(t, 3)
	f.deliver(t, 2)
	f.awaitTruth(t)
	for i, course := range [][2]int{{3, 5}, {5, 2}, {2, 1}} {
		from, to := course[0], course[1]
		var before []samples
		for _, e := range f.shards {
			before = append(before, summed(t, e))
		}
		f.stop(t)
		f.deliver(t, 3+2*i) // while nobody looks
		f.reshard(t, from, to)
		f.start(t, to)
		for index, e := range f.shards[:min(from, to)] {
			e.awaitReady(t)
			now := summed(t, e)
			for series, value := range before[index] {
				if now[series] < value {
					t.Errorf("%s of shard %d fell from %v to %v", series, index, value, now[series])
				}
			}
		}
		f.deliver(t, 4+2*i)
		f.awaitTruth(t)
		for index, e := range f.shards {
			if shown := e.mustScrape(t); shown["s3_access_exporter_shard_index"] != float64(index) || shown["s3_access_exporter_shard_count"] != float64(to) {
				t.Errorf("shard %d/%d shows another one", index, to)
			}
		}
	}
}

// aShard makes a checkpoint of a shard at which nothing was counted.
func aShard(t *testing.T, index, count int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), fmt.Sprintf("%d-of-%d.db", index, count))
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = state.Update(func(tx *checkpoint.Tx) error {
		return tx.PutShard(checkpoint.Shard{Index: index, Count: count})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReshard_RefusesWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	a, b, c := aShard(t, 0, 3), aShard(t, 1, 3), aShard(t, 2, 3)
	used := aShard(t, 0, 1)
	state, err := checkpoint.Open(used)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = state.Close() }()
	empty, link := filepath.Join(t.TempDir(), "empty.db"), filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(b, link); err != nil {
		t.Fatal(err)
	}
	for name, course := range map[string]struct {
		args []string
		code int
		says string
	}{
		"one is missing":          {[]string{"--to=2", a, c}, exitFailed, "that of shard 1 is missing"},
		"no file for a new one":   {[]string{"--to=4", a, b, c}, exitFailed, "that of shard 3 is missing"},
		"the same twice":          {[]string{"--to=2", a, b, b}, exitUsage, "given twice"},
		"a link to the same":      {[]string{"--to=2", a, b, link}, exitUsage, "the same checkpoint"},
		"the same twice in S3":    {[]string{"--to=2", "s3://a/b", "s3://a/b/"}, exitUsage, "given twice"},
		"two of one shard":        {[]string{"--to=2", a, b, aShard(t, 1, 3)}, exitFailed, "both of shard 1"},
		"of other numbers":        {[]string{"--to=2", a, b, aShard(t, 2, 4)}, exitFailed, "do not belong together"},
		"one too many":            {[]string{"--to=3", a, b, c, empty}, exitFailed, "leave it out"},
		"a new one for an old":    {[]string{"--to=2", a, b, empty}, exitFailed, "of shard 2 the checkpoint is missing"},
		"in use":                  {[]string{"--to=2", used, empty}, exitFailed, "in use by another process"},
		"never used":              {[]string{"--to=2", empty, empty + "2"}, exitFailed, "never used"},
		"no number":               {[]string{"--to=0", a}, exitUsage, "--to must be at least 1"},
		"a number without end":    {[]string{"--to=1001", a}, exitUsage, "at most 1000"},
		"as many as there are is": {[]string{"--to=3", c, a, b}, exitOK, ""},
	} {
		got := runToEnd(t, append([]string{"checkpoint", "reshard"}, course.args...)...)
		if got.code != course.code || !strings.Contains(got.stderr, course.says) || course.code != exitOK && strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
		if _, err := os.Stat(empty); err == nil {
			t.Errorf("%s: it leaves an empty checkpoint", name)
		}
	}
}

func TestServe_RefusesTheCheckpointOfAnotherShard(t *testing.T) {
	t.Parallel()
	bucket := fixtureBucket(t)
	fresh := filepath.Join(t.TempDir(), "x.db")
	e := start(t, "serve", append(whole(fresh), bucket)...)
	e.awaitReady(t)
	e.stop()
	if report, err := checkpoint.Verify(fresh); err != nil || report.Shard == nil || *report.Shard != (checkpoint.Shard{Index: 0, Count: 1}) {
		t.Errorf("%v, %v", report, err)
	}
	for path, flags := range map[string][]string{
		fresh:           {"--shard.count=2"},
		aShard(t, 1, 3): {"--shard.index=2", "--shard.count=3"},
		aShard(t, 0, 3): {},
	} {
		got := runToEnd(t, append([]string{"serve", "--web.listen-address=127.0.0.1:0", "--checkpoint.path=" + path, bucket}, flags...)...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "checkpoint reshard --to ") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("exit code %d\n%s", got.code, got.stderr)
		}
		got = runToEnd(t, append([]string{"serve", "--check", "--checkpoint.path=" + path, bucket}, flags...)...)
		if got.code != exitFailed || !strings.Contains(got.stdout, "checkpoint reshard --to ") {
			t.Errorf("--check: exit code %d\n%s", got.code, got.stdout)
		}
	}
}

func TestServe_RefusesWrongPairsOfShards(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{
		{"--shard.index=1"},
		{"--shard.index=3", "--shard.count=3"},
		{"--shard.index=-1", "--shard.count=3"},
		{"--shard.count=0"},
		{"--shard.count=-1"},
		{"--shard.count=2000"},
	} {
		got := runToEnd(t, append([]string{"serve", t.TempDir()}, flags...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--shard.count") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d\n%s", flags, got.code, got.stderr)
		}
	}
}

func TestServe_CoverageIsForTheFirstShard(t *testing.T) {
	t.Parallel()
	for index, want := range []bool{true, false} {
		d := &daemon{serveCmd: &serveCmd{
			Shard: shardFlags{Index: index, Count: 2}, Coverage: coverageFlags{Interval: duration(time.Hour)},
		}, env: &environment{}}
		if watch, found := d.watchCoverage(nil); (watch != nil) != want || (found != nil) != want {
			t.Errorf("shard %d looks: %t", index, watch != nil)
		}
	}
}
