package scanner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// What cannot be looked at may be a log object: as long as that may pass, nobody is told that
// all is read, and it is looked at again in the next round.
func TestScanner_TriesAgainToLookAtAnObject(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.putFree(freeKeys["days"], began, "A", logtest.AccessJSON(began, "r1"))
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				return &source.Error{Op: op, Reason: source.ReasonNetwork, Err: errors.New("connection refused")}
			}
			return nil
		})
		r.start()
		r.wait(10 * time.Minute)
		location := r.scanner.Status().Locations[0]
		if err := r.scanner.Ready(); err == nil || location.PollError == "" || !location.NotLookedAt {
			t.Errorf("ready: %v, %+v", err, location)
		}
		r.bucket.SetFault(nil)
		r.wait(2 * time.Minute)
		r.expect("r1")
		location = r.scanner.Status().Locations[0]
		if err := r.scanner.Ready(); err != nil || location.PollError != "" || location.NotLookedAt {
			t.Errorf("ready: %v, %+v", err, location)
		}
	})
}

// What its store refuses keeps no location from being read, but shows, and is looked at
// again by each search.
func TestScanner_ShowsWhatItMayNotLookAt(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.putFree(freeKeys["days"], began, "A", logtest.AccessJSON(began, "r1"))
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("forbidden")}
			}
			return nil
		})
		r.start()
		r.wait(10 * time.Minute)
		location := r.scanner.Status().Locations[0]
		if err := r.scanner.Ready(); err != nil || location.PollError != "" || !location.NotLookedAt {
			t.Errorf("ready: %v, %+v", err, location)
		}
		if !strings.Contains(r.log.String(), "object could not be looked at") {
			t.Error("nobody was told")
		}
		r.bucket.SetFault(nil)
		r.wait(2 * time.Hour)
		r.expect("r1")
		if location = r.scanner.Status().Locations[0]; location.NotLookedAt {
			t.Errorf("%+v", location)
		}
	})
}

// What the first search could not look at may have lain there before the start. What begins
// later has come since, whatever the first search could not look at elsewhere.
func TestScanner_BlindInOneStreamIsBlindInNoOther(t *testing.T) {
	for _, many := range []int{1, 20} {
		inBubble(t, func(r *rig) {
			r.slow()
			r.config.Since = 24 * time.Hour
			put := func(stream string, at time.Time, id string) {
				r.putFree(freeKey{stream, "2006/01/02/15/"}, at, id, logtest.AccessJSON(at, id))
			}
			for i := range many {
				put(fmt.Sprintf("here%02d/", i), began.Add(-100*time.Hour), fmt.Sprint("old", i))
				put(fmt.Sprintf("here%02d/", i), began, fmt.Sprint("new", i))
			}
			r.bucket.SetFault(func(op, key string) error {
				if op == sourcetest.OpOpen {
					return &source.Error{Op: op, Key: key, Reason: []source.Reason{source.ReasonAccessDenied, source.ReasonRead}[many%2], Err: errors.New("no")}
				}
				return nil
			})
			r.start()
			r.wait(time.Minute)
			r.bucket.SetFault(nil)
			put("since/", time.Now().Add(-200*time.Hour), "late")
			put("since/", time.Now(), "born")
			want := []string{"late", "born"}
			for i := range many {
				want = append(want, fmt.Sprint("new", i))
			}
			r.wait(100 * time.Hour)
			r.expect(want...)
		})
	}
}

// A name that cannot be kept makes all that comes later from before the start pass for what
// lay there, rather than count what did.
func TestScanner_BlindInAStreamOfAnOddNameCountsNothingFromBefore(t *testing.T) {
	for _, name := range []string{"he\nre/", "her\xffe/"} {
		inBubble(t, func(r *rig) {
			r.slow()
			r.config.Since = 24 * time.Hour
			odd := freeKey{name, "2006/01/02/15/"}
			r.putFree(odd, began.Add(-100*time.Hour), "A", logtest.AccessJSON(began, "old"))
			r.putFree(odd, began, "B", logtest.AccessJSON(began, "new"))
			r.bucket.SetFault(func(op, key string) error {
				if op == sourcetest.OpOpen {
					return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("no")}
				}
				return nil
			})
			r.start()
			r.wait(time.Minute)
			r.bucket.SetFault(nil)
			r.wait(100 * time.Hour)
			r.expect("new")
		})
	}
}
