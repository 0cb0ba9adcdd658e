package scanner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// Copies of an event in two accounts' folders may be read far apart where there is much to catch
// up on. A warning shows it, once; not where there is one folder, or less than is remembered.
func TestScanner_WarnsWhereItCatchesUpOnMoreEventsThanItRemembers(t *testing.T) {
	for name, test := range map[string]struct {
		accounts, events, window int
		late                     bool // they come once it has caught up
		want                     int
	}{
		"two folders":                 {2, 600, 1000, false, 1},
		"one folder":                  {1, 1200, 1000, false, 0},
		"two folders, and fewer":      {2, 500, 1000, false, 0},
		"two folders, bit by bit":     {2, 600, 1000, true, 0},
		"where nothing is remembered": {2, 600, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.DedupeWindow = test.window
				if test.late {
					r.start()
					r.wait(time.Minute)
				}
				for account := range test.accounts {
					for i := range test.events / 100 {
						var ids []string
						for j := range 100 {
							ids = append(ids, fmt.Sprint(account, "-", i, "-", j))
						}
						id, at := fmt.Sprintf("11112222333%d", account), began.Add(time.Duration(i)*time.Minute)
						r.bucket.Put(logtest.TrailKey("AWSLogs/"+id+"/CloudTrail/eu-west-1/", id, "eu-west-1", at, "0123456789abcdef"), logtest.Trail(at, ids...), at)
					}
				}
				if !test.late {
					r.start()
				}
				r.wait(4 * time.Hour)
				if n := len(r.consumer.shown()); n != test.accounts*test.events {
					t.Errorf("%d requests are counted", n)
				}
				if n := strings.Count(r.log.String(), "--scan.dedupe-window is too small"); n != test.want {
					t.Errorf("%d warnings, want %d", n, test.want)
				}
			})
		})
	}
}

// Copies of an event in a busy account's folder and in a quiet one's, where each object has far
// more events, are read near each other, however much there is to catch up on.
func TestScanner_CatchesUpInTheOrderOfTime(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.DedupeWindow, r.config.Concurrency = 600, 1
		r.bucket.SetFault(func(op, _ string) error {
			if op == "open" {
				time.Sleep(time.Millisecond) // in which both are listed
			}
			return nil
		})
		put := func(account string, at time.Time, ids ...string) {
			key := logtest.TrailKey("AWSLogs/"+account+"/CloudTrail/eu-west-1/", account, "eu-west-1", at, "0123456789abcdef")
			r.bucket.Put(key, logtest.Trail(at, ids...), at)
		}
		var shared []string
		const minutes = 4000 // of which a commit has 512 at most
		want := 0
		for minute := range minutes {
			at := began.Add(time.Duration(minute-minutes) * time.Minute)
			ids := []string{fmt.Sprint("shared", minute)}
			shared = append(shared, ids...)
			for i := range 9 {
				ids = append(ids, fmt.Sprint("own", minute, "-", i))
			}
			want += len(ids)
			put("111122223333", at, ids...)
			if len(shared) == 20 {
				put("444455556666", at, shared...)
				shared = nil
			}
		}
		r.start()
		r.wait(4 * time.Hour)
		shown := r.consumer.shown()
		for id, n := range shown {
			if n != 1 {
				t.Errorf("%s is counted %d times", id, n)
			}
		}
		if len(shown) != want {
			t.Errorf("%d requests are counted, want %d", len(shown), want)
		}
	})
}
