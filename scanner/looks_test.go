package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// farAway is a store whose objects take a while to be opened.
type farAway struct {
	*sourcetest.Fake
	takes time.Duration
}

func (f *farAway) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	select {
	case <-time.After(f.takes):
		return f.Fake.Open(ctx, obj)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// putOthers puts an object of others into a folder of a day in each of n folders.
func (r *rig) putOthers(prefix string, n int) {
	for i := range n {
		r.putFree(freeKey{fmt.Sprintf("%s%05d/", prefix, i), "2006/01/02/"}, time.Now(), "x.bin", []byte("something else\n"))
	}
}

// Others' objects in very many folders of days keep no log waiting, and each is looked at once. Until
// all were, nobody is told that the location is listed, and what lay there before does not count
// either once it is found.
func TestScanner_LooksAtObjectsOfOthersBetweenPolls(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store = &farAway{r.bucket, 50 * time.Millisecond}
		r.config.Since = 24 * time.Hour
		r.putOthers("aaa/", 2000)
		for i := range 2 {
			at := began.Add(-time.Duration(25+50*i) * time.Hour)
			r.put(at, "0", fmt.Sprint("old", i))
			r.putFree(freeKey{"zzz/", "2006/01/02/15/"}, at, "x", logtest.AccessJSON(at, fmt.Sprint("old json", i)))
			r.bucket.Put(logtest.SimpleKey(at, "x")+".json", logtest.AccessJSON(at, "no log"), at)
		}
		r.put(began, "A", "r0")
		r.putFree(freeKey{"zzz/", "2006/01/02/15/"}, began, "x", logtest.AccessJSON(began, "json0"))
		r.start()
		r.wait(25 * time.Second)
		r.expect("r0")
		if pages := r.bucket.Pages(); pages > 10 {
			t.Errorf("%d pages were listed", pages)
		}
		want := []string{"r0"}
		for i := range 2 {
			id := fmt.Sprint("r", i+1)
			r.put(time.Now(), id, id)
			want = append(want, id)
			if l, err := r.scanner.Status().Locations[0], r.scanner.Ready(); err == nil || !strings.Contains(err.Error(), "objects were looked at") || !l.NotLookedAt || l.PollError == "" || r.metric("last_poll_success") != 0 {
				t.Errorf("ready: %v, %+v", err, l)
			}
			r.wait(25 * time.Second)
		}
		r.wait(time.Minute)
		want = append(want, "json0")
		r.expect(want...)
		if l, err := r.scanner.Status().Locations[0], r.scanner.Ready(); err != nil || l.NotLookedAt || l.PollError != "" || l.BeforeStart != 4 || r.metric("last_poll_success") != 1 {
			t.Errorf("ready: %v, %+v", err, l)
		}
		r.wait(50 * time.Hour)                                    // full searches, and audits
		if opens := r.bucket.Opens(); opens != 2000+1+len(want) { // one is looked at, and read
			t.Errorf("%d objects were opened to look at 2000 and to read %d", opens, len(want))
		}
		if got := r.metric("skipped_objects_total", "not_looked_at"); got != 0 {
			t.Errorf("%v objects count as not looked at", got)
		}
		if log := r.log.String(); strings.Contains(log, "ERROR") || !strings.Contains(log, "which objects are logs") {
			t.Errorf("the log is\n%s", log)
		}
		r.crash()
		r.putFree(freeKey{"zzz/", "2006/01/02/15/"}, began.Add(-30*time.Hour), "late", logtest.AccessJSON(began, "late"))
		r.putFree(freeKey{"new/", "2006/01/02/15/"}, began.Add(-30*time.Hour), "born", logtest.AccessJSON(began, "born"))
		r.start()
		r.wait(30 * time.Hour)
		r.expect(append(want, "late", "born")...)
	})
}

// A stream that begins while others' objects are looked at is found by the search that is due
// then, if its keys show what it is; what a pass fails with, the next one makes up for.
func TestScanner_FindsStreamsWhileItLooksAtObjectsOfOthers(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store = &farAway{r.bucket, time.Second}
		r.config.SweepInterval = 2 * time.Minute
		r.putOthers("aaa/", 900)
		r.putOthers("zzz/", 2500) // a run that is passed over lies among them
		for i := range 2500 {
			r.bucket.Put(fmt.Sprintf("data/%05d", i), nil, began)
		}
		r.start()
		r.wait(10 * time.Minute)
		key := "a/" + logtest.SimpleKey(time.Now(), "A") // before all of them
		r.bucket.Put(key, logtest.AccessLog(time.Now(), "r1"), time.Now())
		r.wait(4 * time.Minute)
		r.expect("r1")
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpList {
				return errors.New("no network")
			}
			return nil
		})
		r.wait(2 * time.Minute)
		r.bucket.SetFault(nil)
		r.wait(2 * time.Hour)
		if err := r.scanner.Ready(); err != nil || r.bucket.Opens() != 1+3400 {
			t.Errorf("ready: %v; %d objects were opened", err, r.bucket.Opens())
		}
		if got := r.metric("skipped_objects_total", "not_a_log"); got != 3400+2500 {
			t.Errorf("%v objects are skipped", got)
		}
	})
}

// Nor do those among the keys of a stream keep others waiting.
func TestScanner_LooksAtObjectsOfOthersAmongTheKeysOfAStreamBetweenPolls(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store = &farAway{r.bucket, time.Second}
		const host = "p/111122223333/eu-west-1/b/"
		r.bucket.Put(logtest.PartitionedKey(host, began, "0123456789ABCDEF"), logtest.AccessLog(began, "r0"), began)
		r.putOthers(host+began.Format("2006/01/02/app"), 1000)
		r.start()
		want := []string{"r0"}
		for i := range 4 {
			id := fmt.Sprint("r", i+1)
			r.put(time.Now(), id, id)
			want = append(want, id)
			r.wait(150 * time.Second)
			if r.consumer.shown()[id] != 1 {
				t.Errorf("%s is not counted", id)
			}
			if r.scanner.Ready() == nil {
				t.Error("ready, and not all was looked at")
			}
		}
		r.wait(30 * time.Minute)
		r.expect(want...)
		if opens := r.bucket.Opens(); opens != 1000+len(want) || r.scanner.Ready() != nil {
			t.Errorf("%d objects were opened; ready: %v", opens, r.scanner.Ready())
		}
	})
}

// No audit is complete before all was looked at, so none is made in each round until then.
func TestScanner_AuditsNothingAgainWhileItLooksAtObjectsOfOthers(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store = &farAway{r.bucket, time.Second}
		r.config.Since = 24 * time.Hour
		r.putOthers("aaa/", 900)
		for i := range 20_000 {
			r.bucket.Put(logtest.SimpleKey(began.Add(-48*time.Hour-time.Duration(i)*time.Second), "x"), nil, began)
		}
		r.start()
		r.wait(3 * time.Minute)
		before := r.bucket.Pages()
		r.wait(10 * time.Minute)
		if pages := r.bucket.Pages() - before; pages > 100 {
			t.Errorf("%d pages were listed in 10 minutes", pages)
		}
		late := began.Add(-72 * time.Hour)
		r.bucket.Put(logtest.SimpleKey(late, "late"), logtest.AccessLog(late, "r1"), time.Now())
		r.wait(15 * time.Minute)
		r.put(time.Now(), "new", "r2")
		r.bucket.Put(logtest.SimpleKey(late, "later"), logtest.AccessLog(late, "r3"), time.Now())
		r.wait(25 * time.Hour)
		r.expect("r2", "r3") // the first one came before anybody knew what lay there
	})
}
