package scanner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// strangers are keys of logs that lie in the same folders, by their time. Those of text have
// no more than that in common.
var strangers = []struct {
	layout string
	ago    time.Duration // of the folders behind which the name is
	json   bool
}{
	{layout: "p/111122223333/eu-west-1/bk/2006/01/02/2006-01-02-15-04-05-%016d"},
	{layout: "p/111122223333/eu-west-1/bk/%s2006-01-02-15-04-05-%016d", ago: 24 * time.Hour}, // moved at midnight
	{layout: "p/111122223333/eu-west-1/bk/2006/01/02/other-2006-01-02-15-04-05-%016d"},
	{layout: "p/111122223333/eu-west-1/bk/2006/01/02/f47ac10b-%016d.json", json: true},
	{layout: "p/111122223333/eu-west-1/bk/2006/01/02/0-%016d.json", json: true},
	{layout: "p/111122223333/eu-west-1/bk/2006/01/02/15/f47ac10b-%016d.json", json: true},
}

// Whatever comes first, and however many shards there are: each object counts once.
func TestScanner_FindsWhatLiesAmongTheKeysOfAStream(t *testing.T) {
	for seed := range uint64(12) {
		inBubble(t, func(r *rig) {
			r.slow()
			r.config.Since = 72 * time.Hour
			random := rand.New(rand.NewPCG(seed, 0))
			kinds := random.Perm(len(strangers))[:2+random.IntN(3)]
			want := make(map[string]int)
			put := func(at time.Time, counts int) {
				k := strangers[kinds[random.IntN(len(kinds))]]
				n := len(want)
				id := fmt.Sprint("r", n)
				var key string
				if k.ago > 0 {
					key = fmt.Sprintf("p/111122223333/eu-west-1/bk/%s%s-%016d", at.Add(k.ago).UTC().Format("2006/01/02/"), at.UTC().Format("2006-01-02-15-04-05"), n)
				} else {
					key = fmt.Sprintf(at.UTC().Format(k.layout), n)
				}
				body := logtest.AccessLog(at, id)
				if k.json {
					body = logtest.AccessJSON(at, id)
				}
				r.bucket.Put(key, body, time.Now())
				want[id] = counts
			}
			for range random.IntN(8) {
				put(began.Add(-time.Duration(6*24+random.IntN(14*24))*time.Hour), 0)
			}
			for range random.IntN(8) {
				put(began.Add(-time.Duration(random.IntN(10))*time.Hour), 1)
			}
			rigs := r.split(1 + int(seed%3))
			startAll(rigs)
			for range 4 {
				r.wait(time.Duration(1+random.IntN(40)) * time.Hour)
				for range random.IntN(6) {
					put(time.Now().Add(-time.Duration(random.IntN(3))*time.Hour), 1)
				}
				put(time.Now().Add(-time.Duration(random.IntN(18*24))*time.Hour), 1) // late
				if random.IntN(2) == 0 {
					stopAll(rigs)
					startAll(rigs)
				}
			}
			r.wait(60 * time.Hour)
			maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
			got := shownBy(rigs)
			stopAll(rigs)
			if !maps.Equal(got, want) {
				t.Errorf("seed %d, kinds %v: counted %v, want %v", seed, kinds, got, want)
			}
		})
	}
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
