package scanner_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

var errFull = errors.New("no space left on device")

// counted counts the transactions of a Checkpoint, and can make them fail, or hang.
type counted struct {
	scanner.Checkpoint
	updates atomic.Int64
	fail    atomic.Bool
	hangs   atomic.Pointer[chan struct{}] // closed once they go on; nil: they do not hang
}

func (c *counted) hang() {
	mended := make(chan struct{})
	c.hangs.Store(&mended)
}

// mend lets those go on that hang.
func (c *counted) mend() {
	if mended := c.hangs.Swap(nil); mended != nil {
		close(*mended)
	}
}

func (c *counted) Update(fn func(*checkpoint.Tx) error) error {
	c.updates.Add(1)
	if c.fail.Load() {
		return errFull
	}
	if mended := c.hangs.Load(); mended != nil {
		<-*mended
	}
	return c.Checkpoint.Update(fn)
}

// counting makes the rig count the transactions.
func (r *rig) counting() *counted {
	c := new(counted)
	r.wrap = func(state scanner.Checkpoint) scanner.Checkpoint {
		c.Checkpoint = state
		return c
	}
	return c
}

// However many streams there are, tidying is one transaction, at a start and at midnight;
// and none when there is nothing to do away with.
func TestScanner_TidiesAllStreamsInOneTransaction(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Interval, r.config.SweepInterval = 4*time.Hour, 8*time.Hour
		r.config.SweepWindow, r.config.AuditWindow, r.config.AuditInterval = 8*time.Hour, 30*time.Hour, 24*time.Hour
		const streams = 300
		put := func(id string) {
			for i := range streams {
				key := logtest.PartitionedKey(fmt.Sprintf("1111222233%02d/eu-west-1/b%d/", i%100, i), time.Now(), "0123456789ABCDEF")
				r.bucket.Put(key, logtest.AccessLog(time.Now(), fmt.Sprint(id, i)), time.Now())
			}
		}
		c := r.counting()
		put("a")
		r.start()
		r.wait(5 * time.Hour)
		for day := range 4 {
			put(fmt.Sprint("b", day))
			r.wait(5 * time.Hour) // they are read
			before := c.updates.Load()
			r.wait(3 * time.Hour)
			if got := c.updates.Load() - before; got != 0 {
				t.Errorf("%d transactions although nothing happens", got)
			}
			r.wait(16 * time.Hour) // through midnight
			if got := c.updates.Load() - before; got > 8 {
				t.Errorf("%d transactions in 19 hours with %d streams, want 8 at most", got, streams)
			}
		}
		r.stop()
		before := c.updates.Load()
		r.start()
		r.wait(time.Hour)
		if got := c.updates.Load() - before; got > 3 {
			t.Errorf("%d transactions at a start with %d streams, want 3 at most", got, streams)
		}
		report := r.verify()
		if want := 3 * streams; report.Stores[0].Marks > want {
			t.Errorf("%d marks are kept, want %d at most", report.Stores[0].Marks, want)
		}
	})
}

// verify returns what the checkpoint holds, once the Scanner has ended.
func (r *rig) verify() *checkpoint.Report {
	r.t.Helper()
	r.stop()
	report, err := checkpoint.Verify(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// Whatever would be written now, nobody would find again: a counter that showed it would
// fall at the next start.
func TestScanner_ExposesNothingOnceTheCheckpointIsGone(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.wait(time.Minute)
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		r.put(time.Now(), "B", "r2")
		r.wait(10 * time.Minute)
		r.expect("r1")
		if err := r.scanner.Ready(); !errors.Is(err, checkpoint.ErrReplaced) || !strings.Contains(err.Error(), r.path) {
			t.Errorf("Ready: %v, want ErrReplaced with the path", err)
		}
		if got := r.metric("checkpoint_commit_failures_total"); got == 0 {
			t.Error("checkpoint_commit_failures_total is 0")
		}
		if n := strings.Count(r.log.String(), "the checkpoint cannot be written"); n != 1 {
			t.Errorf("the log has %d errors, want 1:\n%s", n, &r.log)
		}
		r.stopping()
		if err := errors.Join(<-r.stopped, r.state.Close()); !errors.Is(err, checkpoint.ErrReplaced) {
			t.Errorf("Run: %v, want ErrReplaced", err)
		}
		r.stopped = nil
	})
}

func TestScanner_CountsFailedCommits(t *testing.T) {
	inBubble(t, func(r *rig) {
		c := r.counting()
		r.start()
		r.wait(time.Minute)
		if got := r.metric("checkpoint_commit_failures_total"); got != 0 {
			t.Errorf("%v failures, want none", got)
		}
		c.fail.Store(true)
		r.put(time.Now(), "A", "r1")
		r.wait(2 * time.Minute)
		if got := r.metric("checkpoint_commit_failures_total"); got < 2 {
			t.Errorf("%v failures, want one for each attempt", got)
		}
		c.fail.Store(false)
		r.wait(2 * time.Minute)
		r.expect("r1")
	})
}
