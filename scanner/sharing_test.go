package scanner_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/shard"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// split returns rigs of so many shards, whose bucket is that of r. Each has a checkpoint of
// its own.
func (r *rig) split(count int) []*rig {
	dir := r.t.TempDir()
	rigs := make([]*rig, count)
	for i := range rigs {
		copied := &rig{t: r.t, bucket: r.bucket, prefix: r.prefix, config: r.config, level: r.level}
		copied.path = filepath.Join(dir, fmt.Sprint(i, ".db"))
		copied.config.Shard = shard.Shard{Index: i, Count: count}
		rigs[i] = copied
	}
	return rigs
}

// startAll and stopAll start and stop rigs.
func startAll(rigs []*rig) {
	for _, r := range rigs {
		r.start()
	}
}

func stopAll(rigs []*rig) {
	for _, r := range rigs {
		r.stop()
	}
}

// sumOf returns a metric's sum over rigs.
func sumOf(rigs []*rig, name string, values ...string) (sum float64) {
	for _, r := range rigs {
		sum += r.metric(name, values...)
	}
	return sum
}

// shownBy returns what rigs show together.
func shownBy(rigs []*rig) map[string]int {
	all := make(map[string]int)
	for _, r := range rigs {
		for id, n := range r.consumer.shown() {
			all[id] += n
		}
	}
	return all
}

// fillFleet puts logs of n buckets, and of CloudTrail in some Regions: each event is
// delivered to two accounts. It returns the IDs of the requests.
func (r *rig) fillFleet(at time.Time, n int, name string) (ids []string) {
	for i := range n {
		id := fmt.Sprint(name, ".access", i)
		key := logtest.PartitionedKey(fmt.Sprintf("access/111122223333/eu-west-1/bucket-%d/", i), at, "0123456789ABCDEF")
		r.bucket.Put(key, logtest.AccessLog(at, id), at)
		ids = append(ids, id)
	}
	for _, region := range []string{"eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1", "eu-north-1"} {
		id := fmt.Sprint(name, ".", region)
		for _, account := range []string{"111122223333", "444455556666"} {
			key := logtest.TrailKey("trail/AWSLogs/"+account+"/CloudTrail/"+region+"/", account, region, at, "Abc"+strings.ReplaceAll(name, ".", ""))
			r.bucket.Put(key, logtest.Trail(at, id), at)
		}
		ids = append(ids, id)
	}
	return ids
}

// expectOnce fails the test unless rigs show exactly these IDs, each once.
func expectOnce(t *testing.T, rigs []*rig, ids ...string) {
	t.Helper()
	want := make(map[string]int)
	for _, id := range ids {
		want[id] = 1
	}
	if got := shownBy(rigs); !maps.Equal(got, want) {
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if got[id] != 1 {
				t.Errorf("%s is counted %d times", id, got[id])
			}
		}
		for _, id := range slices.Sorted(maps.Keys(got)) {
			if want[id] == 0 {
				t.Errorf("%s is counted %d times, and is none", id, got[id])
			}
		}
	}
}

// Together shards count what one process does, whatever comes twice in one Region.
func TestScanner_ShardsCountOnceTogether(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.DedupeWindow = 1000
		ids := r.fillFleet(began.Add(-time.Hour), 40, "a")
		shards := r.split(3)
		startAll(shards)
		r.wait(10 * time.Minute)
		expectOnce(t, shards, ids...)
		ids = append(ids, r.fillFleet(time.Now(), 50, "b")...) // 10 buckets are new
		r.wait(2 * time.Hour)
		expectOnce(t, shards, ids...)
		stopAll(shards)
		startAll(shards)
		r.wait(30 * time.Hour) // audits
		expectOnce(t, shards, ids...)
		streams := make(map[string]bool)
		for i, s := range shards {
			status := s.scanner.Status()
			if status.Shard.Index != i || status.Shard.Count != 3 || s.metric("shard_index") != float64(i) || s.metric("shard_count") != 3 {
				t.Errorf("shard %d shows that it is %+v", i, status.Shard)
			}
			location := status.Locations[0]
			if len(location.Streams) == 0 || len(location.Streams)+location.OtherStreams != 50+12 {
				t.Errorf("shard %d has %d streams, and others %d, of %d", i, len(location.Streams), location.OtherStreams, 50+12)
			}
			for _, st := range location.Streams {
				streams[st.Prefix] = true
			}
		}
		if len(streams) != 50+12 {
			t.Errorf("%d streams are read, not %d", len(streams), 50+12)
		}
		stopAll(shards)
	})
}

// What is no log counts as skipped at one shard alone, and only that one looks at content.
func TestScanner_ShardsSkipOnceTogether(t *testing.T) {
	fill := func(r *rig) {
		r.fillFleet(began.Add(-time.Hour), 20, "a")
		for i := range 30 {
			day := began.Add(-time.Hour).Format("2006/01/02/")
			r.bucket.Put(fmt.Sprintf("picture-%d.jpg", i), []byte("x"), began)
			r.bucket.Put(fmt.Sprintf("access/x/%d.jpg", i), []byte("x"), began)
			r.bucket.Put(fmt.Sprintf("digest/AWSLogs/111122223333/CloudTrail-Digest/r-%d/%sx.json.gz", i, day), []byte("x"), began)
			r.bucket.Put(fmt.Sprintf("free/%d/%sx.json", i, day), []byte(`{"a":1}`), began)
			r.bucket.Put(fmt.Sprintf("json/%d/%sx.json", i, day), logtest.AccessJSON(began, fmt.Sprint("j", i)), began)
		}
	}
	measure := func(t *testing.T, count int) (skipped map[string]float64, opens int) {
		skipped = make(map[string]float64)
		inBubble(t, func(r *rig) {
			fill(r)
			shards := r.split(count)
			startAll(shards)
			r.wait(50 * time.Hour) // with searches that pass over nothing
			for _, reason := range []string{"not_a_log", "digest", "unknown_log"} {
				skipped[reason] = sumOf(shards, "skipped_objects_total", reason)
			}
			opens = r.bucket.Opens()
			stopAll(shards)
		})
		return skipped, opens
	}
	alone, opens := measure(t, 1)
	if alone["not_a_log"] != 60 || alone["digest"] != 30 || alone["unknown_log"] != 30 {
		t.Fatalf("one process skips %v", alone)
	}
	together, all := measure(t, 4)
	if !maps.Equal(alone, together) {
		t.Errorf("four shards skip %v, one process %v", together, alone)
	}
	if all != opens {
		t.Errorf("four shards read %d objects, one process %d", all, opens)
	}
}

// Each shard searches, but polls its own streams alone: so requests do not multiply.
func TestScanner_ShardsShareTheCostOfListing(t *testing.T) {
	pages := func(count int) (n int) {
		inBubble(t, func(r *rig) {
			r.fillFleet(began.Add(-time.Hour), 100, "a")
			shards := r.split(count)
			startAll(shards)
			r.wait(30 * time.Minute)
			before := r.bucket.Pages()
			for i := range 48 { // a day in which all streams move
				r.fillFleet(time.Now(), 100, fmt.Sprint("m", i))
				r.wait(30 * time.Minute)
			}
			n = r.bucket.Pages() - before
			stopAll(shards)
		})
		return n
	}
	one, four := pages(1), pages(4)
	t.Logf("a day takes %d requests to list with one process, %d with four", one, four)
	// Three more search, once an hour: at most a request a stream.
	if most := one + 3*25*(100+12+2); four > most {
		t.Errorf("four shards list with %d requests, one with %d: more than searches account for (%d)", four, one, most)
	}
}

// A shard that owns none of the streams of a location does not search it again and again.
func TestScanner_ShardWithoutStreamsSearchesAsSeldomAsOthers(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began.Add(-time.Minute), "A", "r1")
		shards := r.split(2)
		idle := shards[0]
		if owner := shard.Owner("aws/logs", logkey.Stream{Prefix: "access/", Layout: logkey.Simple}, 2); owner == 0 {
			idle = shards[1]
		}
		idle.start()
		r.wait(5 * time.Minute)
		before := r.bucket.Pages()
		r.wait(time.Hour)
		if n := r.bucket.Pages() - before; n > 3 {
			t.Errorf("it lists %d times an hour", n)
		}
		if idle.scanner.Ready() != nil || idle.scanner.Status().Locations[0].OtherStreams != 1 {
			t.Errorf("%v, %+v", idle.scanner.Ready(), idle.scanner.Status().Locations[0])
		}
		idle.expect()
		idle.stop()
	})
}

// A broken object is pending and quarantined at its owner alone, and only that one tries it.
func TestScanner_ShardsTryABrokenObjectOnceTogether(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.fillFleet(began.Add(-time.Hour), 30, "a")
		at := began.Add(-30 * time.Minute)
		key := logtest.PartitionedKey("access/111122223333/eu-west-1/bucket-7/", at, "0123456789ABCDEF")
		r.bucket.Put(key, []byte("\x1f\x8b broken"), at)
		tries := 0
		r.bucket.SetFault(func(op, of string) error {
			if op == sourcetest.OpOpen && of == key {
				tries++
			}
			return nil
		})
		shards := r.split(3)
		startAll(shards)
		r.wait(30 * time.Hour)
		if n := sumOf(shards, "quarantined_objects"); n != 1 || tries != 1 {
			t.Errorf("%v shards have quarantined it, after %d attempts", n, tries)
		}
		stopAll(shards)
	})
}

// CloudTrail in a stream whose prefix does not show it is told of, once: it may come to
// another shard too.
func TestScanner_ShardsTellOfCloudTrailThatKeysDoNotShow(t *testing.T) {
	inBubble(t, func(r *rig) {
		for _, prefix := range []string{"firehose/a/", "firehose/CloudTrail/"} {
			for i := range 3 {
				r.bucket.Put(fmt.Sprint(prefix, began.Format("2006/01/02/15/"), i), logtest.Trail(began, fmt.Sprint(prefix, i)), began)
			}
		}
		shards := r.split(2)
		startAll(shards)
		r.wait(time.Hour)
		var log string
		for _, s := range shards {
			log += s.log.String()
		}
		if n := strings.Count(log, "whose prefix does not show it"); n != 1 || !strings.Contains(log, "stream=firehose/a/") {
			t.Errorf("it is told %d times:\n%s", n, log)
		}
		stopAll(shards)
	})
}
