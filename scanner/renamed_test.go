package scanner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// What somebody compressed under another key does not count again. Whatever it is, it is named.
func TestScanner_NamesLogsUnderOtherNames(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := logtest.SimpleKey(began, "A")
		r.bucket.Put(key, logtest.AccessLog(began, "r1"), began)
		r.start()
		r.wait(3 * time.Minute)
		r.bucket.Put(key+".gz", logtest.Gzip(logtest.AccessLog(began, "r1")), time.Now())
		r.bucket.Put("by-day/2026/03/04/"+key[len("access/"):]+".gz", logtest.Gzip(logtest.AccessLog(began, "r1")), time.Now())
		partitioned := logtest.PartitionedKey("to/111122223333/eu-west-1/b/", began, "0123456789ABCDEF")
		r.bucket.Put(partitioned, logtest.AccessLog(began, "r2"), began)
		r.bucket.Put(partitioned+".gz", logtest.Gzip(logtest.AccessLog(began, "r2")), time.Now())
		r.wait(3 * time.Hour)
		r.expect("r1", "r2")
		if got, others := r.metric("skipped_objects_total", "renamed_log"), r.metric("skipped_objects_total", "not_a_log"); got != 3 || others != 0 {
			t.Errorf("skipped_objects_total is %v, and %v of what is no log", got, others)
		}
		skipped := r.scanner.Status().Locations[0].Skipped
		if len(skipped) != 1 || skipped[0].Reason != "renamed_log" || skipped[0].Objects != 3 || skipped[0].Example != key+".gz" {
			t.Errorf("skipped %+v", skipped)
		}
		if log := r.log.String(); strings.Count(log, "objects are skipped that may hold requests") != 1 || !strings.Contains(log, key+".gz") {
			t.Errorf("the log is\n%s", log)
		}
	})
}
