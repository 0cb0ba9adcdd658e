package scanner_test

import (
	"errors"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// A start tries what is quarantined again. If it fails then for a reason that may pass, as in
// an outage, or as it gives way to others, that was no trial: it is pending, and counts.
func TestScanner_QuarantinedObjectOutlivesAnOutageAtTheStart(t *testing.T) {
	for name, fault := range map[string]error{
		"no connection": &source.Error{Op: sourcetest.OpRead, Reason: source.ReasonNetwork, Err: errors.New("connection refused")},
		"stalled body":  sourcetest.Stall(0, time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				key := logtest.SimpleKey(began, "A")
				var bucket proxied
				bucket.Put(key, logtest.AccessLog(began, "r1"), began)
				bucket.answers.Store(true)
				r.store = &bucket
				r.start()
				r.wait(time.Hour)
				r.expect()
				if got := r.metric("quarantined_objects"); got != 1 {
					t.Fatalf("%v objects are quarantined, want 1", got)
				}
				r.crash()
				bucket.answers.Store(false)
				bucket.SetFault(func(op, _ string) error {
					if op == sourcetest.OpRead {
						return fault
					}
					return nil
				})
				r.start()
				r.wait(time.Hour)
				r.expect()
				if pending, quarantined := r.metric("pending_objects"), r.metric("quarantined_objects"); pending != 1 || quarantined != 0 {
					t.Errorf("%v objects are pending, %v quarantined, want 1 and 0", pending, quarantined)
				}
				bucket.SetFault(nil)
				r.wait(time.Hour)
				r.expect("r1")
			})
		})
	}
}
