package scanner_test

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

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// scanOnce scans a bucket once.
func scanOnce(ctx context.Context, bucket *sourcetest.Fake, c *consumer, q scanner.Query) ([]*scanner.ObjectError, error) {
	return scanner.New(scanner.Config{
		Locations:    []source.Location{{Name: "s3://logs", Source: bucket}},
		Consumer:     c,
		Metrics:      scanner.NewMetrics(prometheus.NewRegistry()),
		DedupeWindow: 1000,
	}).ScanOnce(ctx, q)
}

func newCounts() *consumer {
	return &consumer{counts: make(map[string]int), hook: func() {}}
}

func put(bucket *sourcetest.Fake, objects int) {
	for i := range objects {
		at := began.Add(time.Duration(i) * time.Minute)
		bucket.Put(simpleKey(at, "A"), accessLog(at, fmt.Sprint("R", i)), at)
	}
}

func TestScanOnce_ReadsWhatIsUnderWayWhenTheListingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, c := new(sourcetest.Fake), newCounts()
		put(bucket, 30)
		bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				time.Sleep(time.Second)
			}
			return nil
		})
		unread, err := scanOnce(t.Context(), bucket, c, scanner.Query{})
		if err != nil || len(unread) > 0 || len(c.shown()) != 30 {
			t.Errorf("%d of 30 requests are counted; unread %v, error %v", len(c.shown()), unread, err)
		}
	})
}

func TestScanOnce_NamesWhatItCouldNotRead(t *testing.T) {
	bucket, c := new(sourcetest.Fake), newCounts()
	put(bucket, 10)
	bucket.SetFault(func(op, key string) error {
		if op == sourcetest.OpRead && strings.Contains(key, "12-03") {
			return sourcetest.FailAfter(100, errors.New("connection reset"))
		}
		return nil
	})
	unread, err := scanOnce(t.Context(), bucket, c, scanner.Query{})
	if err != nil || len(unread) != 1 || !strings.Contains(unread[0].Key, "12-03") || len(c.shown()) != 9 {
		t.Errorf("%d of 10 requests are counted; unread %v, error %v", len(c.shown()), unread, err)
	}
}

func TestScanOnce_CountsAnEventOnce(t *testing.T) {
	bucket, c := new(sourcetest.Fake), newCounts()
	for i := range 200 { // each has an event of the one before
		at := began.Add(time.Duration(i) * time.Minute)
		key := "AWSLogs/111122223333/CloudTrail/us-east-1/" + at.Format("2006/01/02/") +
			"111122223333_CloudTrail_us-east-1_" + at.Format("20060102T1504Z_") + "aBcDeFgHiJkLmNoP.json.gz"
		bucket.Put(key, trail(at, fmt.Sprint("R", i), fmt.Sprint("R", i+1)), at)
	}
	unread, err := scanOnce(t.Context(), bucket, c, scanner.Query{})
	if err != nil || len(unread) > 0 {
		t.Errorf("unread %v, error %v", unread, err)
	}
	for i := range 201 {
		if n := c.shown()[fmt.Sprint("R", i)]; n != 1 {
			t.Errorf("event %d is counted %d times", i, n)
		}
	}
}

func TestScanOnce_EndsWithTheFirstError(t *testing.T) {
	failure := errors.New("no")
	tests := map[string]func(bucket *sourcetest.Fake, c *consumer){
		"of the listing": func(bucket *sourcetest.Fake, _ *consumer) {
			bucket.PageSize = 10
			bucket.SetFault(func(op, _ string) error {
				if op == sourcetest.OpList && bucket.Pages() > 3 {
					return failure
				}
				return nil
			})
		},
		"of the consumer": func(_ *sourcetest.Fake, c *consumer) { c.setRefuse(failure) },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			bucket, c := new(sourcetest.Fake), newCounts()
			put(bucket, 2000)
			breakIt(bucket, c)
			if _, err := scanOnce(t.Context(), bucket, c, scanner.Query{}); !errors.Is(err, failure) {
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
		if _, err := scanOnce(ctx, bucket, newCounts(), scanner.Query{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestScanOnce_ReadsNoMoreLargeObjectsAtOnceThanThereAreCores(t *testing.T) {
	const cores, objects = 2, 6
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	synctest.Test(t, func(t *testing.T) {
		bucket, c := new(sourcetest.Fake), newCounts()
		for i := range objects {
			at := began.Add(time.Duration(i) * time.Minute)
			blank := bytes.Repeat([]byte("\n"), 9<<20)
			bucket.Put(simpleKey(at, "A"), append(accessLog(at, fmt.Sprint("R", i)), blank...), at)
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
				time.Sleep(time.Minute)
				add(-1)
			}
			return nil
		})
		unread, err := scanOnce(t.Context(), bucket, c, scanner.Query{})
		if err != nil || len(unread) > 0 || len(c.shown()) != objects || most != cores {
			t.Errorf("%d requests are counted, %d objects are read at once; unread %v, error %v", len(c.shown()), most, unread, err)
		}
	})
}
