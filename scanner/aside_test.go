package scanner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// A location that is green and empty has a reason, also where only content shows the logs, and
// they are older than audits look back: they show, and nothing else becomes of them.
func TestScanner_ShowsWhatLiesBeforeTheStartWithFreeKeys(t *testing.T) {
	for name, layout := range freeKeys {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				for i := range 3 {
					r.putFree(layout, began.AddDate(0, 0, -40-i), "old", logtest.AccessJSON(began, "old"))
				}
				for range 2 { // the second process knows it from the checkpoint
					r.start()
					r.wait(30 * time.Hour)
					if l := r.scanner.Status().Locations[0]; l.BeforeStart != 3 || l.BeforeStartMore || len(l.Streams) > 0 || len(l.Skipped) > 0 {
						t.Errorf("%d objects before the start, more: %v; streams %+v, skipped %+v", l.BeforeStart, l.BeforeStartMore, l.Streams, l.Skipped)
					}
					r.stop()
				}
				if n := strings.Count(r.log.String(), "lie before the start"); n != 1 {
					t.Errorf("the log has %d lines of them:\n%s", n, &r.log)
				}
				if opens := r.bucket.Opens(); opens != 1 {
					t.Errorf("%d objects were opened", opens)
				}
				r.putFree(layout, time.Now().AddDate(0, 0, -20), "late", logtest.AccessJSON(began, "r1"))
				r.putFree(layout, time.Now(), "new", logtest.AccessJSON(began, "r2"))
				r.start()
				r.wait(30 * time.Hour)
				r.expect("r1", "r2")
			})
		})
	}
}

// What lies before the start is looked at within bounds, and not at all where more is known of
// its stream.
func TestScanner_LooksAtLittleOfWhatLiesBeforeTheStart(t *testing.T) {
	other, old := []byte(`{"level":"info"}`), began.AddDate(0, 0, -40)
	days := freeKeys["days"]
	for name, test := range map[string]struct {
		put           func(r *rig)
		before        int
		more          bool
		opens, pages  int // at most
		log           string
		counts        []string
		stalls, fails bool
	}{
		"behind other objects": {func(r *rig) {
			for i := range 10 {
				r.putFree(days, old, fmt.Sprint("a", i), other)
				r.putFree(days, old.AddDate(0, 0, 1), fmt.Sprint("b", i), logtest.AccessJSON(old, "old"))
			}
		}, 10, false, 5, 6, "", nil, false, false},
		"many": {func(r *rig) {
			for i := range 10_500 {
				r.putFree(days, old, fmt.Sprintf("%05d", i), logtest.AccessJSON(old, "old"))
			}
		}, 10_000, true, 1, 15, "", nil, false, false},
		"many streams without logs": {func(r *rig) {
			for i := range 3000 {
				r.putFree(freeKey{fmt.Sprint("app", i%100, "/"), "2006/01/02/"}, old, fmt.Sprintf("%c%d", 'a'+i%26, i), other)
			}
		}, 0, false, 16 * 16, 250, "", nil, false, false},
		"a stream that goes on": {func(r *rig) {
			r.putFree(days, old, "a", logtest.AccessJSON(old, "old"))
			r.putFree(days, began, "a", logtest.AccessJSON(began, "r1"))
		}, 0, false, 2, 10, "", []string{"r1"}, false, false},
		"refused": {func(r *rig) { r.putFree(days, old, "a", logtest.AccessJSON(old, "old")) }, 0, false, 1, 6, "could not be looked at", nil, false, true},
		"stalled": {func(r *rig) { r.putFree(days, old, "a", logtest.AccessJSON(old, "old")) }, 0, false, 1, 6, "could not be looked at", nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				test.put(r)
				r.bucket.SetFault(func(op, _ string) error {
					switch {
					case test.fails && op == sourcetest.OpOpen:
						return errors.New("access denied")
					case test.stalls && op == sourcetest.OpRead:
						return sourcetest.Stall(1, time.Hour)
					}
					return nil
				})
				r.start()
				r.wait(time.Minute)
				if l := r.scanner.Status().Locations[0]; l.BeforeStart != test.before || l.BeforeStartMore != test.more || r.scanner.Ready() != nil {
					t.Errorf("%d objects before the start, more: %v; ready: %v", l.BeforeStart, l.BeforeStartMore, r.scanner.Ready())
				}
				if opens, pages := r.bucket.Opens(), r.bucket.Pages(); opens > test.opens || pages > test.pages {
					t.Errorf("%d objects were opened, and %d pages listed", opens, pages)
				}
				if !strings.Contains(r.log.String(), test.log) {
					t.Errorf("%q is missing:\n%s", test.log, &r.log)
				}
				r.expect(test.counts...)
			})
		})
	}
}
