package scanner_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// What is known to hold no logs costs a search one request a run of it, whatever its
// size; what comes behind it is counted, and a stream within is found in a day.
func TestScanner_SearchPassesOverWhatItHasSkipped(t *testing.T) {
	inBubble(t, func(r *rig) {
		const undated = 20_000
		for i := range undated {
			r.bucket.Put(fmt.Sprintf("data/%05d", i), nil, began)
		}
		r.put(began, "A", "r1")
		r.start()
		r.wait(time.Minute)
		if got := r.metric("skipped_objects_total", "not_a_log"); got != undated {
			t.Errorf("%v objects are skipped, want %d", got, undated)
		}
		before := r.bucket.Pages()
		r.wait(12 * time.Hour)
		idle := r.bucket.Pages() - before // the stream's own listings are among them
		if most := 12*2 + 12*5; idle > most {
			t.Errorf("%d listings in 12 hours, want %d at most", idle, most)
		}
		r.bucket.Put("data/99999", nil, time.Now())
		r.bucket.Put("more/1", nil, time.Now())
		r.bucket.Put(logtest.SimpleKey(time.Now(), "B"), logtest.AccessLog(time.Now(), "r2"), time.Now())
		r.bucket.Put("e/"+logtest.SimpleKey(time.Now(), "C"), logtest.AccessLog(time.Now(), "r3"), time.Now())
		r.wait(2 * time.Hour)
		r.expect("r1", "r2", "r3")
		if got := r.metric("skipped_objects_total", "not_a_log"); got != undated+2 {
			t.Errorf("%v objects are skipped, want two more", got)
		}
		r.bucket.Put("data/1/"+logtest.SimpleKey(time.Now(), "D"), logtest.AccessLog(time.Now(), "r4"), time.Now())
		r.wait(25 * time.Hour)
		r.expect("r1", "r2", "r3", "r4")
	})
}

// A stream that begins among other objects is found by the next search, unless these are
// more than one request lists, in one folder: then it is found within an AuditInterval.
func TestScanner_FindsStreamsThatBeginAmongOtherObjects(t *testing.T) {
	tests := []struct {
		name   string
		folder string // of other objects, before the stream
		after  string // and behind it
		count  int    // in each
		within time.Duration
	}{
		{"between two objects", "", "x", 1, 2 * time.Minute},
		{"between a page of objects", "a", "x", 499, 2 * time.Minute},
		{"between two folders", "a/", "x/", 5_000, 2 * time.Minute},
		{"in a small folder", "access/0", "access/x", 400, 2 * time.Minute},
		{"in a large folder", "access/0", "access/x", 5_000, 24*time.Hour + 2*time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				for i := range tt.count {
					r.bucket.Put(fmt.Sprintf("%s%05d", tt.folder, i), nil, began)
					r.bucket.Put(fmt.Sprintf("%s%05d", tt.after, i), nil, began)
				}
				r.start()
				r.wait(time.Hour)
				r.put(time.Now(), "A", "r1")
				r.wait(tt.within)
				r.expect("r1")
			})
		})
	}
}

// What is no log hides none that come later, in the folders of the same days and with lower
// names, whatever day's it is.
func TestScanner_FindsLogsBelowWhatWasSkipped(t *testing.T) {
	const trail = "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	for name, kind := range map[string]struct {
		prefix string
		put    func(r *rig, at time.Time, id string)
	}{
		"free keys": {"p/", func(r *rig, at time.Time, id string) {
			r.putFree(freeKey{"p/", "2006/01/02/"}, at, "delivery-"+id, logtest.AccessJSON(at, id))
		}},
		"free keys of the same kind": {"p/", func(r *rig, at time.Time, id string) {
			r.putFree(freeKey{"p/", "2006/01/02/"}, at, "x-0"+id, logtest.AccessJSON(at, id))
		}},
		"access logs": {"p/111122223333/eu-west-1/b/", func(r *rig, at time.Time, id string) {
			r.bucket.Put(logtest.PartitionedKey("p/111122223333/eu-west-1/b/", at, "0123456789ABCDEF"), logtest.AccessLog(at, id), at)
		}},
		"trail": {trail, func(r *rig, at time.Time, id string) {
			r.bucket.Put(logtest.TrailKey(trail, "111122223333", "eu-west-1", at, "0123456789abcdef"), logtest.Trail(at, id), at)
		}},
	} {
		for _, daysOfOthers := range []int{1, 4} {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				for day := range daysOfOthers {
					at := began.AddDate(0, 0, 1-day)
					r.bucket.Put(kind.prefix+at.Format("2006/01/02/")+"inventory.txt", []byte("something else\n"), at)
					r.bucket.Put(kind.prefix+at.Format("2006/01/02/")+"manifest.json", []byte(`{"manifest":1}`), at)
					r.bucket.Put(kind.prefix+at.Format("2006/01/02/")+"x-9", []byte("something else\n"), at)
				}
				r.start()
				r.wait(3 * time.Hour)
				var want []string
				for range 6 {
					want = append(want, fmt.Sprint("r", len(want)))
					kind.put(r, time.Now(), want[len(want)-1])
					r.wait(5 * time.Hour)
				}
				r.expect(want...)
				if t.Failed() {
					t.Log(name, daysOfOthers)
				}
			})
		}
	}
}

// The prefix of one bucket's logs may go on like another one's dates.
func TestScanner_FindsAPrefixThatContinuesAnotherAsDatesDo(t *testing.T) {
	for _, other := range []string{"2026-0/", "2026-03-", "2026-11-migration/", "2026-03-04-", "2027-", "2"} {
		inBubble(t, func(r *rig) {
			at := func(prefix string, n int, id string) {
				r.bucket.Put(prefix+time.Now().UTC().Format("2006-01-02-15-04-05-")+fmt.Sprintf("%016X", n), logtest.AccessLog(time.Now(), id), time.Now())
			}
			at("logs/", 1, "r1")
			at("logs/"+other, 2, "r2")
			r.start()
			r.wait(3 * time.Hour)
			at("logs/", 3, "r3")
			at("logs/"+other, 4, "r4")
			r.wait(3 * time.Hour)
			r.expect("r1", "r2", "r3", "r4")
			if t.Failed() {
				t.Log(other)
			}
		})
	}
}

// Pipes, sockets and devices in a directory are no logs, whatever their names; to open one
// may take for ever.
func TestScanner_ShowsSpecialFilesAndNeverOpensThem(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.level = slog.LevelDebug
		special := []string{
			"pipe", logtest.SimpleKey(began.Add(-time.Hour), "A"), logtest.SimpleKey(began.Add(time.Second), "B"),
			"AWSLogs/111122223333/s3/eu-west-1/2026/03/04/pipe",
		}
		for _, key := range special {
			r.bucket.PutSpecial(key)
		}
		r.put(began, "A", "r1")
		r.start()
		r.wait(26 * time.Hour)
		r.expect("r1")
		if opens := r.bucket.Opens(); opens != 1 {
			t.Errorf("%d objects are opened, want the log alone", opens)
		}
		if got := r.metric("skipped_objects_total", "special_file"); got != float64(len(special)) {
			t.Errorf("%v special files are shown, want %d", got, len(special))
		}
		if got := r.metric("object_errors_total"); got != 0 {
			t.Errorf("%v objects could not be read", got)
		}
		for _, key := range special {
			if !strings.Contains(r.log.String(), `msg="object is skipped" location=s3://logs key=`+key+" reason=special_file") {
				t.Errorf("the log does not show %s", key)
			}
		}
	})
}

// What is passed over in a directory for its name shows once, and nobody is warned of it.
func TestScanner_ShowsWhatIsPassedOverForItsName(t *testing.T) {
	inBubble(t, func(r *rig) {
		passed := []string{".logs/", "old~/", logtest.SimpleKey(began.Add(time.Second), "B") + ".part"}
		for _, key := range passed {
			r.bucket.PutUnfinished(key)
		}
		r.put(began, "A", "r1")
		r.start()
		r.wait(26 * time.Hour)
		r.expect("r1")
		want := scanner.SkippedStatus{Reason: logkey.SkipUnfinished, Objects: len(passed), Example: ".logs/"}
		if got := r.scanner.Status().Locations[0].Skipped; len(got) != 1 || got[0] != want {
			t.Errorf("the status shows %+v, want %+v", got, want)
		}
		if got := r.metric("skipped_objects_total", "unfinished"); got != float64(len(passed)) {
			t.Errorf("%v are shown, want %d", got, len(passed))
		}
		if opens := r.bucket.Opens(); opens != 1 || strings.Contains(r.log.String(), "WARN") {
			t.Errorf("%d objects are opened, want the log alone; the log is\n%s", opens, &r.log)
		}
	})
}

// A location that is green and empty has a reason.
func TestScanner_ShowsWhatLiesBeforeTheStart(t *testing.T) {
	for _, objects := range []int{0, 3, 10_500} {
		t.Run(fmt.Sprint(objects), func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				for i := range objects {
					r.put(began.AddDate(-3, 0, 0).Add(time.Duration(i)*time.Second), "A", "old")
				}
				r.put(began, "B", "r1")
				for range 2 { // the second process knows it from the checkpoint
					r.start()
					r.wait(2 * time.Hour)
					l := r.scanner.Status().Locations[0]
					if want := min(objects, 10_000); l.BeforeStart != want || l.BeforeStartMore != (objects > want) || !l.Start.Equal(began.Add(-24*time.Hour)) {
						t.Errorf("%d objects before %v, more: %v; want %d", l.BeforeStart, l.Start, l.BeforeStartMore, want)
					}
					r.stop()
				}
				if n := strings.Count(r.log.String(), "lie before the start"); n != min(objects, 1) {
					t.Errorf("the log has %d lines of them:\n%s", n, &r.log)
				}
				r.expect("r1")
			})
		})
	}
}

// With the level debug, the log has every listing, object and commit.
func TestScanner_LogsWhatItDoes(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.wait(time.Minute)
		r.stop()
		if text := r.log.String(); !strings.Contains(text, "location is tailed") || strings.Contains(text, "DEBUG") || strings.Count(text, "\n") != 1 {
			t.Errorf("without debug:\n%s", text)
		}
		r.level = slog.LevelDebug
		key2 := r.put(time.Now(), "B", "r2")
		r.start()
		r.wait(time.Minute)
		r.stop()
		for _, want := range []string{`msg="stream was listed"`, `msg="object is counted"`, "msg=committed", "stream=access/", "key=" + key2} {
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("%q is missing:\n%s", want, &r.log)
			}
		}
	})
}

// Logs below folders of a day that is long over are found where their prefix is a location, with
// nothing else in it.
func TestScanner_FindsLogsBelowFoldersOfAnOldDayInALocationOfTheirOwn(t *testing.T) {
	for _, prefix := range []string{"archive/2020/01/02/acme/l/", "archive/2020/01/01/2"} {
		inBubble(t, func(r *rig) {
			r.prefix = prefix
			r.config.Since = 24 * time.Hour
			r.bucket.Put("archive/2020/01/01/0readme.txt", []byte("something else\n"), began)
			logs := strings.TrimSuffix(prefix, "2")
			put := func(id string) {
				r.bucket.Put(logs+time.Now().UTC().Format("2006-01-02-15-04-05-")+"0123456789ABCDEF", logtest.AccessLog(time.Now(), id), time.Now())
			}
			put("r1")
			r.start()
			r.wait(3 * time.Hour)
			put("r2")
			r.wait(3 * time.Hour)
			r.expect("r1", "r2")
		})
	}
}
