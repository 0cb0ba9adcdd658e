package scanner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const parts = "logs/111122223333/eu-west-1/b/"

// What was read belongs to the store, the bucket and the key, however the location is
// spelled.
func TestScanner_RespelledLocationsCountOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		var want []string
		for i, prefix := range []string{"logs", "logs/", "", "logs/1", "logs"} {
			r.prefix = prefix
			id := string(rune('a' + i))
			want = append(want, id)
			r.bucket.Put(logtest.PartitionedKey(parts, time.Now(), "0123456789ABCDEF"), logtest.AccessLog(time.Now(), id), time.Now())
			r.start()
			r.wait(30 * time.Hour)
			r.expect(want...)
			r.crash()
		}
	})
}

// The same bucket at another address is another one only if its store is.
func TestScanner_OtherStoreIsCountedForItself(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.wait(time.Minute)
		r.stop()
		r.config.Locations = []source.Location{{Name: "s3://other", Store: "minio:9000/logs", Source: r.bucket}}
		r.start()
		r.wait(time.Minute)
		if got := r.consumer.shown()["r1"]; got != 2 {
			t.Errorf("r1 is counted %d times in two stores, want twice", got)
		}
	})
}

// A directory is a store of its own. Where that makes logs count again, it is said, once.
func TestScanner_WarnsOfADirectoryInAnotherOrAroundIt(t *testing.T) {
	const warning = "what was read of a directory counts again"
	for store, warned := range map[string]bool{"file:///logs/sal": true, "file:///var": false, "file:///logs2": false, "aws/logs": false} {
		for _, first := range []string{"file:///logs", store} {
			inBubble(t, func(r *rig) {
				other := store
				if first == store {
					other = "file:///logs"
				}
				r.put(began, "A", "r1")
				for i, now := range []string{first, other, other} {
					r.log.Reset()
					r.config.Locations = []source.Location{{Name: now, Store: now, Source: r.bucket}}
					r.start()
					r.wait(time.Minute)
					r.stop()
					want := 0
					if warned && i == 1 {
						want = 1
					}
					if got := strings.Count(r.log.String(), warning); got != want {
						t.Errorf("%s after %s: %d warnings, want %d", now, first, got, want)
					}
				}
			})
		}
	}
}

// A volume that is mounted elsewhere is another directory, whose logs count again.
func TestScanner_WarnsOfADirectoryThatMayHaveMoved(t *testing.T) {
	const warning = "a directory is read for the first time, and one that was read before is not read now"
	for name, test := range map[string]struct {
		before, now []string // the locations' stores
		want        []string // of which is warned, in this order
	}{
		"moved":              {[]string{"file:///mnt/a"}, []string{"file:///data/a"}, []string{"file:///mnt/a"}},
		"one of two moved":   {[]string{"file:///mnt/a", "file:///mnt/b"}, []string{"file:///mnt/b", "file:///data/a"}, []string{"file:///mnt/a"}},
		"both moved":         {[]string{"file:///mnt/a", "file:///mnt/b"}, []string{"file:///data"}, []string{"file:///mnt/a", "file:///mnt/b"}},
		"another beside it":  {[]string{"file:///mnt/a"}, []string{"file:///mnt/a", "file:///data/a"}, nil},
		"one less":           {[]string{"file:///mnt/a", "file:///mnt/b"}, []string{"file:///mnt/a"}, nil},
		"a bucket before":    {[]string{"aws/a"}, []string{"file:///data/a"}, nil},
		"a bucket now":       {[]string{"file:///mnt/a"}, []string{"aws/a"}, nil},
		"what lies in it":    {[]string{"file:///mnt/a"}, []string{"file:///mnt"}, nil}, // there is another warning of that
		"nothing was before": {nil, []string{"file:///data/a"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				for i, stores := range [][]string{test.before, test.now, test.now} {
					if len(stores) == 0 {
						continue
					}
					r.log.Reset()
					r.config.Locations = nil
					for _, store := range stores {
						r.config.Locations = append(r.config.Locations, source.Location{Name: "of " + store, Store: store, Source: r.bucket})
					}
					start := time.Now().Add(-r.config.Since).UTC().Format(time.RFC3339)
					r.start()
					r.wait(time.Minute)
					r.stop()
					var lines []string
					for line := range strings.Lines(r.log.String()) {
						if strings.Contains(line, warning) {
							lines = append(lines, line)
						}
					}
					want := test.want
					if i != 1 {
						want = nil
					}
					if len(lines) != len(want) {
						t.Errorf("start %d: %d warnings, want %d: %q", i, len(lines), len(want), lines)
						return
					}
					for j, line := range lines {
						if now := stores[len(stores)-1]; !strings.Contains(line, `location="of `+now+`"`) || !strings.Contains(line, "read="+want[j]) || !strings.Contains(line, "start="+start) {
							t.Errorf("the warning is %q, want the directories %s and %s, and the start %s", line, now, want[j], start)
						}
					}
				}
			})
		})
	}
}

func TestScanner_WarnsOfABucketByAnotherName(t *testing.T) {
	for _, test := range []struct {
		stores []string // of the locations, of which the last is new in the second process
		warned int
	}{
		{[]string{"127.0.0.1:9000/b", "localhost:9000/b"}, 1},
		{[]string{"127.0.0.1:9000/b", "aws/b"}, 1},
		{[]string{"127.0.0.1:9000/b", "localhost:9000/other"}, 0},
		{[]string{"file:///b", "aws/b"}, 0},
		{[]string{"aws/b", "aws/reader-0a1b2c3d-s3alias"}, 1},
		{[]string{"aws/reader-0a1b2c3d-s3alias", "aws/b"}, 1},
		{[]string{"aws/reader-0a1b2c3d-s3alias", "aws/other-0a1b2c3d-s3alias"}, 0},
	} {
		for _, both := range []bool{false, true} {
			inBubble(t, func(r *rig) {
				location := func(store string) source.Location {
					return source.Location{Name: store, Store: store, Source: r.bucket}
				}
				r.config.Locations = []source.Location{location(test.stores[0])}
				r.start()
				r.wait(5 * time.Minute)
				r.stop()
				r.log.Reset()
				now := []source.Location{location(test.stores[1])}
				if both { // two of one name
					now = append(now, r.config.Locations...)
				}
				r.config.Locations = now
				r.start()
				r.wait(time.Minute)
				r.stop()
				want := test.warned
				if both {
					want = 0
				}
				if got := strings.Count(r.log.String(), "read="+test.stores[0]); got != want {
					t.Errorf("%s, both %v: %d warnings, want %d", test.stores, both, got, want)
				}
			})
		}
	}
}

// An account that was opened while nothing ran, or while the location was spelled
// otherwise, is not one that was there before.
func TestScanner_AccountBornDuringDowntimeLosesNothing(t *testing.T) {
	for name, prefix := range map[string]string{"same prefix": "logs/", "shorter prefix": "", "longer prefix": "logs/44"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.prefix = "logs/"
				r.config.Since = 24 * time.Hour
				r.start()
				r.wait(time.Minute)
				r.stop()
				begin := time.Now()
				for i, id := range []string{"r1", "r2", "r3"} {
					at := begin.Add(time.Duration(i) * 24 * time.Hour)
					r.bucket.Put(logtest.PartitionedKey("logs/444455556666/us-east-1/new/", at, "0123456789ABCDEF"), logtest.AccessLog(at, id), at)
				}
				time.Sleep(5 * 24 * time.Hour)
				r.prefix = prefix
				r.start()
				r.wait(time.Hour)
				r.expect("r1", "r2", "r3")
			})
		})
	}
}

// What a stream holds that the last search did not find has come since, however old it
// is.
func TestScanner_NewStreamOfLateObjectsCounts(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = 24 * time.Hour
		r.start()
		r.wait(time.Minute)
		r.put(began.Add(-60*time.Hour), "A", "late")
		r.put(began.Add(-1000*time.Hour), "B", "older than what audits look for")
		r.wait(30 * time.Hour)
		r.expect("late")
	})
}

// What was never listed begins where a new location does.
func TestScanner_WiderLocationStartsAtSinceWhereItIsNew(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.prefix = "logs/"
		r.config.Since = 24 * time.Hour
		r.start()
		r.wait(30 * time.Minute)
		r.stop()
		time.Sleep(100 * time.Hour)
		r.put(time.Now().Add(-48*time.Hour), "A", "old")
		r.put(time.Now().Add(-time.Hour), "B", "new")
		r.prefix = ""
		r.start()
		r.wait(30 * time.Hour)
		r.expect("new")
	})
}

// Two locations that list parts of one stream would not know of each other.
func TestScanner_StreamOfTwoLocationsIsAnError(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.prefix = "access/2026-03"
		r.config.Locations = []source.Location{{Name: "s3://logs/access/2026-04", Store: "aws/logs", Source: r.bucket, Prefix: "access/2026-04"}}
		r.put(began, "A", "r1")
		r.put(began.AddDate(0, 1, 0), "B", "r2")
		r.start()
		r.wait(time.Minute)
		status := r.scanner.Status()
		if a, b := status.Locations[0].PollError, status.Locations[1].PollError; (a == "") == (b == "") || !strings.Contains(a+b, "is read by location s3://logs") {
			t.Errorf("errors %q and %q, want one that names the other location", a, b)
		}
	})
}

func TestScanner_LocationNeedsAStore(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Locations = []source.Location{{Name: "s3://other", Source: r.bucket}}
		r.start()
		if err := <-r.stopped; err == nil || !strings.Contains(err.Error(), "s3://other") {
			t.Errorf("Run: %v, want an error that names the location", err)
		}
		if err := r.state.Close(); err != nil {
			t.Error(err)
		}
		r.stopped = nil
	})
}

// Of several links to one directory, the one goes on to stand for it under which it was read,
// in the next process too.
func TestScanner_AnotherLinkToADirectoryCountsNothingAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		dir, elsewhere := t.TempDir(), t.TempDir()
		link := func(name string) {
			if err := os.Symlink(elsewhere, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		start := func() {
			src, err := dirsource.New(dir)
			if err != nil {
				t.Fatal(err)
			}
			r.config.Locations = []source.Location{{Name: dir, Store: src.Store(), Source: src}}
			r.start()
		}
		put := func(id string) {
			want = append(want, id)
			if err := os.WriteFile(filepath.Join(elsewhere, filepath.Base(logtest.SimpleKey(time.Now(), id))), logtest.AccessLog(time.Now(), id), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		link("m")
		put("A")
		start()
		for _, name := range []string{"z", "a"} {
			put("B" + name)
			r.wait(30 * time.Hour)
			r.expect(want...)
			r.crash()
			link(name)
			put("C" + name)
			start()
			r.wait(30 * time.Hour)
			r.expect(want...)
		}
		r.crash()
		const warning = "a symbolic link by which logs were read is gone"
		if strings.Contains(r.log.String(), warning) {
			t.Error("links that come are a warning")
		}
		if err := os.Remove(filepath.Join(dir, "m")); err != nil {
			t.Fatal(err)
		}
		start()
		r.wait(30 * time.Hour)
		if log := r.log.String(); strings.Count(log, warning) != 1 || !strings.Contains(log, "gone=m/ followed=a/") {
			t.Errorf("a link that goes is no warning:\n%s", log)
		}
	})
}
