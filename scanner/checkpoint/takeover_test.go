package checkpoint_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// A process may show what it has committed for half of its Takeover. So nobody takes over
// before, whatever the other's is, and both are told.
func TestJournal_WaitsForTheLongerTakeoverOfTwo(t *testing.T) {
	for name, test := range map[string]struct {
		first, second time.Duration
		snapshots     int  // of the first one
		warned        bool // the second one
	}{
		"the standby's is shorter":                            {10 * time.Minute, time.Minute, 0, true},
		"the standby's is shorter, and there is a snapshot":   {10 * time.Minute, time.Minute, 1, true},
		"the standby's is longer":                             {time.Minute, 10 * time.Minute, 0, true},
		"both are the same":                                   {time.Minute, time.Minute, 0, false},
		"both are the same, and the last one had another one": {time.Minute, time.Minute, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(journaltest.Fake)
				if test.snapshots < 0 {
					join(t, checkpoint.JournalConfig{Objects: store, Writer: "before", Takeover: time.Hour}).lead().end()
				}
				firstStore := mutedStore{Fake: store}
				first := join(t, checkpoint.JournalConfig{Objects: &firstStore, Writer: "a", Takeover: test.first, SnapshotSegments: max(0, test.snapshots)}).lead()
				first.mustPut("1", "2", "3")
				time.Sleep(10 * time.Second) // for a snapshot
				var log bytes.Buffer
				second := join(t, checkpoint.JournalConfig{
					Objects: store, Writer: "b", Takeover: test.second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				})
				time.Sleep(50 * time.Minute)
				if second.isLeading() || !first.journal.Live() {
					t.Fatal("a process that is idle and alive is not left alone")
				}
				firstStore.muted.Store(true)
				for silent := time.Now(); !second.isLeading(); time.Sleep(time.Second) {
					if time.Since(silent) > time.Hour {
						t.Fatal("it does not take over")
					}
				}
				if first.journal.Live() {
					t.Error("both show counters")
				}
				second.holds("1", "2", "3")
				got := strings.Contains(log.String(), "level=WARN")
				if got != test.warned || got && (!strings.Contains(log.String(), "active=a") || !strings.Contains(log.String(), "active_takeover="+test.first.String())) {
					t.Errorf("a warning: %v, want %v:\n%s", got, test.warned, log.String())
				}
				firstStore.muted.Store(false)
				<-first.ended
			})
		})
	}
}
