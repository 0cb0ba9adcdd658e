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
