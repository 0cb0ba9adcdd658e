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

// A commit waits for more to come, but not long for what does not.
func TestScanner_CommitsWhenNothingMoreComes(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Interval = time.Minute
		r.config.CommitInterval, r.config.CommitPause = 2*time.Hour, 0
		var ids []string
		r.start()
		for range 5 {
			ids = append(ids, fmt.Sprint("r", len(ids)))
			r.put(time.Now(), "A", ids[len(ids)-1])
			r.wait(r.config.Interval)
		}
		r.expect()
		r.wait(8 * time.Minute)
		r.expect(ids...)
	})
}

// What fills a commit is committed, whatever there is to wait for, and the readers read
// on.
func TestScanner_CommitsWhatIsEnough(t *testing.T) {
	for name, test := range map[string]struct{ objects, requests, commit int }{
		"many objects":      {1600, 1, 512},
		"objects with much": {60, 1000, 50},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.CommitInterval, r.config.CommitPause = 10*time.Hour, 0
				var hooks atomic.Int64 // two in each commit
				r.hook = func() { hooks.Add(1) }
				ids := make([]string, test.requests) // the same in all objects
				for i := range ids {
					ids[i] = fmt.Sprint("r", i)
				}
				for i := range test.objects {
					r.put(began, fmt.Sprintf("A%04d", i), ids...)
				}
				counted := func(objects int) {
					t.Helper()
					shown := r.consumer.shown()
					for _, id := range ids {
						if shown[id] != objects {
							t.Fatalf("%d objects are counted, want %d", shown[id], objects)
						}
					}
				}
				r.start()
				r.wait(time.Minute)
				full := test.objects / test.commit
				if commits := int(hooks.Load() / 2); commits != full {
					t.Errorf("%d commits, want %d", commits, full)
				}
				counted(full * test.commit)
				r.wait(time.Hour)
				counted(test.objects)
			})
		})
	}
}

// Where nothing comes, a commit of nothing each minute shows that the checkpoint can be
// written. So one that cannot be is seen at once and not with the next log object: no commit
// succeeds any more, and each attempt that fails counts.
func TestScanner_ShowsAtAQuietSiteThatTheCheckpointCannotBeWritten(t *testing.T) {
	const hangs = "has not ended"
	for name, test := range map[string]struct {
		breaks func(r *rig, c *counted)
		want   string // in what Ready returns
	}{
		"the disk is full":     {func(_ *rig, c *counted) { c.fail.Store(true) }, errFull.Error()},
		"the disk hangs":       {func(_ *rig, c *counted) { c.hang() }, hangs},
		"the file is moved":    {func(r *rig, _ *counted) { r.mustDo(os.Rename(r.path, r.path+".away")) }, checkpoint.ErrReplaced.Error()},
		"the file is replaced": {func(r *rig, _ *counted) { r.mustDo(os.WriteFile(r.path, []byte("another"), 0o600)) }, checkpoint.ErrReplaced.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.CommitInterval, r.config.CommitIdle = time.Second, 0
				c := r.counting()
				r.start()
				r.wait(2 * time.Hour)
				const minutes = 10
				commits := func() float64 { return r.metric("checkpoint_commit_duration_seconds") }
				failures := func() float64 { return r.metric("checkpoint_commit_failures_total") }
				before := commits()
				r.wait(minutes * time.Minute)
				if n := commits() - before; n < minutes-1 || n > minutes+2 { // one may be of a search
					t.Errorf("%v commits in %d minutes in which nothing comes", n, minutes)
				}
				if n := failures(); n != 0 || r.scanner.Ready() != nil {
					t.Errorf("%v failures, and Ready returns %v", n, r.scanner.Ready())
				}
				test.breaks(r, c)
				r.wait(2 * time.Minute)
				before = commits()
				for range minutes {
					failed := failures()
					r.wait(time.Minute)
					if err := r.scanner.Ready(); err == nil || !strings.Contains(err.Error(), test.want) {
						t.Errorf("Ready returns %v, want %v", err, test.want)
					}
					if n := failures() - failed; test.want != hangs && n < 50 || test.want == hangs && n > 0 {
						t.Errorf("%v failures in a minute", n)
					}
				}
				if n := commits() - before; n > 0 {
					t.Errorf("%v commits have succeeded", n)
				}
				c.mend()
				if test.want != hangs {
					return
				}
				if r.wait(time.Minute); r.scanner.Ready() != nil {
					t.Errorf("Ready returns %v", r.scanner.Ready())
				}
				if log := r.log.String(); strings.Count(log, "a commit of the checkpoint does not end") != 1 || strings.Count(log, "the checkpoint can be written again") != 1 {
					t.Errorf("the log shows something else:\n%s", log)
				}
			})
		})
	}
}

// While commits fail, nothing is exposed, and no more is read than what may wait.
func TestScanner_FailedCommitExposesNothingAndIsMadeUpFor(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.wait(time.Minute)
		r.consumer.setRefuse(errors.New("no space left on device"))
		const objects, mayWait = 2000, 512 + 512 + 8 // in the commit, ahead of it, and with the readers
		for i := range objects {
			r.put(time.Now(), fmt.Sprintf("A%04d", i), fmt.Sprint("r", i))
		}
		r.wait(10 * time.Minute)
		r.expect()
		if got := r.bucket.Opens(); got > mayWait {
			t.Errorf("%d objects are read while commits fail, want %d at most", got, mayWait)
		}
		if err := r.scanner.Ready(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("Ready returns %v while commits fail", err)
		}
		r.consumer.setRefuse(nil)
		r.wait(10 * time.Minute)
		if err := r.scanner.Ready(); err != nil {
			t.Error(err)
		}
		for _, line := range []string{"the checkpoint cannot be written; nothing is counted until it can", "the checkpoint can be written again"} {
			if n := strings.Count(r.log.String(), line); n != 1 {
				t.Errorf("%q is logged %d times, want once:\n%s", line, n, &r.log)
			}
		}
		if got := len(r.consumer.shown()); got != objects {
			t.Errorf("%d requests counted, want %d", got, objects)
		}
	})
}

// What cannot be committed when a Scanner ends, the next one counts.
func TestScanner_EndsWhileCommitsFail(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.consumer.setRefuse(errors.New("no space left on device"))
		const objects = 2000
		for i := range objects {
			r.put(time.Now(), fmt.Sprintf("A%04d", i), fmt.Sprint("r", i))
		}
		r.wait(10 * time.Minute)
		r.stopping()
		if err := <-r.stopped; err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("Run returns %v", err)
		}
		if err := r.state.Close(); err != nil {
			t.Error(err)
		}
		r.start()
		r.wait(10 * time.Minute)
		if got := len(r.consumer.shown()); got != objects {
			t.Errorf("%d requests counted, want %d", got, objects)
		}
	})
}

// The time of the newest request that was counted is shown, across restarts, whatever
// comes after it.
func TestScanner_ShowsTheNewestRequest(t *testing.T) {
	inBubble(t, func(r *rig) {
		newest := func(want time.Time) {
			t.Helper()
			r.wait(2 * time.Minute)
			if got := r.metric("newest_event_timestamp_seconds", "server_access"); got != float64(want.Unix()) {
				t.Errorf("the newest request is of %v, want %v", time.Unix(int64(got), 0).UTC(), want)
			}
		}
		put := func(suffix string, body []byte) { r.bucket.Put(logtest.SimpleKey(began, suffix), body, time.Now()) }
		r.start()
		first, second := began.Add(-2*time.Hour), began.Add(-time.Hour)
		put("A", logtest.AccessLog(first, "r1"))
		newest(first)
		put("B", logtest.AccessLog(second, "r2"))
		newest(second)
		put("C", logtest.AccessLog(first, "r3"))
		newest(second)
		put("D", append(logtest.AccessLog(first, "r5"), "no record\n"...))
		const sums = 8 // bytes behind the text
		cut := logtest.Gzip(logtest.AccessLog(began, "r4"))
		put("E", cut[:len(cut)-sums])
		newest(second)
		if got := r.scanner.Status().Uncounted; got != (scanner.UncountedStatus{MalformedRecords: 1}) {
			t.Errorf("the status has %+v", got)
		}
		r.stop()
		r.start()
		newest(second)
		r.expect("r1", "r2", "r3", "r5")
		if got := r.metric("quarantined_objects"); got != 1 {
			t.Errorf("%v objects are quarantined, want the cut one", got)
		}
		if n := strings.Count(r.log.String(), "records were skipped that could not be understood"); n != 1 {
			t.Errorf("%d objects with malformed records are logged, want 1:\n%s", n, &r.log)
		}
	})
}
