package scanner_test

import (
	"testing"
	"time"
)

// What comes late counts, also where the location's prefix reaches into the dates of keys; and
// what lay outside of that prefix before the start does not, once it is listed.
func TestScanner_CountsLateObjectsOfAPrefixThatReachesIntoTheDates(t *testing.T) {
	const whole, part, day = "access/", "access/2026-03", 24 * time.Hour
	for name, before := range map[string]string{"that prefix first": part, "the whole stream first": whole} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.slow()
				r.config.Since, r.config.AuditWindow = 24*time.Hour, 10*day
				r.prefix = before
				r.put(began.Add(-8*day), "A", "outside")
				r.put(began.Add(-15*day), "A", "faroutside")
				r.put(began.Add(-2*day), "A", "old")
				r.put(began, "A", "new")
				r.start()
				r.wait(2 * time.Hour)
				r.stop()

				r.prefix, r.config.AuditWindow = part, 20*day
				r.start()
				r.wait(2 * time.Hour)
				r.expect("new")
				r.put(began.Add(-3*day), "B", "late")
				r.wait(30 * time.Hour)
				r.expect("new", "late")
				r.stop()

				r.prefix = whole
				r.start()
				r.wait(2 * time.Hour)
				r.put(began.Add(-15*day), "B", "farlate")
				r.wait(30 * time.Hour)
				r.expect("new", "late", "farlate")
			})
		})
	}
}
