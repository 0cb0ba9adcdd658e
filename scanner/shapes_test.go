package scanner_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

var shapeSeeds = flag.Int("model.shapes.seeds", 20, "number of buckets of objects of several kinds")

// shape is a way in which objects are named, and what they hold.
type shape struct {
	folder string        // behind a prefix
	layout string        // of the time, behind that and before a unique part
	ahead  time.Duration // of the folders, of which the layout is up to "|", before the name
	suffix string
	body   func(at time.Time, ids ...string) []byte
}

const account = "111122223333/eu-west-1/bkt/"

func nothing(time.Time, ...string) []byte { return []byte("something else\n") }

// shapes are all kinds of keys that lie in buckets, side by side or among each other.
var shapes = []shape{
	{layout: "2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "x-2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: "2026-", layout: "2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: "2026-03-", layout: "2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "2006/01/02/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "2006/01/02/15/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "2006/01/02/other-2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "2006/01/02/bucket/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "dt=2006-01-02/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: account, layout: "2006/01/02/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: "202612345678/eu-west-1/bkt/", layout: "2006/01/02/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: account, layout: "2006/01/02/2006-01-02-00-00-00-", body: logtest.AccessLog},
	{folder: account, layout: "2006/01/02/|2006-01-02-15-04-05-", ahead: 24 * time.Hour, body: logtest.AccessLog}, // sorted after midnight
	{folder: account, layout: "2006/01/02/|2006-01-02-15-04-05-", ahead: -24 * time.Hour, body: logtest.AccessLog},
	{folder: account, layout: "2006/01/02/fabcdef-", suffix: ".json", body: logtest.AccessJSON},
	{folder: account, layout: "2006/01/02/0-", suffix: ".json", body: logtest.AccessJSON},
	{folder: account, layout: "2006/01/02/15/fabcdef-", body: logtest.AccessJSON},
	{layout: "2006/01/02/fabcdef-", body: logtest.AccessJSON},
	{layout: "2006/01/02/15/0-", body: logtest.AccessJSON},
	{folder: "fire-", layout: "2006/01/02/15/fab-", body: logtest.AccessJSON},
	{folder: "2", layout: "2006/01/02/15/fab-", body: logtest.AccessJSON},
	{folder: "fire-", layout: "2006-01-02-15-04-05-", body: logtest.AccessLog},
	{folder: "fire-", layout: "2006/01/02/2006-01-02-15-04-05-", body: logtest.AccessLog},
	{layout: "year=2006/month=01/day=02/fab-", body: logtest.AccessJSON},
	{layout: "dt=2006-01-02/hour=15/fab-", body: logtest.AccessJSON},
	{folder: "AWSLogs/111122223333/CloudTrail/eu-west-1/", layout: "2006/01/02/ACCOUNT_CloudTrail_REGION_20060102T1504Z_", suffix: ".json.gz", body: logtest.Trail},
	{layout: "2006/01/02/ACCOUNT_CloudTrail_REGION_20060102T1504Z_", suffix: ".json.gz", body: logtest.Trail},
	{folder: "AWSLogs/111122223333/CloudTrail/eu-west-1/", layout: "2006/01/02/inventory", body: nothing},
	{folder: "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/", layout: "2006/01/02/", body: nothing},
	{folder: account, layout: "2006/01/02/zz", suffix: ".txt", body: nothing},
	{folder: account, layout: "2006/01/02/fabcdef-9", suffix: ".json", body: nothing},
	{layout: "2006/01/02/zz", body: nothing},
	{layout: "0", suffix: ".txt", body: nothing},
}

// key returns the n-th key of a shape.
func (s shape) key(prefix string, at time.Time, n int) string {
	folders, name, moved := strings.Cut(s.layout, "|")
	key := at.UTC().Format(folders)
	if moved {
		key = at.Add(s.ahead).UTC().Format(folders) + at.UTC().Format(name)
	}
	return fmt.Sprintf("%s%s%s%016d%s", prefix, s.folder, strings.NewReplacer("ACCOUNT", "111122223333", "REGION", "eu-west-1").Replace(key), n, s.suffix)
}

// pass is the Consumer of a pass that finds out which requests it reads.
type pass map[string]int

type passTally map[string]int

func (p pass) NewTally(_, _ string) once.Tally { return make(passTally) }

func (p pass) Take(t once.Tally) error {
	for id, n := range t.(passTally) {
		p[id] += n
	}
	return nil
}

func (t passTally) Add(r *record.Record) { t[string(r.RequestID)]++ }

func (t passTally) Done() int { return len(t) }

// Whatever lies side by side or among each other, and whatever comes first: what a pass reads
// counts once, from the start on. Of several shards, one may not find what lies among the keys
// of another one's stream: then that one warns.
func TestScanner_CountsWhateverAPassReads(t *testing.T) {
	for seed := range uint64(*shapeSeeds) {
		inBubble(t, func(r *rig) {
			r.slow()
			random := rand.New(rand.NewPCG(seed, 0))
			if random.IntN(3) > 0 {
				r.config.Since = 72 * time.Hour
			}
			var mixed []shape
			for range 2 + random.IntN(3) {
				mixed = append(mixed, shapes[random.IntN(len(shapes))])
			}
			prefixes := []string{"", "p/", "p/q/", "2026/"}[:1+random.IntN(4)]
			keys, before := make(map[string]string), make(map[string]bool) // by ID
			put := func(at time.Time, isBefore bool) {
				id := fmt.Sprint("r", len(keys))
				s := mixed[random.IntN(len(mixed))]
				keys[id], before[id] = s.key(prefixes[random.IntN(len(prefixes))], at, len(keys)), isBefore
				r.bucket.Put(keys[id], s.body(at, id), time.Now())
			}
			for range random.IntN(8) {
				put(began.Add(-time.Duration(6*24+random.IntN(14*24))*time.Hour), r.config.Since > 0)
			}
			for range random.IntN(8) {
				put(began.Add(-time.Duration(random.IntN(10))*time.Hour), false)
			}
			rigs := r.split(1 + random.IntN(3))
			startAll(rigs)
			for range 4 {
				r.wait(time.Duration(1+random.IntN(40)) * time.Hour)
				for range random.IntN(6) {
					put(time.Now().Add(-time.Duration(random.IntN(3))*time.Hour), false)
				}
				put(time.Now().Add(-time.Duration(random.IntN(18*24))*time.Hour), false) // late
				if random.IntN(2) == 0 {
					stopAll(rigs)
					startAll(rigs)
				}
			}
			r.wait(60 * time.Hour)
			got := shownBy(rigs)
			stopAll(rigs)
			want := make(pass)
			if _, err := once.Run(r.t.Context(), once.Config{Locations: []source.Location{{Name: "s3://logs", Source: r.bucket}}}, once.Query{}, want); err != nil {
				t.Fatal(err)
			}
			for id, key := range keys {
				if before[id] {
					want[id] = 0
				}
				if got[id] == 0 && want[id] == 1 && len(rigs) > 1 && warnsOf(rigs, key) {
					continue
				}
				if got[id] != want[id] {
					t.Errorf("seed %d: %s is counted %d times, want %d; %d shards, before the start: %v", seed, key, got[id], want[id], len(rigs), before[id])
				}
			}
		})
	}
}

// warnsOf reports whether a shard warns of the stream of a key.
func warnsOf(rigs []*rig, key string) bool {
	for _, r := range rigs {
		for line := range strings.Lines(r.log.String()) {
			_, named, found := strings.Cut(line, " key=")
			named = strings.Trim(named, "\"\n")
			if found && strings.Contains(line, "belong to another shard") && logkey.Parse(named).Stream == logkey.Parse(key).Stream {
				return true
			}
		}
	}
	return false
}

// Folders of days may have folders of accounts beside them, which begin with digits as well.
func TestScanner_FindsAccountsBesideFoldersOfDays(t *testing.T) {
	for shards := range 3 {
		inBubble(t, func(r *rig) {
			r.slow()
			var want []string
			for i, prefix := range []string{"p/", "p/111122223333/eu-west-1/bk/", "p/202612345678/eu-west-1/bk/", "p/444455556666/eu-west-1/bk/", "p/999911112222/eu-west-1/bk/"} {
				id := fmt.Sprint("r", i)
				r.bucket.Put(logtest.PartitionedKey(prefix, began, "0123456789ABCDEF"), logtest.AccessLog(began, id), began)
				want = append(want, id)
			}
			rigs := r.split(1 + shards)
			startAll(rigs)
			r.wait(2 * time.Hour)
			got := shownBy(rigs)
			stopAll(rigs)
			for _, id := range want {
				if got[id] != 1 {
					t.Errorf("%d shards: %s is counted %d times", shards+1, id, got[id])
				}
			}
		})
	}
}
