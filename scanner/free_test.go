package scanner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// freeKeys are the ways in which keys are written that show no more than a time.
var freeKeys = map[string]freeKey{
	"days":          {"AWSLogs/111122223333/s3/eu-west-1/", "2006/01/02/"},
	"hours":         {"my/prefix/", "2006/01/02/15/"},
	"days of Hive":  {"", "year=2006/month=01/day=02/"},
	"hours of Hive": {"p/region=eu-west-1/", "year=2006/month=01/day=02/hour=15/"},
	"dt":            {"p/dt=", "2006-01-02/"},
	"dt and hours":  {"dt=", "2006-01-02/hour=15/"},
	"Firehose":      {"logs/", "2006/01/02/15/shop-v-2006-01-02-15-04-05-abababab-abab-abab-abab-abababab"},
}

// freeKey is a prefix, and the layout of a time behind it.
type freeKey struct{ prefix, layout string }

// putFree puts an object with a free key.
func (r *rig) putFree(k freeKey, at time.Time, unique string, body []byte) string {
	key := k.prefix + at.UTC().Format(k.layout) + unique
	r.bucket.Put(key, body, time.Now())
	return key
}

func TestScanner_TailsStreamsWithFreeKeys(t *testing.T) {
	for name, layout := range freeKeys {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.putFree(layout, began.Add(-30*time.Hour), "B", logtest.AccessJSON(began, "r1"))
				r.putFree(layout, began, "C", logtest.Gzip(logtest.AccessJSON(began, "r2", "r3")))
				r.start()
				r.wait(time.Minute)
				r.expect("r1", "r2", "r3")
				r.putFree(layout, time.Now(), "A", logtest.AccessJSON(began, "r4")) // below one that is counted
				r.wait(5 * time.Minute)
				r.expect("r1", "r2", "r3", "r4")
				r.crash()
				r.putFree(layout, time.Now(), "D", logtest.AccessJSON(began, "r5"))
				r.putFree(layout, time.Now().Add(-40*time.Hour), "late", logtest.AccessJSON(began, "r6"))
				r.putFree(layout, time.Now().AddDate(0, 0, -20), "very late", logtest.AccessJSON(began, "r7"))
				opens := r.bucket.Opens()
				r.start()
				r.wait(30 * time.Hour) // an audit
				r.expect("r1", "r2", "r3", "r4", "r5", "r6", "r7")
				if again := r.bucket.Opens() - opens; again != 3 {
					t.Errorf("%d objects were opened to read 3: the stream is known", again)
				}
				if records := r.metric("log_records_total", record.ServerAccess.String()); records != 3 {
					t.Errorf("%v records are counted, want 3", records)
				}
				for range 60 { // days later, each poll costs a listing of an hour's or a day's keys
					r.putFree(layout, time.Now(), fmt.Sprint("n", time.Now().Unix()), logtest.AccessJSON(began, fmt.Sprint(time.Now().Unix())))
					r.wait(time.Minute)
				}
				if streams := r.scanner.Status().Locations[0].Streams; len(streams) != 1 || streams[0].Log != "server_access" {
					t.Errorf("streams %+v", streams)
				}
			})
		})
	}
}

func TestScanner_PollsOfHoursDoNotListTheDay(t *testing.T) {
	inBubble(t, func(r *rig) {
		layout := freeKeys["hours"]
		for hour := range 6 {
			for i := range 1100 {
				r.putFree(layout, began.Add(time.Duration(-hour)*time.Hour), fmt.Sprintf("%04d", i), logtest.AccessJSON(began, fmt.Sprint(hour, "-", i)))
			}
		}
		r.start()
		r.wait(10 * time.Minute)
		before := r.bucket.Pages()
		for range 10 {
			r.putFree(layout, time.Now(), fmt.Sprint("z", time.Now().Unix()), logtest.AccessJSON(began, fmt.Sprint(time.Now().Unix())))
			r.wait(time.Minute)
		}
		if pages := r.bucket.Pages() - before; pages > 10*5 { // of two hours, with 2200 objects
			t.Errorf("10 polls took %d pages", pages)
		}
	})
}

// Only some of what is no log is looked at in a folder, day and kind of name, and logs that
// begin among it later are found.
func TestScanner_FindsLogsThatBeginAmongOtherObjects(t *testing.T) {
	inBubble(t, func(r *rig) {
		other := []byte(`{"level":"info"}`)
		for i := range 100 {
			r.bucket.Put(fmt.Sprintf("app/2026/03/0%d/%02d.json", 1+i/50, i), other, began)
		}
		r.bucket.Put("app/2026/03/02/x.parquet", []byte("PAR1"), began)
		r.bucket.Put("app/2026/03/02/x.zip", []byte("PK\x03\x04"), began)
		r.start()
		r.wait(3 * time.Hour)
		if opens := r.bucket.Opens(); opens != 2*6 { // of the 50 of each day the 1st, 2nd, 4th to 32nd
			t.Errorf("%d objects were opened, want 12", opens)
		}
		r.wait(24 * time.Hour)
		r.bucket.Put("app/2026/03/05/1.json", logtest.AccessJSON(began, "r1"), time.Now())
		r.bucket.Put("app/2026/03/05/2.json", other, time.Now())
		r.bucket.Put("app/2026/03/05/3.json", logtest.AccessJSON(began, "r2"), time.Now())
		r.wait(3 * time.Hour)
		r.expect("r1", "r2")
		// From now on all is read, so that nothing is lost.
		for reason, want := range map[string]float64{"unknown_log": 201, "parquet": 1, "compressed": 1, "not_a_log": 0} {
			if got := r.metric("skipped_objects_total", reason); got != want {
				t.Errorf("skipped_objects_total of %s is %v, want %v", reason, got, want)
			}
		}
		skipped := r.scanner.Status().Locations[0].Skipped
		if len(skipped) != 3 || skipped[0].Example != "app/2026/03/02/x.zip" || skipped[1].Reason != "parquet" || skipped[1].Example != "app/2026/03/02/x.parquet" || skipped[2].Example != "app/2026/03/01/00.json" {
			t.Errorf("skipped %+v", skipped)
		}
		if log := r.log.String(); strings.Count(log, "objects are skipped that may hold requests") != 3 {
			t.Errorf("the log is\n%s", log)
		}
	})
}

// A day on which something else came first is counted once another day has shown that logs
// lie there: so it is when a delivery is turned from Parquet to JSON.
func TestScanner_CountsLogsOfADayThatBeganWithSomethingElse(t *testing.T) {
	inBubble(t, func(r *rig) {
		put := func(name string, body []byte) {
			r.bucket.Put("v/"+time.Now().Format("2006/01/02/")+name, body, time.Now())
		}
		put("a", []byte("PAR1xx"))
		r.start()
		r.wait(3 * time.Hour)
		put("b", logtest.AccessJSON(began, "r1"))
		r.wait(24 * time.Hour)
		put("c", logtest.AccessJSON(began, "r2"))
		r.wait(3 * time.Hour)
		r.expect("r1", "r2")
	})
}

// The first object of each day may be another one than the rest, as where something else is
// sent through the same Firehose: the logs behind it count on the same day.
func TestScanner_CountsLogsBehindSomethingElseOnEachDay(t *testing.T) {
	inBubble(t, func(r *rig) {
		put := func(name string, body []byte) {
			r.bucket.Put("v/"+time.Now().Format("2006/01/02/")+name, body, time.Now())
		}
		var want []string
		put("0", []byte(`{"ticker_symbol":"QXZ"}`))
		r.start()
		r.wait(time.Minute)
		for i := range 3 {
			want = append(want, fmt.Sprint("r", i))
			put(fmt.Sprint(i+1), logtest.AccessJSON(began, want[i]))
		}
		r.wait(time.Hour)
		r.expect(want...)
		r.crash()
		r.wait(24 * time.Hour)
		put("0", []byte("test"))
		put("1", logtest.AccessJSON(began, "r3"))
		r.start()
		r.wait(time.Minute)
		r.expect(append(want, "r3")...)
	})
}

// Objects with other keys may lie in the folders of a stream with free keys.
func TestScanner_TailsStreamsThatShareFolders(t *testing.T) {
	inBubble(t, func(r *rig) {
		put := func(at time.Time, n int) {
			r.bucket.Put(logtest.PartitionedKey("all/", at, fmt.Sprintf("0123456789ABCDE%d", n)), logtest.AccessLog(at, fmt.Sprint("text", n)), time.Now())
			r.putFree(freeKey{"all/", "2006/01/02/"}, at, fmt.Sprintf("0-%d", n), logtest.AccessJSON(at, fmt.Sprint("day", n)))
			r.putFree(freeKey{"all/", "2006/01/02/15/"}, at, fmt.Sprint("x", n), logtest.AccessJSON(at, fmt.Sprint("hour", n)))
		}
		put(began, 1)
		r.start()
		r.wait(2 * time.Hour)
		put(time.Now(), 2)
		r.wait(3 * time.Hour)
		r.expect("text1", "day1", "hour1", "text2", "day2", "hour2")
	})
}

// A stream of which only content shows what it is, and that was quiet when the location was
// read first, begins where the location does: what lay in it does not count when it moves
// again, but what comes late into it does.
func TestScanner_QuietStreamWithFreeKeysDoesNotCountWhatLayThereBefore(t *testing.T) {
	for name, unreadable := range map[string]bool{"readable": false, "not readable at first": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 24 * time.Hour
				layout := freeKeys["hours"]
				for days := range 20 {
					r.putFree(layout, began.AddDate(0, 0, -2-days), "old", logtest.AccessJSON(began, "before"))
				}
				if unreadable {
					r.bucket.SetFault(func(op, _ string) error {
						if op == sourcetest.OpOpen {
							return errors.New("access denied")
						}
						return nil
					})
				}
				r.start()
				r.wait(2 * time.Hour)
				r.bucket.SetFault(nil)
				r.putFree(layout, time.Now(), "new", logtest.AccessJSON(time.Now(), "r1"))
				want := []string{"r1"}
				if !unreadable {
					r.putFree(layout, began.AddDate(0, 0, -3), "late", logtest.AccessJSON(began, "r2"))
					want = append(want, "r2")
				}
				r.wait(50 * time.Hour)
				r.expect(want...)
			})
		})
	}
}

// Objects that have to be looked at and whose bodies stall hold up neither the polls of their
// location nor the search: each has its turn, and then what lies behind them is found.
func TestScanner_StalledLooksHoldUpNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.SweepInterval = 4 * time.Minute // so that streams are listed, and looked for, often
		for i := range 64 {
			r.bucket.Put(fmt.Sprintf("stalled/2026/03/04/%02d", i), logtest.AccessJSON(began, "stalled"), began)
		}
		r.putFree(freeKeys["days of Hive"], began, "A", logtest.AccessJSON(began, "behind"))
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpRead && strings.HasPrefix(key, "stalled/") {
				return sourcetest.Stall(1, time.Minute)
			}
			return nil
		})
		r.start()
		want := []string{}
		for i := range 20 {
			id := fmt.Sprint("r", i)
			want = append(want, id)
			r.put(time.Now(), id, id)
			r.wait(2*time.Minute + 2*time.Second)
			for _, id := range want {
				if r.consumer.shown()[id] != 1 {
					t.Errorf("after %d polls, %s is not counted", 2*i, id)
				}
			}
		}
		r.wait(time.Hour)
		r.expect(append(want, "behind")...)
		if got := r.metric("skipped_objects_total", "not_looked_at"); got != 64 && got != 65 {
			t.Errorf("%v objects could not be looked at, want 64", got)
		}
	})
}
