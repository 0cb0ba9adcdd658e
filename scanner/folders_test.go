package scanner_test

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// A stream that was soon over is found in the folders of another one, whose keys do not show
// what it is: with all that lay there at the start, what has come while no process ran, or
// what it had before the start, which does not count once it goes on.
func TestScanner_FindsWhatIsOverInTheFoldersOfAStreamWithFreeKeys(t *testing.T) {
	const overSince = 5 // days
	for name, test := range map[string]struct {
		since time.Duration
		down  int // days without a process, before now
	}{
		"first search":               {0, 0},
		"while no process ran":       {0, 7},
		"before the start":           {24 * time.Hour, 0},
		"while none ran, with since": {24 * time.Hour, 7},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = test.since
				now := began.AddDate(0, 0, test.down)
				var want []string
				put := func(at time.Time, id string, body []byte, key string) {
					r.bucket.Put(key, body, at)
					if counts := began.Add(-test.since); test.since == 0 || !at.Before(counts) {
						want = append(want, id)
					}
				}
				text := func(at time.Time, id string) {
					put(at, id, logtest.AccessLog(at, id), logtest.PartitionedKey("all/", at, "0123456789ABCDEF"))
				}
				free := func(at time.Time) {
					id := at.Format("free-01-02")
					put(at, id, logtest.AccessJSON(at, id), "all/"+at.Format("2006/01/02/")+"0")
				}
				for days := range 10 {
					free(began.AddDate(0, 0, days-9))
				}
				if test.down == 0 {
					text(now.AddDate(0, 0, -overSince), "over")
				}
				r.start()
				r.wait(time.Hour)
				if test.down > 0 {
					r.crash()
					time.Sleep(time.Until(now))
					for days := range test.down {
						free(began.AddDate(0, 0, days+1))
					}
					text(now.AddDate(0, 0, -overSince), "over")
					r.start()
				}
				r.wait(2 * time.Hour)
				r.expect(want...)
				text(time.Now(), "more")
				r.wait(50 * time.Hour)
				r.expect(want...)
			})
		})
	}
}
