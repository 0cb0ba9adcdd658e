package scanner_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// What was counted stays counted, and that the object is another one is shown once.
func TestScanner_ChangedObjectIsShownAndNotCountedAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A", "r1")
		r.start()
		r.wait(time.Minute)
		r.bucket.Put(key, logtest.AccessLog(began, "r1", "r2"), time.Now()) // its writer had stalled
		r.wait(time.Hour)
		r.expect("r1")
		size, content := r.metric("changed_objects_total", "size"), r.metric("changed_objects_total", "content")
		if size != 1 || content != 0 {
			t.Errorf("%v objects of another size, %v of other content, want 1 and 0", size, content)
		}
		if n := strings.Count(r.log.String(), "other sizes"); n != 1 || !strings.Contains(r.log.String(), key) {
			t.Errorf("the log has %d warnings of %s, want 1:\n%s", n, key, &r.log)
		}
		r.bucket.Put(key, logtest.AccessLog(began, "r3", "r4"), time.Now())
		r.wait(time.Hour)
		r.expect("r1")
		if got := r.metric("changed_objects_total", "content"); got != 1 {
			t.Errorf("%v objects of other content, want 1", got)
		}
		r.crash()
		r.start()
		r.wait(30 * time.Hour)
		r.expect("r1")
		if got := r.metric("changed_objects_total"); got != 0 {
			t.Errorf("after a restart %v objects have changed again", got)
		}
		if n := strings.Count(r.log.String(), "other sizes"); n != 1 {
			t.Errorf("the log has %d warnings, want 1", n)
		}
	})
}

// A compressed file that was listed before it was complete is read when it is.
func TestScanner_QuarantinedObjectThatChangedIsReadAtOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		whole := logtest.Gzip(logtest.AccessLog(began, "r1"))
		key := r.put(began, "A")
		r.bucket.Put(key, whole[:len(whole)/2], time.Now())
		r.start()
		r.wait(time.Minute)
		if got := r.metric("quarantined_objects"); got != 1 {
			t.Errorf("%v objects are quarantined, want 1", got)
		}
		r.bucket.Put(key, whole, time.Now())
		r.wait(16 * time.Minute) // the next listing of an idle stream
		r.expect("r1")
		if got := r.metric("quarantined_objects"); got != 0 {
			t.Errorf("%v objects are quarantined, want none", got)
		}
	})
}

// One that has changed is a new one: what keeps it from being read now may pass.
func TestScanner_ChangedObjectThatFailsOtherwiseIsPending(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A")
		r.bucket.Put(key, []byte("\x1f\x8bbroken"), began)
		r.start()
		r.wait(time.Minute)
		var fail atomic.Bool
		fail.Store(true)
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen && fail.Load() {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonThrottled, Err: errSlowDown}
			}
			return nil
		})
		r.bucket.Put(key, logtest.AccessLog(began, "r1"), time.Now())
		r.wait(16 * time.Minute)
		if pending, quarantined := r.metric("pending_objects"), r.metric("quarantined_objects"); pending != 1 || quarantined != 0 {
			t.Errorf("%v objects are pending, %v quarantined, want 1 and 0", pending, quarantined)
		}
		fail.Store(false)
		r.wait(time.Hour)
		r.expect("r1")
	})
}
