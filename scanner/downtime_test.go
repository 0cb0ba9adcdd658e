package scanner_test

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// What comes during a downtime longer than an audit looks back counts, wherever it sorts,
// also if the process is killed while it catches up.
func TestScanner_LongDowntimeLosesNothing(t *testing.T) {
	for name, killed := range map[string]bool{"caught up": false, "killed while it catches up": true} {
		t.Run(name, func(t *testing.T) { testLongDowntime(t, killed) })
	}
}

func testLongDowntime(t *testing.T, killed bool) {
	inBubble(t, func(r *rig) {
		r.slow()
		last := r.put(began, "8", "A")
		r.start()
		r.wait(30 * time.Hour)
		r.expect("A")
		r.crash()
		r.wait(2 * month)
		r.put(began, "1", "B") // below the last one that was counted
		r.put(began, "9", "C")
		r.put(began.Add(-20*24*time.Hour), "1", "D") // and long before it
		r.put(time.Now(), "8", "E")
		if killed {
			release := make(chan struct{})
			r.bucket.SetFault(func(op, key string) error {
				if op == "open" && key < last {
					<-release // read slowly
					return errors.New("too late")
				}
				return nil
			})
			r.start()
			r.wait(time.Hour)
			r.expect("A", "C", "E")
			go func() {
				time.Sleep(time.Second)
				close(release)
			}()
			r.crash()
			r.bucket.SetFault(nil)
		}
		r.start()
		r.wait(3 * 24 * time.Hour)
		r.expect("A", "B", "C", "D", "E")
		if log := r.log.String(); strings.Contains(log, "level=ERROR") {
			t.Error(log)
		}
	})
}

// Nor does it count anything again: what the last audit before it has seen is remembered until
// another one is complete.
func TestScanner_LongDowntimeCountsNothingAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slow()
		var ids []string
		for i := range 20 {
			ids = append(ids, "r"+strings.Repeat("x", i))
			r.put(began.Add(-time.Duration(i)*24*time.Hour), "8", ids[i])
		}
		r.start()
		r.wait(30 * time.Hour)
		r.expect(ids...)
		for range 3 {
			r.crash()
			r.wait(2 * month)
			ids = append(ids, "new"+ids[len(ids)-1])
			r.put(time.Now(), "8", ids[len(ids)-1])
			r.start()
			r.wait(3 * 24 * time.Hour)
			r.expect(ids...)
		}
	})
}
