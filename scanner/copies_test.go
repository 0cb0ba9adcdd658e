package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// slow makes days pass with few listings.
func (r *rig) slow() {
	r.config.Interval, r.config.SweepInterval = time.Hour, 4*time.Hour
}

// copyAll copies all objects onto themselves: as they are, or with another ETag.
func (r *rig) copyAll(bodies map[string][]byte, otherETag bool) {
	for key, body := range bodies {
		if otherETag {
			body = append([]byte("\n"), body[:len(body)-1]...) // as long as before
		}
		r.bucket.Put(key, body, time.Now())
	}
}

// Re-encryption, another storage class, restored and replicated objects, "cp -r" without
// -p: all of them are modified now, and are the same objects.
func TestScanner_CopiesNeverCount(t *testing.T) {
	for name, otherETag := range map[string]bool{"as they are": false, "with another ETag": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.slow()
				r.config.Since = 24 * time.Hour
				bodies := make(map[string][]byte)
				put := func(at time.Time, id string) {
					key := r.put(at, "A", id)
					bodies[key] = logtest.AccessLog(at, id)
				}
				for days := range 28 {
					put(began.AddDate(0, 0, -2-days), "old")
				}
				r.wait(time.Minute)
				r.start()
				r.wait(2 * time.Hour)
				var want []string
				for day := range 27 {
					id := fmt.Sprint("r", day)
					want = append(want, id)
					put(time.Now(), id)
					r.wait(24 * time.Hour)
				}
				r.expect(want...)
				r.copyAll(bodies, otherETag)
				r.wait(50 * time.Hour)
				r.expect(want...)
				r.crash()
				r.copyAll(bodies, !otherETag)
				r.start()
				r.wait(100 * time.Hour)
				r.expect(want...)
				if got := r.metric("changed_objects_total", "size"); got != 0 {
					t.Errorf("%v objects have another size, want none", got)
				}
				if got := r.metric("changed_objects_total", "content"); got == 0 {
					t.Error("none has another ETag")
				}
			})
		})
	}
}

// What lay there before the start is marked by the first listing, so that only what comes
// later is late, whatever its time of modification.
func TestScanner_FirstAuditMarksWithoutCounting(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slow()
		r.config.Since = 24 * time.Hour
		key := r.put(began.Add(-100*time.Hour), "A", "old")
		r.start()
		r.wait(time.Minute)
		r.bucket.Put(key, logtest.AccessLog(began, "old"), time.Now())
		r.bucket.Put(logtest.SimpleKey(began.Add(-101*time.Hour), "B"), logtest.AccessLog(began, "late"), began.Add(-100*time.Hour))
		r.wait(26 * time.Hour)
		r.expect("late")
		if got := r.bucket.Opens(); got != 1 {
			t.Errorf("%d objects were read, want 1", got)
		}
	})
}

// With a longer window an audit comes across objects whose marks were forgotten, and may
// have been counted.
func TestScanner_WidenedAuditWindowCountsNothingAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slow()
		r.config.SweepWindow, r.config.AuditWindow, r.config.AuditInterval = 8*time.Hour, 30*time.Hour, 6*time.Hour
		bodies := make(map[string][]byte)
		var want []string
		r.start()
		for day := range 10 {
			id := fmt.Sprint("r", day)
			bodies[r.put(time.Now(), "A", id)] = logtest.AccessLog(time.Now(), id)
			want = append(want, id)
			r.wait(24 * time.Hour)
		}
		r.stop()
		r.config.AuditWindow = 300 * time.Hour
		r.copyAll(bodies, false)
		r.start()
		r.wait(12 * time.Hour)
		r.expect(want...)
		r.put(time.Now().Add(-200*time.Hour), "B", "late")
		r.wait(12 * time.Hour)
		r.expect(append(want, "late")...)
	})
}

// settling is a store that leaves an object out of its listings for a while, as a
// directory does with a file that was modified just now.
type settling struct {
	source.Source
	key   string
	until time.Time
}

func (s *settling) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		for obj, err := range s.Source.List(ctx, prefix, startAfter) {
			if err == nil && obj.Key == s.key && time.Now().Before(s.until) {
				source.LeftOut(ctx, obj.Key)
				continue
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}

// What is copied onto itself just when such an audit comes is not listed by it.
func TestScanner_WidenedAuditWindowCountsNothingAgainThatIsCopiedMeanwhile(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slow()
		r.config.SweepWindow, r.config.AuditWindow, r.config.AuditInterval = 8*time.Hour, 30*time.Hour, 6*time.Hour
		var want, keys []string
		r.start()
		for day := range 10 {
			id := fmt.Sprint("r", day)
			keys, want = append(keys, r.put(time.Now(), "A", id)), append(want, id)
			r.wait(24 * time.Hour)
		}
		r.stop()
		r.config.AuditWindow = 300 * time.Hour
		r.store = &settling{Source: r.bucket, key: keys[3], until: time.Now().Add(7 * time.Hour)}
		r.start()
		r.wait(24 * time.Hour)
		r.expect(want...)
		r.put(time.Now().Add(-200*time.Hour), "B", "late")
		r.wait(12 * time.Hour)
		r.expect(append(want, "late")...)
	})
}

// An object whose commit comes after its day's marks were read, and before the listing
// comes to it, counts once.
func TestScanner_CommitInTheMiddleOfAListingCountsOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.bucket.PageSize = 1
		r.config.Interval = time.Minute
		var slowPages, slowBodies atomic.Bool
		slowBodies.Store(true)
		r.bucket.SetFault(func(op, key string) error {
			switch {
			case op == sourcetest.OpList && slowPages.Load():
				time.Sleep(20 * time.Second)
			case op == sourcetest.OpOpen && slowBodies.Load() && key == logtest.SimpleKey(began.Add(time.Second), "B"):
				time.Sleep(90 * time.Second) // it leaves the queue while the next listing is under way
			}
			return nil
		})
		r.put(began, "A", "r1")
		r.put(began.Add(time.Second), "B", "r2")
		r.start()
		r.wait(time.Second)
		slowPages.Store(true)
		r.wait(5 * time.Minute)
		r.expect("r1", "r2")
	})
}

// A stream's state can be moved: whoever has it goes on where the other one was.
func TestScanner_GoesOnFromAMovedState(t *testing.T) {
	inBubble(t, func(r *rig) {
		bad := r.put(began, "A")
		r.bucket.Put(bad, []byte("\x1f\x8bbroken"), began)
		r.put(began.Add(time.Second), "B", "r1")
		r.start()
		r.wait(time.Minute)
		r.stop()
		from, err := checkpoint.Open(r.path)
		if err != nil {
			t.Fatal(err)
		}
		r.path += ".moved"
		to, err := checkpoint.Open(r.path)
		if err != nil {
			t.Fatal(err)
		}
		id := checkpoint.StreamID{Store: "aws/logs", Stream: "s:access/"}
		err = from.View(func(source *checkpoint.Tx) error {
			return to.Update(func(tx *checkpoint.Tx) error { return tx.CopyStream(source, id) })
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := from.Close(); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		r.put(began.Add(2*time.Second), "C", "r2")
		r.start()
		r.wait(time.Minute)
		r.expect("r2") // the counters are not the stream's
		if got := r.metric("quarantined_objects"); got != 1 {
			t.Errorf("%v objects are quarantined, want the one that was", got)
		}
	})
}

// What is late in one stream counts, whatever keeps another one from being listed, and for
// however long.
func TestScanner_LateObjectsCountWhileAnotherStreamCannotBeListed(t *testing.T) {
	for name, restart := range map[string]bool{"one process": false, "a restart": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.slow()
				r.config.Since = 24 * time.Hour
				r.put(began.Add(-100*time.Hour), "A", "old")
				r.put(began, "C", "new")
				r.bucket.Put(logtest.PartitionedKey("broken/", began, "0123456789ABCDEF"), logtest.AccessLog(began, "other"), began)
				r.bucket.SetFault(func(op, key string) error {
					if op == sourcetest.OpList && key == "broken/" {
						return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("no right to list it")}
					}
					return nil
				})
				r.start()
				r.wait(2 * time.Hour)
				r.put(began.Add(-101*time.Hour), "B", "late")
				if restart {
					r.stop()
					r.start()
				}
				r.wait(50 * time.Hour)
				r.expect("new", "late")
				r.bucket.SetFault(nil)
				r.wait(5 * time.Hour)
				r.expect("new", "late", "other")
			})
		})
	}
}
