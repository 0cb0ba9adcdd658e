package scanner_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// A log file that is being written on a file server counts once it is complete, whatever the
// server's clock shows, and is not read in part before.
func TestScanner_CountsNoPartOfAFileOnAServerWithAnotherClock(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, -5 * time.Second, 0, 5 * time.Second, 10 * time.Minute} {
		inBubble(t, func(r *rig) {
			dir := t.TempDir()
			src, err := dirsource.New(dir, dirsource.Settle(dirsource.DefaultSettle))
			if err != nil {
				t.Fatal(err)
			}
			r.config.Locations = []source.Location{{Name: dir, Store: src.Store(), Source: src}}
			r.config.Interval = time.Second
			r.start()
			r.wait(time.Minute)

			file := filepath.Join(dir, filepath.Base(logtest.SimpleKey(time.Now(), "A")))
			var body []byte
			var want []string
			for i := range 30 {
				want = append(want, fmt.Sprint("r", i))
				body = append(body, logtest.AccessLog(time.Now(), want[i])...)
				at := time.Now().Add(skew)
				if err := errors.Join(os.WriteFile(file, body, 0o600), os.Chtimes(file, at, at)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(400 * time.Millisecond)
			}
			r.wait(20 * time.Second) // a retry, and half of its time on top
			r.expect(want...)
			if n := r.metric("changed_objects_total", "size"); n != 0 {
				t.Errorf("skew %v: %v files were counted before they were complete", skew, n)
			}
		})
	}
}

// Streams whose files were all written a moment ago are found in the next round, and nothing is
// ready before, nor does what lay there before the start count.
func TestScanner_FindsStreamsThatWereWrittenAMomentAgo(t *testing.T) {
	inBubble(t, func(r *rig) {
		dir := t.TempDir()
		put := func(folder string, at time.Time, id string, age time.Duration) {
			file := filepath.Join(dir, folder, filepath.Base(logtest.SimpleKey(at, id)))
			modified := time.Now().Add(-age)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, logtest.AccessLog(at, id), 0o600), os.Chtimes(file, modified, modified)); err != nil {
				t.Fatal(err)
			}
		}
		put("old", began, "A", time.Hour)
		put("old", began.Add(-72*time.Hour), "older", time.Hour)
		put("young", began, "B", 0)
		put("young", began.Add(-48*time.Hour), "before", 0)
		src, err := dirsource.New(dir, dirsource.Settle(dirsource.DefaultSettle))
		if err != nil {
			t.Fatal(err)
		}
		r.config.Locations = []source.Location{{Name: dir, Store: src.Store(), Source: src}}
		r.config.Interval, r.config.Since = 5*time.Second, 24*time.Hour
		r.put(began, "C", "C")
		r.start()
		r.wait(time.Second)
		if r.scanner.Ready() == nil {
			t.Error("it is ready before it has seen all that lies there")
		}
		r.wait(30 * time.Second)
		r.expect("A", "B", "C")
		if err := r.scanner.Ready(); err != nil {
			t.Errorf("Ready returns %v", err)
		}
		r.wait(30 * time.Hour)
		r.expect("A", "B", "C")
		if log := r.log.String(); !strings.Contains(log, "log objects lie before the start and are not counted") || !strings.Contains(log, "objects=2 ") {
			t.Errorf("nothing shows that two objects lie before the start:\n%s", log)
		}
	})
}
