package scanner_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestScanner_TransientFailureIsPendingUntilItEnds(t *testing.T) {
	inBubble(t, func(r *rig) {
		bad := r.put(began, "A", "r1")
		r.put(began.Add(time.Second), "B", "r2")
		var failing atomic.Bool
		failing.Store(true)
		r.bucket.SetFault(func(op, key string) error {
			if failing.Load() && op == sourcetest.OpOpen && key == bad {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonThrottled, Err: errors.New("slow down")}
			}
			return nil
		})
		r.start()
		r.wait(10 * time.Minute)
		r.expect("r2")
		if got := r.metric("pending_objects"); got != 1 {
			t.Errorf("pending_objects is %v, want 1", got)
		}
		if got := r.metric("object_errors_total", "throttled"); got < 3 {
			t.Errorf("object_errors_total is %v after 10 minutes of retries, want at least 3", got)
		}
		if n := strings.Count(r.log.String(), "key="+bad); n != 1 {
			t.Errorf("the object is named in %d lines of the log, want 1:\n%s", n, &r.log)
		}
		r.crash()
		r.start()
		r.wait(time.Minute)
		if got := r.metric("pending_objects"); got != 1 {
			t.Errorf("pending_objects is %v after a restart, want 1", got)
		}
		failing.Store(false)
		r.wait(time.Hour)
		r.expect("r1", "r2")
		if got := r.metric("pending_objects"); got != 0 {
			t.Errorf("pending_objects is %v in the end, want 0", got)
		}
	})
}

func TestScanner_BrokenObjectGivesNothingAndIsQuarantined(t *testing.T) {
	inBubble(t, func(r *rig) {
		whole := logtest.AccessLog(began, "r1")
		bad := r.put(began, "A")
		r.bucket.Put(bad, append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), whole...), began)
		r.put(began.Add(time.Second), "B", "r2")
		r.start()
		r.wait(10 * time.Hour)
		r.expect("r2")
		if got := r.metric("quarantined_objects"); got != 1 {
			t.Errorf("quarantined_objects is %v, want 1", got)
		}
		if got := r.metric("object_errors_total", "gzip"); got != 1 {
			t.Errorf("object_errors_total is %v, want 1: it is tried once", got)
		}
		if !strings.Contains(r.log.String(), "object is quarantined") || !strings.Contains(r.log.String(), bad) {
			t.Errorf("%s is not in the log:\n%s", bad, &r.log)
		}
		r.stop()
		r.bucket.Put(bad, whole, began) // mended
		r.start()
		r.wait(time.Minute)
		r.expect("r1", "r2")
		if got := r.metric("quarantined_objects"); got != 0 {
			t.Errorf("quarantined_objects is %v once it was read, want 0", got)
		}
	})
}

func TestScanner_BytesThatChangedOnTheirWayAreReadAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		whole := logtest.AccessLog(began, "r1")
		key := r.put(began, "A")
		r.bucket.Put(key, append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), whole...), began)
		r.bucket.SetFault(func(op, key string) error {
			if op != sourcetest.OpRead {
				return nil
			}
			return sourcetest.FailAfter(math.MaxInt64, &source.Error{
				Op: op, Key: key, Reason: source.ReasonChecksum, Err: errors.New("checksum did not match"),
			})
		})
		r.start()
		r.wait(time.Minute)
		if pending, quarantined := r.metric("pending_objects"), r.metric("quarantined_objects"); pending != 1 || quarantined != 0 {
			t.Errorf("%v pending and %v quarantined objects, want 1 and 0", pending, quarantined)
		}
		if got := r.metric("object_errors_total", "checksum"); got < 1 {
			t.Errorf("object_errors_total is %v, want at least 1", got)
		}
		r.bucket.SetFault(nil)
		r.bucket.Put(key, whole, began)
		r.wait(time.Hour)
		r.expect("r1")
	})
}

func TestScanner_CountsAnObjectAsItIsWhenItIsRead(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A", "r1")
		replaced := logtest.AccessLog(began, "r2", "r3")
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen { // it was listed by now
				r.bucket.Put(key, replaced, began.Add(time.Second))
			}
			return nil
		})
		r.start()
		r.wait(time.Minute)
		r.expect("r2", "r3")
	})
}

// However many bodies of a location stall, and for how long, the others go on.
func TestScanner_StalledBodiesDoNotHoldUpOtherLocations(t *testing.T) {
	for name, after := range map[string]time.Duration{"at first": 10 * time.Second, "when they are tried again": time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				other := &sourcetest.Fake{}
				r.config.Locations = []source.Location{{Name: "s3://other", Store: "aws/other", Source: other}}
				for i := range 100 {
					r.put(began.Add(time.Duration(i)*time.Second), "A", fmt.Sprintf("stalled%d", i))
				}
				r.bucket.SetFault(func(op, _ string) error {
					if op == sourcetest.OpRead {
						return sourcetest.Stall(1, 10*time.Minute)
					}
					return nil
				})
				r.start()
				r.wait(after)
				var want []string
				for i := range 10 {
					id := fmt.Sprint("r", i)
					want = append(want, id)
					other.Put(logtest.SimpleKey(time.Now(), id), logtest.AccessLog(time.Now(), id), time.Now())
				}
				r.wait(time.Minute + 2*time.Second) // a poll and a commit
				r.expect(want...)
			})
		})
	}
}

// Nor do they keep the objects of their own location waiting for longer than two polls.
func TestScanner_StalledBodiesDoNotHoldUpTheirOwnLocation(t *testing.T) {
	for name, test := range map[string]struct {
		stalled, concurrency int
		after                time.Duration // of the start, come other objects
	}{
		"64 at first":                        {64, 0, 10 * time.Second},
		"64 when they are tried again":       {64, 0, time.Hour},
		"1000":                               {1000, 0, 10 * time.Second},
		"64, and 8 are read at once":         {64, 8, 10 * time.Second},
		"64, and 8 of them are tried again":  {64, 8, time.Hour},
		"3, and no more than 1 read at once": {3, 1, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Concurrency = test.concurrency
				r.config.SweepInterval = 4 * time.Minute // so that the stream is listed each minute
				for i := range test.stalled {
					r.put(began.Add(time.Duration(i-test.stalled)*time.Second), "A", fmt.Sprintf("stalled%d", i))
				}
				r.bucket.SetFault(func(op, key string) error {
					if op == sourcetest.OpRead && strings.Contains(key, "-A123") {
						return sourcetest.Stall(1, time.Minute)
					}
					return nil
				})
				r.start()
				r.wait(test.after)
				var want []string
				for i := range 10 {
					id := fmt.Sprint("r", i)
					want = append(want, id)
					r.put(time.Now(), id, id)
				}
				r.wait(2*time.Minute + 2*time.Second) // two polls and a commit
				r.expect(want...)
				if got := r.metric("object_errors_total", "timeout"); got < 1 {
					t.Error("nothing shows that bodies stall")
				}
			})
		})
	}
}

// What is slow for everybody is read at last, however many wait: on a slow link, whose bytes
// all objects share, or behind a store that takes its time for each.
func TestScanner_SlowLinkIsNoLivelock(t *testing.T) {
	for name, concurrency := range map[string]int{"as many as can be used": 0, "8 at once": 8, "1 at once": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Concurrency = concurrency
				var want []string
				for i := range 400 {
					want = append(want, fmt.Sprint("r", i))
					r.put(began.Add(time.Duration(i-400)*time.Second), want[i], want[i])
				}
				r.bucket.SetFault(func(op, _ string) error {
					if op == sourcetest.OpRead {
						return sourcetest.Late(1, 45*time.Second)
					}
					return nil
				})
				r.start()
				r.wait(7 * 24 * time.Hour)
				r.expect(want...)
			})
		})
	}
}

// What has failed for slowness does not stay slow: after an outage, it is soon read.
func TestScanner_OutageIsMadeUpForSoon(t *testing.T) {
	inBubble(t, func(r *rig) {
		var want []string
		for i := range 2000 {
			want = append(want, fmt.Sprint("r", i))
			r.put(began.Add(time.Duration(i-2000)*time.Second), "A", want[i])
		}
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonTimeout, Err: errors.New("no answer")}
			}
			return nil
		})
		r.start()
		r.wait(3 * time.Hour)
		r.bucket.SetFault(nil)
		r.wait(50 * time.Minute) // two attempts are up to 45 minutes apart
		r.expect(want...)
	})
}

func TestScanner_NeverCountsAPartOfAnObject(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A", "r1", "r2")
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpRead {
				return sourcetest.Short(int64(len(logtest.AccessLog(began, "r1"))))
			}
			return nil
		})
		r.start()
		r.wait(time.Minute)
		r.expect()
		if got := r.metric("object_errors_total", "wrong_length"); got < 1 {
			t.Errorf("object_errors_total is %v, want at least 1", got)
		}
		if !strings.Contains(r.log.String(), key) {
			t.Errorf("%s is not in the log:\n%s", key, &r.log)
		}
		r.bucket.SetFault(nil)
		r.wait(time.Hour)
		r.expect("r1", "r2")
	})
}

// The bytes that an object may have are its decompressed ones, and it may have all of
// them.
func TestScanner_BoundsObjects(t *testing.T) {
	text := logtest.AccessLog(began, "r1", "r2", "r3")
	for name, stored := range map[string][]byte{"plain": text, "compressed": logtest.Gzip(text)} {
		for _, more := range []int64{-1, 0, 1} {
			t.Run(fmt.Sprint(name, more), func(t *testing.T) {
				inBubble(t, func(r *rig) {
					r.config.MaxObjectSize = int64(len(text)) + more
					r.bucket.Put(logtest.SimpleKey(began, "A"), stored, began)
					r.start()
					r.wait(time.Minute)
					if more >= 0 {
						r.expect("r1", "r2", "r3")
						return
					}
					r.expect()
					if r.metric("object_errors_total", "too_large") != 1 || r.metric("quarantined_objects") != 1 {
						t.Errorf("it is not shown as too large:\n%s", &r.log)
					}
				})
			})
		}
	}
}

func TestScanner_ObjectThatIsGoneIsResolved(t *testing.T) {
	inBubble(t, func(r *rig) {
		gone := r.put(began, "A", "r1")
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen {
				r.bucket.Delete(key)
			}
			return nil
		})
		r.start()
		r.wait(time.Hour)
		r.expect()
		if got := r.metric("object_errors_total", "gone"); got != 1 {
			t.Errorf("object_errors_total is %v, want 1", got)
		}
		if got := r.scanner.Status().Uncounted; got != (scanner.UncountedStatus{GoneObjects: 1}) {
			t.Errorf("the status has %+v", got)
		}
		if r.metric("pending_objects")+r.metric("quarantined_objects") != 0 || !strings.Contains(r.log.String(), gone) {
			t.Errorf("the object is still pending or quarantined, or was never named:\n%s", &r.log)
		}
	})
}

// A proxy's page with status 200 is no log, and nothing of it may pass for one.
func TestScanner_PageInPlaceOfALogIsQuarantined(t *testing.T) {
	inBubble(t, func(r *rig) {
		key := r.put(began, "A")
		page := []byte("<!DOCTYPE html>\n<html><body>Please log in to the network.</body></html>\n")
		r.bucket.Put(key, page, began)
		r.bucket.Put(logtest.SimpleKey(began, "B"), append(logtest.AccessLog(began, "r1"), "half a line"...), began)
		r.start()
		r.wait(time.Minute)
		r.expect("r1")
		if got := r.metric("object_errors_total", "not_a_log"); got != 1 {
			t.Errorf("%v objects are no logs, want 1", got)
		}
		if got := r.metric("quarantined_objects"); got != 1 {
			t.Errorf("%v objects are quarantined, want the page", got)
		}
		r.bucket.Put(key, logtest.AccessLog(began, "r2"), time.Now())
		r.wait(16 * time.Minute)
		r.expect("r1", "r2")
	})
}
