package scanner_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

var errSlowDown = errors.New("slow down")

// skewed gives the rig a wall clock of its own, and returns how to set it.
func (r *rig) skewed() (set func(time.Duration)) {
	var ahead atomic.Int64
	r.config.Now = func() time.Time { return jumped(r.t, time.Duration(ahead.Load())) }
	return func(by time.Duration) { ahead.Store(int64(by)) }
}

// jumped returns what time.Now does if the wall clock has jumped. As outside of a bubble,
// it has a monotonic reading, which has not jumped.
func jumped(t *testing.T, by time.Duration) time.Time {
	now := time.Now()
	wall := now.Add(by)
	// See "type Time" in package time.
	const hasMonotonic, secondsAt = 1 << 63, 30
	since1885 := wall.Unix() - time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	read := wall
	words := (*[2]uint64)(unsafe.Pointer(&read))
	words[0] = hasMonotonic | uint64(since1885)<<secondsAt | uint64(wall.Nanosecond())
	words[1] = uint64(now.Sub(began) + 24*time.Hour)
	if !read.Round(0).Equal(wall) || !strings.Contains(read.String(), " m=+") {
		t.Errorf("a time.Time is made otherwise: %v is %v", wall, read)
	}
	return read
}

const month = 31 * 24 * time.Hour

// A start that is still to come was noted by a clock that was ahead: now is now. That holds too
// where audits by that clock have passed over all that lay there, and of a location that is
// spelled in another way by then.
func TestScanner_FirstStartWithAClockAheadCountsOnceTheClockIsRight(t *testing.T) {
	for name, then := range map[string]func(r *rig){
		"while running":         nil,
		"at a restart":          func(*rig) {},
		"at a shorter spelling": func(r *rig) { r.prefix = "" },
	} {
		for _, ahead := range []time.Duration{26 * time.Hour, 30 * 24 * time.Hour} {
			for _, prefix := range []string{"acc", "access/2026"} { // which reaches into the dates
				t.Run(fmt.Sprint(name, ", ", ahead, ", ", prefix), func(t *testing.T) { testFirstStartAhead(t, ahead, prefix, then) })
			}
		}
	}
}

func testFirstStartAhead(t *testing.T, ahead time.Duration, prefix string, then func(r *rig)) {
	inBubble(t, func(r *rig) {
		set := r.skewed()
		set(ahead)
		r.prefix = prefix
		r.config.Since = 24 * time.Hour
		r.put(began.Add(-30*time.Hour), "A", "old")
		r.put(began.Add(-2*time.Hour), "B", "r1")
		r.start()
		r.put(began, "C", "r2")
		r.wait(time.Hour)
		r.expect()
		r.put(time.Now(), "D", "while") // which may count at once
		r.wait(30 * time.Minute)
		if then != nil {
			r.crash()
			then(r)
		}
		set(0)
		if then != nil {
			r.start()
		}
		r.wait(time.Minute)
		r.put(time.Now(), "E", "r3")
		r.wait(2 * time.Hour)
		r.expect("r1", "r2", "while", "r3")
		if n := strings.Count(r.log.String(), "the clock was wrong when the location was first read"); n != 1 {
			t.Errorf("the log has %d warnings, want 1:\n%s", n, &r.log)
		}
		r.crash()
		r.start()
		r.wait(30 * time.Hour)
		r.expect("r1", "r2", "while", "r3")
	})
}

// If the log is ahead of the clock, it is the clock that is wrong, and not the start.
func TestScanner_ClockBehindDoesNotCountWhatCameBeforeTheStart(t *testing.T) {
	inBubble(t, func(r *rig) {
		set := r.skewed()
		r.config.Since = 24 * time.Hour
		r.put(began.Add(-30*time.Hour), "A", "old")
		r.put(began.Add(-2*time.Hour), "B", "r1")
		r.start()
		r.wait(time.Hour)
		set(-month)
		r.put(time.Now(), "C", "r2")
		r.wait(30 * time.Hour)
		r.expect("r1", "r2")
		set(0)
		r.put(time.Now(), "D", "r3")
		r.wait(30 * time.Hour)
		r.expect("r1", "r2", "r3")
		if strings.Contains(r.log.String(), "starts anew") {
			t.Errorf("it starts anew:\n%s", &r.log)
		}
	})
}

// As long as nothing could be listed, as no certificate was valid yet, the start is the right
// clock's, whatever it was by that of before.
func TestScanner_ClockBehindBeforeTheFirstListingMovesTheStart(t *testing.T) {
	for name, test := range map[string]struct {
		behind  time.Duration
		restart bool
	}{"while running": {20 * 24 * time.Hour, false}, "at a restart, since a machine's first second": {time.Duration(began.Unix()-1e6) * time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				set := r.skewed()
				set(-test.behind)
				r.config.Since = 24 * time.Hour
				r.put(began.Add(-30*time.Hour), "A", "old")
				r.put(began.Add(-2*time.Hour), "B", "r1")
				r.bucket.SetFault(func(op, _ string) error {
					return &source.Error{Op: op, Reason: source.ReasonNetwork, Err: errors.New("certificate is not yet valid")}
				})
				r.start()
				r.wait(time.Hour)
				if test.restart {
					r.crash()
				}
				set(0)
				r.bucket.SetFault(nil)
				if test.restart {
					r.start()
				}
				r.wait(30 * time.Hour)
				r.expect("r1")
			})
		})
	}
}

// A stream that is found while the clock is ahead begins no later than one that is found at
// the right time.
func TestScanner_StreamBornWhileTheClockIsAheadLosesNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		set := r.skewed()
		r.start()
		r.wait(time.Hour)
		set(month)
		r.put(time.Now(), "A", "r1")
		r.wait(6 * time.Hour) // the stream is found
		r.put(time.Now().Add(-60*time.Hour), "B", "late")
		r.wait(6 * time.Hour)
		set(0)
		r.wait(30 * time.Hour)
		r.expect("r1", "late")
	})
}

// A clock that jumps loses nothing and doubles nothing, and is no secret.
func TestScanner_ClockThatJumpsLosesNothing(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": month, "back": -month} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.slow()
				set := r.skewed()
				fail := map[string]bool{}
				var failing atomic.Bool
				r.bucket.SetFault(func(op, key string) error {
					if op == sourcetest.OpOpen && failing.Load() && fail[key] {
						return &source.Error{Op: op, Key: key, Reason: source.ReasonThrottled, Err: errSlowDown}
					}
					return nil
				})
				r.put(began.Add(-50*time.Hour), "A", "r1")
				r.start()
				r.wait(6 * time.Hour)
				fail[logtest.SimpleKey(time.Now(), "P")] = true
				failing.Store(true)
				r.put(time.Now(), "P", "pending")
				r.wait(2 * time.Hour)
				set(by)
				r.put(time.Now(), "B", "r2")
				r.put(time.Now().Add(-40*time.Hour), "C", "late")
				r.wait(10 * time.Hour)
				failing.Store(false)
				r.wait(4 * time.Hour)
				r.expect("r1", "r2", "late", "pending")
				set(0)
				r.put(time.Now(), "D", "r3")
				r.put(time.Now().Add(-200*time.Hour), "E", "verylate")
				r.wait(30 * time.Hour)
				r.expect("r1", "r2", "r3", "late", "pending", "verylate")
				if n := strings.Count(r.log.String(), "the clock has jumped"); n != 2 {
					t.Errorf("the log has %d warnings of the clock, want 2:\n%s", n, &r.log)
				}
			})
		})
	}
}

// A month in which nothing ran is made up for.
func TestScanner_MonthOfDowntimeLosesNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		r.put(began, "A", "r1")
		r.start()
		r.wait(time.Hour)
		r.stop()
		r.put(began.Add(time.Hour), "B", "r2")
		time.Sleep(month)
		r.put(time.Now(), "C", "r3")
		r.start()
		r.wait(time.Hour)
		r.expect("r1", "r2", "r3")
	})
}

// A time that is to come is taken for what it is: the object counts, and what comes after
// it is neither late nor unseen.
func TestScanner_TimesToComeMoveNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		far := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
		r.bucket.Put(logtest.SimpleKey(far, "A"), logtest.AccessLog(began.Add(-time.Hour), "key"), time.Now())
		r.bucket.Put(logtest.SimpleKey(began, "B"), logtest.AccessLog(far, "record"), time.Now())
		r.start()
		r.wait(2 * time.Minute)
		r.put(time.Now(), "C", "r1")
		r.wait(2 * time.Minute)
		r.expect("key", "record", "r1")
		if got := r.metric("late_objects_total"); got != 0 {
			t.Errorf("%v objects are late, want none", got)
		}
		newest := r.metric("newest_event_timestamp_seconds", "server_access")
		if at := time.Unix(int64(newest), 0); at.After(time.Now()) || time.Since(at) > 3*time.Minute {
			t.Errorf("the newest request is of %v", at)
		}
		r.crash()
		r.start()
		r.wait(30 * time.Hour)
		r.expect("key", "record", "r1")
		if got := r.metric("newest_event_timestamp_seconds", "server_access"); got != newest {
			t.Errorf("after a restart the newest request is of %v", time.Unix(int64(got), 0))
		}
		if got := r.bucket.Opens(); got != 3 {
			t.Errorf("%d objects were read, want 3", got)
		}
	})
}
