package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestScanner_CountsEachObjectOnceAcrossRestarts(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began.Add(-time.Hour), "A", "r1", "r2")
		r.start()
		r.wait(3 * time.Second)
		r.expect("r1", "r2")
		r.put(time.Now(), "B", "r3")
		r.wait(2 * time.Minute)
		r.expect("r1", "r2", "r3")
		r.stop()
		r.put(time.Now(), "C", "r4")
		r.start()
		r.wait(3 * time.Second)
		r.expect("r1", "r2", "r3", "r4")
		r.crash()
		r.start()
		r.wait(72 * time.Hour)
		r.expect("r1", "r2", "r3", "r4")
	})
}

func TestScanner_StartsAtSince(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		r.put(began.Add(-25*time.Hour), "A", "old")
		r.put(began.Add(-23*time.Hour), "B", "new")
		r.wait(time.Minute) // a directory may have been copied just now
		r.start()
		r.wait(100 * time.Hour) // sweeps and audits do not bring it back
		r.expect("new")
	})
}

func TestScanner_CountsLateObjects(t *testing.T) {
	tests := map[string]struct {
		late   time.Duration // behind the newest object
		within time.Duration // the time in which it is counted
	}{
		"in the same second":  {0, 5 * time.Minute},
		"in the overlap":      {50 * time.Minute, 5 * time.Minute},
		"in the sweep window": {40 * time.Hour, 2 * time.Hour},
		"behind it":           {300 * time.Hour, 26 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.start()
				r.wait(time.Minute)
				newest := time.Now()
				r.put(newest, "M", "newest")
				r.wait(2 * time.Minute)
				r.expect("newest")
				r.put(newest.Add(-test.late), "A", "late")
				r.wait(test.within)
				r.expect("newest", "late")
				if got := r.metric("late_objects_total", "server_access"); got != 1 {
					t.Errorf("late_objects_total is %v, want 1", got)
				}
				r.crash()
				r.start()
				r.wait(200 * time.Hour) // through every later listing
				r.expect("newest", "late")
			})
		})
	}
}

func TestScanner_ReadsNothingOutsideOfItsPrefix(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.prefix = "access/2026-03-0"
		r.put(began, "A", "in")
		r.put(began.Add(-10*24*time.Hour), "B", "before")
		r.put(began.Add(10*24*time.Hour), "C", "behind")
		r.start()
		r.wait(30 * time.Hour)
		r.expect("in")
	})
}

// Objects by event time all have midnight in their keys, and come for days.
func TestScanner_CountsEventTimePartitions(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		n := 0
		put := func(day time.Time, id string) {
			n++
			key := fmt.Sprintf("111122223333/eu-west-1/b/%s-%016X", day.Format("2006/01/02/2006-01-02-00-00-00"), (n*7919)%9973)
			r.bucket.Put(key, logtest.AccessLog(day, id), time.Now())
		}
		r.start()
		var want []string
		for hour := range 100 {
			id := fmt.Sprint("r", hour)
			want = append(want, id)
			put(time.Now().Add(-time.Duration(hour%5)*24*time.Hour), id)
			r.wait(time.Hour)
		}
		r.wait(26 * time.Hour)
		r.expect(want...)
	})
}

func TestScanner_FindsNewStreamsWhileRunning(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.wait(10 * time.Minute)
		body := logtest.AccessLog(time.Now(), "r1")
		r.bucket.Put("444455556666/us-east-1/other/"+time.Now().UTC().Format("2006/01/02/2006-01-02-15-04-05-")+"0123456789ABCDEF", body, time.Now())
		r.wait(time.Hour)
		r.expect("r1")
	})
}

func TestScanner_CountsWhatItSkipsOnceByReason(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.bucket.Put("AWSLogs/", nil, began)
		for i := range 3 {
			r.bucket.Put(fmt.Sprintf("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/04/%d.json.gz", i), nil, began)
			r.bucket.Put(fmt.Sprintf("data/%d", i), nil, began)
		}
		r.start()
		r.wait(10 * time.Hour)
		r.bucket.Put("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/04/9.json.gz", nil, time.Now())
		r.wait(2 * time.Hour)
		for reason, want := range map[string]float64{"folder": 1, "digest": 4, "not_a_log": 3} {
			if got := r.metric("skipped_objects_total", reason); got != want {
				t.Errorf("skipped_objects_total of %s is %v, want %v", reason, got, want)
			}
		}
		if r.bucket.Opens() != 0 {
			t.Error("a skipped object was opened")
		}
	})
}

func TestScanner_CountsAnEventOfCloudTrailOnceAcrossRestarts(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.DedupeWindow = 100
		deliver := func(ids ...string) {
			at := time.Now().UTC()
			key := "AWSLogs/111122223333/CloudTrail/us-east-1/" + at.Format("2006/01/02/") +
				"111122223333_CloudTrail_us-east-1_" + at.Format("20060102T1504Z_") + "aBcDeFgHiJkLmNoP.json.gz"
			r.bucket.Put(key, logtest.Trail(at, ids...), at)
		}
		deliver("e1", "e2", "e2")
		r.start()
		r.wait(time.Minute)
		deliver("e2", "e3")
		r.wait(5 * time.Minute)
		r.expect("e1", "e2", "e3")
		if got := r.metric("skipped_records_total", "cloudtrail", "duplicate"); got != 2 {
			t.Errorf("skipped_records_total is %v, want 2", got)
		}
		r.crash()
		deliver("e1", "e3", "e4")
		r.start()
		r.wait(5 * time.Minute)
		r.expect("e1", "e2", "e3", "e4")
		if got := r.metric("skipped_records_total", "cloudtrail", "duplicate"); got != 2 {
			t.Errorf("skipped_records_total is %v after a restart, want 2", got)
		}
	})
}

func TestScanner_IsReadyAfterTheBacklog(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		release := make(chan struct{})
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				<-release
			}
			return nil
		})
		r.start()
		r.wait(time.Minute)
		if r.scanner.Ready() == nil {
			t.Error("ready before the backlog was read")
		}
		close(release)
		r.wait(3 * time.Second)
		if err := r.scanner.Ready(); err != nil {
			t.Error(err)
		}
		r.expect("r1")
	})
}

func TestScanner_FirstListingThatDoesNotEndIsShown(t *testing.T) {
	inBubble(t, func(r *rig) {
		hang := make(chan struct{})
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpList {
				<-hang
			}
			return nil
		})
		started := time.Now()
		r.start()
		r.wait(2 * time.Hour)
		if got := r.metric("last_poll_timestamp_seconds"); got != float64(started.Unix()) {
			t.Errorf("the last listing is shown as of %v, want that it goes on since %d", got, started.Unix())
		}
		close(hang)
	})
}

func TestScanner_FailedListingIsShownAndTriedAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		var failing atomic.Bool
		failing.Store(true)
		r.put(began, "A", "r1")
		r.bucket.SetFault(func(op, key string) error {
			if failing.Load() && op == sourcetest.OpList {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("denied")}
			}
			return nil
		})
		r.start()
		r.wait(5 * time.Minute)
		if r.metric("last_poll_success") != 0 || r.scanner.Ready() == nil {
			t.Error("a failed listing looks like success")
		}
		if n := strings.Count(r.log.String(), "denied"); n != 1 {
			t.Errorf("the failure is logged %d times, want once", n)
		}
		failing.Store(false)
		r.wait(2 * time.Minute)
		if r.metric("last_poll_success") != 1 || r.scanner.Ready() != nil {
			t.Error("a listing that works again looks like failure")
		}
		r.expect("r1")
	})
}

// Years of objects make listing no dearer than a day of them does.
func TestScanner_CostOfListingDoesNotFollowHistory(t *testing.T) {
	pages := func(days int) (n int) {
		inBubble(t, func(r *rig) {
			r.config.Since = 24 * time.Hour
			for hour := range days * 24 {
				r.put(began.Add(time.Duration(hour-days*24)*time.Hour), "A")
			}
			r.start()
			r.wait(10 * time.Minute)
			before := r.bucket.Pages()
			r.wait(24 * time.Hour)
			n = r.bucket.Pages() - before
		})
		return n
	}
	day, years := pages(2), pages(3*365)
	// A simple stream costs each search for streams one request a year of history.
	if years > day+24*5 {
		t.Errorf("a day of listing takes %d requests after 3 years, %d after 2 days", years, day)
	}
	t.Logf("requests a day: %d after 2 days, %d after 3 years", day, years)
}

func TestScanner_FindsStreamsBetweenForeignObjects(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		for years := range 3 {
			at := began.AddDate(-years, 0, 0)
			r.bucket.Put("logs/"+at.Format("2006/01/02/")+"picture.jpg", nil, at)
		}
		r.start()
		r.wait(time.Minute)
		for i, account := range []string{"202412345678", "202512345678", "999911112222"} {
			key := logtest.PartitionedKey("logs/"+account+"/eu-west-1/bucket/", time.Now(), "0123456789ABCDEF")
			r.bucket.Put(key, logtest.AccessLog(time.Now(), fmt.Sprint("r", i)), time.Now())
		}
		r.wait(2 * time.Hour)
		r.expect("r0", "r1", "r2")
	})
}

func TestScanner_IdleStreamIsListedLess(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.wait(12 * time.Hour)
		before := r.bucket.Pages()
		r.wait(time.Hour)
		if got := r.bucket.Pages() - before; got > 8 {
			t.Errorf("an idle stream takes %d listings an hour, want at most 8", got)
		}
		r.put(time.Now(), "B", "r2")
		r.wait(16 * time.Minute) // a quarter of the sweep interval
		r.expect("r1", "r2")
		before = r.bucket.Pages()
		for i := range 10 {
			r.put(time.Now(), "C", fmt.Sprint("m", i))
			r.wait(time.Minute)
		}
		if got := r.bucket.Pages() - before; got < 9 {
			t.Errorf("a stream that moves was listed %d times in 10 minutes", got)
		}
	})
}

func TestScanner_RunEndsWithItsContext(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpRead {
				r.stopping()
				return context.Canceled
			}
			return nil
		})
		r.start()
		r.wait(time.Minute)
		r.expect()
		r.stop()
		if got := r.metric("object_errors_total"); got != 0 || strings.Contains(r.log.String(), "context canceled") {
			t.Errorf("what ended is shown as %v failures of objects:\n%s", got, &r.log)
		}
		r.bucket.SetFault(nil)
		r.start()
		r.wait(time.Minute)
		r.expect("r1")
	})
}
