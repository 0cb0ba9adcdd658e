package scanner_test

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestStatus_ShowsWhatTheLastHoursTook(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpList {
				r.asked.CountRequest("ListObjectsV2")
			}
			return nil
		})
		r.wait(90 * time.Minute)
		if recent := r.scanner.Status().Recent; !recent.Since.Equal(began) || recent.Objects != 1 || recent.Requests["ListObjectsV2"] < 5 {
			t.Errorf("after 90 minutes: %+v", recent)
		}
		r.wait(30 * time.Hour)
		r.put(time.Now(), "B", "r2")
		r.put(time.Now(), "C", "r3")
		r.wait(30 * time.Minute)
		recent, all := r.scanner.Status().Recent, r.scanner.Status().Requests["ListObjectsV2"]
		lists := recent.Requests["ListObjectsV2"]
		if back := time.Since(recent.Since); back < 23*time.Hour || back > 24*time.Hour || recent.Objects != 2 || lists < 24*4 || lists > all-5*4 {
			t.Errorf("after 32 hours, of whose requests there were %d: %+v", all, recent)
		}
	})
}
