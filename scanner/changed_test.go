package scanner_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
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
		if got := r.scanner.Status().Uncounted; got != (scanner.UncountedStatus{ResizedObjects: 1}) {
			t.Errorf("the status has %+v", got)
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

// An object that was empty, or no log, is read once it has changed: a file that was opened
// long before its first line, or a key that was filled with something else first. It counts
// once, however often it is copied.
func TestScanner_ObjectThatHeldNothingIsReadOnceItHasChanged(t *testing.T) {
	text, free := "logs/"+began.Format("2006-01-02-15-04-05-")+"0123456789ABCDEF", freeKeys["hours"]
	for name, before := range map[string][]byte{
		"empty": nil, "a line without text": []byte("\n"), "a text": []byte("Please log in."), "another log": []byte(`{"level":"info"}`), "Parquet": []byte("PAR1"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.putFree(free, began, "A", logtest.AccessJSON(began, "r1"))
				key := r.putFree(free, began, "B", before)
				r.bucket.Put(text, bytes.TrimFunc(before, unicode.IsPrint), time.Now()) // any other text would be quarantined
				r.start()
				r.wait(10 * time.Minute)
				r.expect("r1")
				opens := r.bucket.Opens()
				r.crash()
				r.start()
				r.wait(30 * time.Hour) // an audit
				if again := r.bucket.Opens() - opens; again != 0 {
					t.Errorf("%d objects were read that have not changed", again)
				}
				r.bucket.Put(key, logtest.AccessJSON(began, "r2", "r3"), time.Now())
				r.bucket.Put(text, logtest.AccessLog(began, "r4"), time.Now())
				r.wait(30 * time.Hour)
				r.expect("r1", "r2", "r3", "r4")
				r.bucket.Put(key, logtest.AccessJSON(began, "r2", "r3"), time.Now())
				r.bucket.Put(text, logtest.AccessLog(began, "r4"), time.Now())
				r.crash()
				r.start()
				r.wait(30 * time.Hour)
				r.expect("r1", "r2", "r3", "r4")
			})
		})
	}
}

// A compressed file that was listed before it was complete is read when it is, wherever it
// lies: behind the watermark, the polls do not come across it.
func TestScanner_QuarantinedObjectThatChangedIsReadAtOnce(t *testing.T) {
	tests := []struct {
		name        string
		age         time.Duration // of the object, by its key
		after, soon time.Duration // when it has changed, and how long it takes
	}{
		{"at the watermark", 0, time.Minute, 3 * time.Minute},
		{"behind it", 20 * 24 * time.Hour, time.Minute, 3 * time.Minute},
		{"behind it, after days", 20 * 24 * time.Hour, 70 * time.Hour, time.Hour + time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				whole := logtest.Gzip(logtest.AccessLog(began, "r1"))
				r.put(began, "B", "r0")
				key := r.put(began.Add(-tt.age), "A")
				r.bucket.Put(key, whole[:len(whole)/2], time.Now())
				r.start()
				r.wait(tt.after)
				r.expect("r0")
				if got := r.metric("quarantined_objects"); got != 1 {
					t.Errorf("%v objects are quarantined, want 1", got)
				}
				r.bucket.Put(key, whole, time.Now())
				r.wait(tt.soon)
				r.expect("r0", "r1")
				if got := r.metric("quarantined_objects"); got != 0 {
					t.Errorf("%v objects are quarantined, want none", got)
				}
			})
		})
	}
}

// What is gone is not quarantined any more.
func TestScanner_QuarantinedObjectThatIsGoneIsResolved(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began.Add(-20*24*time.Hour), "A")
		r.bucket.Put(key, []byte("\x1f\x8bbroken"), began)
		r.put(began, "B", "r1")
		r.start()
		r.wait(time.Hour)
		r.bucket.Delete(key)
		r.wait(time.Hour + time.Minute)
		if got := r.metric("quarantined_objects"); got != 0 {
			t.Errorf("%v objects are quarantined, want none", got)
		}
		if got := r.metric("object_errors_total", "gone"); got != 1 {
			t.Errorf("%v objects are gone, want 1", got)
		}
		r.expect("r1")
	})
}

// To look at quarantined objects costs one request an hour each, and 600 at most.
func TestScanner_LooksAtQuarantinedObjectsAtABoundedRate(t *testing.T) {
	for objects, most := range map[int]int{0: 0, 20: 20, 1_500: 600} {
		inBubble(t, func(r *rig) {
			r.put(began, "B", "r1")
			for i := range objects {
				key := logtest.SimpleKey(began.Add(-20*24*time.Hour), fmt.Sprintf("A%04d", i))
				r.bucket.Put(key, []byte("\x1f\x8bbroken"), began)
			}
			var looks atomic.Int64
			r.bucket.SetFault(func(op, key string) error {
				if op == sourcetest.OpList && logkey.Parse(key).Skip == "" {
					looks.Add(1) // at an object
				}
				return nil
			})
			r.start()
			r.wait(7 * time.Hour)
			looks.Store(0)
			r.wait(10 * time.Hour)
			if got := int(looks.Load()); got > 10*most || got < 9*most {
				t.Errorf("%d quarantined objects take %d requests in 10 hours, want %d", objects, got, 10*most)
			}
		})
	}
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

// errNotThere is what Open fails with where somebody finds no object.
func errNotThere(key string) error {
	return &source.Error{Op: sourcetest.OpOpen, Key: key, Reason: source.ReasonGone, Err: errors.New("HTTP 404")}
}

// A proxy that answers 404, or a store that lists what it does not have, makes no object
// gone.
func TestScanner_ObjectThatIsListedIsNotGone(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A", "r1")
		var fail atomic.Bool
		fail.Store(true)
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen && fail.Load() {
				return errNotThere(key)
			}
			return nil
		})
		r.start()
		r.wait(time.Hour)
		r.expect()
		if got := r.metric("pending_objects"); got != 1 || r.metric("object_errors_total", "gone") != 0 {
			t.Errorf("%v objects are pending, want 1", got)
		}
		fail.Store(false)
		r.wait(time.Hour)
		r.expect("r1")
	})
}

// What is gone has not counted, and does so if it comes back: from a version that was
// deleted, a backup, or with the volume that it lies on.
func TestScanner_ObjectThatComesBackCounts(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A")
		body := logtest.AccessLog(began, "r1")
		r.bucket.Put(key, body, began)
		var fail atomic.Bool
		fail.Store(true)
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen && fail.Load() {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errSlowDown}
			}
			return nil
		})
		r.start()
		r.wait(time.Minute)
		r.bucket.Delete(key)
		fail.Store(false)
		r.wait(time.Hour)
		r.expect()
		if got := r.metric("object_errors_total", "gone"); got != 1 || r.metric("pending_objects") != 0 {
			t.Errorf("%v objects are gone, want 1", got)
		}
		r.crash()
		r.start()
		r.bucket.Put(key, body, began)
		r.wait(2 * time.Hour)
		r.expect("r1")
		r.wait(48 * time.Hour)
		r.expect("r1")
	})
}

// One that cannot be looked at, or is still being written, keeps no other from being read.
func TestScanner_LooksAtOtherQuarantinedObjects(t *testing.T) {
	for name, failure := range map[string]source.Reason{"still written": source.ReasonChanged, "forbidden": source.ReasonAccessDenied} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(began, "B", "r0")
				var keys []string
				for _, suffix := range []string{"A1", "A2", "A3"} {
					key := r.put(began.Add(-20*24*time.Hour), suffix)
					r.bucket.Put(key, []byte("\x1f\x8bbroken"), began)
					keys = append(keys, key)
				}
				r.start()
				r.wait(10 * time.Second)
				r.bucket.SetFault(func(op, key string) error {
					if op == sourcetest.OpList && key == keys[0] {
						return &source.Error{Op: op, Key: key, Reason: failure, Err: errSlowDown}
					}
					return nil
				})
				r.bucket.Put(keys[1], logtest.AccessLog(began, "r1"), time.Now())
				r.bucket.Put(keys[2], logtest.AccessLog(began, "r2"), time.Now())
				r.wait(5 * time.Minute)
				r.expect("r0", "r1", "r2")
			})
		})
	}
}
