package once_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// began is the time of the first object.
var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// run reads a bucket, eight objects at once.
func run(ctx context.Context, bucket *sourcetest.Fake, c once.Consumer, q once.Query) (*once.Summary, error) {
	return once.Run(ctx, once.Config{
		Locations:    []source.Location{{Name: "s3://logs", Source: bucket}},
		DedupeWindow: 1000,
		Concurrency:  8,
	}, q, c)
}

func put(bucket *sourcetest.Fake, objects int) {
	for i := range objects {
		at := began.Add(time.Duration(i) * time.Minute)
		bucket.Put(logtest.SimpleKey(at, "A"), logtest.AccessLog(at, fmt.Sprint("R", i)), at)
	}
}

// Pipes, sockets and devices are no logs, whatever their names.
func TestRun_NeverOpensASpecialFile(t *testing.T) {
	bucket, c := new(sourcetest.Fake), new(seen)
	put(bucket, 1)
	bucket.PutSpecial("pipe")
	bucket.PutSpecial(logtest.SimpleKey(began, "B"))
	bucket.PutSpecial("AWSLogs/111122223333/s3/eu-west-1/2026/03/04/pipe")
	summary, err := run(t.Context(), bucket, c, once.Query{})
	if err != nil || len(summary.Unread) > 0 || bucket.Opens() != 1 || summary.SkippedObjects[logkey.SkipSpecial].Objects != 3 {
		t.Errorf("%d objects are opened; summary %+v, error %v", bucket.Opens(), summary, err)
	}
}

// What is passed over in a directory for its name shows, and is no log, whatever it is called.
func TestRun_ShowsWhatIsPassedOverForItsName(t *testing.T) {
	bucket, c := new(sourcetest.Fake), new(seen)
	put(bucket, 1)
	for _, key := range []string{".logs/", logtest.SimpleKey(began, "B") + ".part", "AWSLogs/111122223333/s3/eu-west-1/2026/03/04/.x"} {
		bucket.PutUnfinished(key)
	}
	want := once.SkippedObjects{Objects: 3, Example: once.Example{Location: "s3://logs", Key: ".logs/"}}
	summary, err := run(t.Context(), bucket, c, once.Query{})
	if err != nil || len(summary.Unread) > 0 || bucket.Opens() != 1 || summary.SkippedObjects[logkey.SkipUnfinished] != want {
		t.Errorf("%d objects are opened; summary %+v, error %v", bucket.Opens(), summary, err)
	}
	if summary, err = run(t.Context(), bucket, c, once.Query{Since: began}); err != nil || summary.SkippedObjects[logkey.SkipUnfinished] != want {
		t.Errorf("of a query: summary %+v, error %v", summary, err)
	}
}

func TestRun_ReadsWhatIsUnderWayWhenTheListingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, c := new(sourcetest.Fake), new(seen)
		put(bucket, 30)
		bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				time.Sleep(time.Second)
			}
			return nil
		})
		summary, err := run(t.Context(), bucket, c, once.Query{})
		if err != nil || len(summary.Unread) > 0 || len(c.records) != 30 {
			t.Errorf("%d of 30 requests are counted; unread %v, error %v", len(c.records), summary.Unread, err)
		}
	})
}

// Of a store that asks for fewer requests nothing is missing in the end.
func TestRun_HasPatienceWithAStoreThatThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, c := new(sourcetest.Fake), new(seen)
		put(bucket, 300)
		began := time.Now()
		bucket.SetFault(func(op, key string) error {
			if op != sourcetest.OpOpen {
				return nil
			}
			time.Sleep(30 * time.Millisecond)
			if time.Since(began) < 10*time.Second {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonThrottled, Err: errors.New("slow down")}
			}
			return nil
		})
		summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "s3://logs", Source: bucket}}}, once.Query{}, c)
		if err != nil || len(summary.Unread) > 0 || len(c.records) != 300 {
			t.Errorf("%d of 300 requests are counted; unread %v, error %v", len(c.records), summary.Unread, err)
		}
		if opens := bucket.Opens(); opens > 300+5*8 {
			t.Errorf("%d requests are sent to a store that asks for fewer", opens)
		}
	})
}

func TestRun_NamesWhatItCouldNotRead(t *testing.T) {
	bucket, c := new(sourcetest.Fake), new(seen)
	put(bucket, 10)
	bucket.SetFault(func(op, key string) error {
		if op == sourcetest.OpRead && strings.Contains(key, "12-03") {
			return sourcetest.FailAfter(100, errors.New("connection reset"))
		}
		return nil
	})
	summary, err := run(t.Context(), bucket, c, once.Query{})
	if err != nil || len(summary.Unread) != 1 || !strings.Contains(summary.Unread[0].Key, "12-03") || len(c.records) != 9 {
		t.Errorf("%d of 10 requests are counted; unread %v, error %v", len(c.records), summary.Unread, err)
	}
}

func TestRun_CountsAnEventOnce(t *testing.T) {
	bucket, c := new(sourcetest.Fake), new(seen)
	for i := range 200 { // each has an event of the one before
		at := began.Add(time.Duration(i) * time.Minute)
		key := "AWSLogs/111122223333/CloudTrail/us-east-1/" + at.Format("2006/01/02/") +
			"111122223333_CloudTrail_us-east-1_" + at.Format("20060102T1504Z_") + "aBcDeFgHiJkLmNoP.json.gz"
		bucket.Put(key, logtest.Trail(at, fmt.Sprint("R", i), fmt.Sprint("R", i+1)), at)
	}
	summary, err := run(t.Context(), bucket, c, once.Query{})
	if err != nil || len(summary.Unread) > 0 {
		t.Errorf("unread %v, error %v", summary.Unread, err)
	}
	counts := make(map[string]int)
	for _, r := range c.records {
		counts[r.id]++
	}
	for i := range 201 {
		if n := counts[fmt.Sprint("R", i)]; n != 1 {
			t.Errorf("event %d is counted %d times", i, n)
		}
	}
}

func TestRun_EndsWithTheFirstError(t *testing.T) {
	failure := errors.New("no")
	tests := map[string]func(bucket *sourcetest.Fake, c *seen){
		"of the listing": func(bucket *sourcetest.Fake, _ *seen) {
			bucket.PageSize = 10
			bucket.SetFault(func(op, _ string) error {
				if op == sourcetest.OpList && bucket.Pages() > 3 {
					return failure
				}
				return nil
			})
		},
		"of the consumer": func(_ *sourcetest.Fake, c *seen) { c.refuse = failure },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			bucket, c := new(sourcetest.Fake), new(seen)
			put(bucket, 2000)
			breakIt(bucket, c)
			if _, err := run(t.Context(), bucket, c, once.Query{}); !errors.Is(err, failure) {
				t.Errorf("error %v, want %v", err, failure)
			}
			if bucket.Opens() == 2000 {
				t.Error("everything was read all the same")
			}
		})
	}
	t.Run("of the context", func(t *testing.T) {
		bucket := new(sourcetest.Fake)
		put(bucket, 10)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := run(ctx, bucket, new(seen), once.Query{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRun_ReadsAllOthersWhereLocationsCannotBeListed(t *testing.T) {
	good, c := new(sourcetest.Fake), new(seen)
	put(good, 2000)
	locations := []source.Location{{Name: "s3://good", Source: good}}
	for _, name := range []string{"s3://one", "s3://two"} {
		bad := new(sourcetest.Fake)
		bad.SetFault(func(string, string) error { return errors.New("no") })
		locations = append([]source.Location{{Name: name, Source: bad}}, locations...)
	}
	summary, err := once.Run(t.Context(), once.Config{Locations: locations, Concurrency: 8}, once.Query{}, c)
	if !errors.As(err, new(*once.ListError)) || err.Error() != `s3://two: list "": no; s3://one: list "": no` {
		t.Errorf("error %v", err)
	}
	if len(c.records) != 2000 || summary.Objects != 2000 {
		t.Errorf("%d records of %d objects are read", len(c.records), summary.Objects)
	}
	for _, l := range summary.Locations {
		if failed := l.Failed != nil; failed != (l.Name != "s3://good") {
			t.Errorf("%s: %v", l.Name, l.Failed)
		}
	}
}

func TestRun_ReadsNoMoreLargeObjectsAtOnceThanThereAreCores(t *testing.T) {
	const cores, objects = 2, 6
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	synctest.Test(t, func(t *testing.T) {
		bucket, c := new(sourcetest.Fake), new(seen)
		for i := range objects {
			at := began.Add(time.Duration(i) * time.Minute)
			blank := bytes.Repeat([]byte("\n"), 9<<20)
			bucket.Put(logtest.SimpleKey(at, "A"), append(logtest.AccessLog(at, fmt.Sprint("R", i)), blank...), at)
		}
		var mu sync.Mutex
		now, most := 0, 0
		add := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			most = max(most, now)
		}
		bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				add(1)
				time.Sleep(10 * time.Second)
				add(-1)
			}
			return nil
		})
		summary, err := run(t.Context(), bucket, c, once.Query{})
		if err != nil || len(summary.Unread) > 0 || len(c.records) != objects || most != cores {
			t.Errorf("%d requests are counted, %d objects are read at once; unread %v, error %v", len(c.records), most, summary.Unread, err)
		}
	})
}
