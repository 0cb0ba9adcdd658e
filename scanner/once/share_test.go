package once

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// listed is what a listing of a bucket found.
type listed struct {
	*listing
	keys     []string
	requests int
	most     int // goroutines at once
}

// list lists a bucket with so many helpers.
func list(t *testing.T, bucket *sourcetest.Fake, q Query, helping, pageSize int) listed {
	t.Helper()
	return listWith(t, nil, bucket, q, helping, pageSize)
}

// listWith is list with a merger, if it is not nil.
func listWith(t *testing.T, m *merger, bucket *sourcetest.Fake, q Query, helping, pageSize int) listed {
	t.Helper()
	jobs := make(chan *job, listAhead)
	q.Progress = new(Progress)
	group, ctx := errgroup.WithContext(t.Context())
	l := &listing{
		location: source.Location{Name: "s3://logs", Source: bucket}, query: &q, jobs: jobs,
		recogniser: reader.NewRecogniser(),
		helpers:    &helpers{group: group, busy: make(chan struct{}, helping)}, merger: m, pageSize: pageSize,
	}
	out, before := listed{listing: l}, bucket.Pages()
	group.Go(func() error {
		_, err := l.run(ctx, part{})
		return err
	})
	var failed error
	go func() {
		failed = group.Wait()
		m.merge(t.Context())
		failed = errors.Join(failed, l.failed)
		close(jobs)
	}()
	for j := range jobs {
		out.keys = append(out.keys, j.Object.Key)
		out.most = max(out.most, len(l.helpers.busy))
	}
	if failed != nil {
		t.Fatal(failed)
	}
	out.requests = bucket.Pages() - before
	return out
}

// odd are parts of keys among which, and in place of which, others lie.
var (
	oddPrefixes = []string{"", "a", "a/", "a/2026/", "2026", "2026-", "logs/", "logs/2/", "\U0001F4C1/", "z~", "AWSLogs/o-abcdefghij/"}
	oddKeys     = []string{"", "0", "2026", "2026-01-02-03-04-05-", "2026/01/02/", "readme", "~", "\x00", "é", ":"}
)

// randomBucket returns a bucket of streams of all layouts, of one object to hundreds, and
// of other keys between and among them.
func randomBucket(random *rand.Rand) *sourcetest.Fake {
	bucket := &sourcetest.Fake{PageSize: 1 + random.IntN(9)}
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	for range 1 + random.IntN(12) {
		prefix := pick(oddPrefixes...)
		account, region := pick("111122223333", "202612345678", "999911112222"), pick("eu-west-1", "us-east-1")
		first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(int64(60 * 24 * time.Hour))))
		span := time.Duration(1 + random.Int64N(int64(400*24*time.Hour)))
		layout := random.IntN(5)
		for range 1 + random.IntN(1+random.IntN(300)) {
			at := first.Add(time.Duration(random.Int64N(int64(span)))).Truncate(time.Second)
			unique := fmt.Sprintf("%016d", random.IntN(1_000_000))
			key := prefix + pick(oddKeys...) + unique[:random.IntN(16)]
			switch layout {
			case 0:
				key = prefix + at.Format("2006-01-02-15-04-05-") + unique
			case 1:
				key = logtest.PartitionedKey(prefix+account+"/"+region+"/bucket/", at, unique)
			case 2: // by event
				key = logtest.PartitionedKey(prefix+account+"/"+region+"/bucket/", at.Truncate(day), unique)
			case 3:
				key = logtest.TrailKey(prefix+account+"/CloudTrail/"+region+"/", account, region, at, unique)
			}
			bucket.Put(key, nil, at)
		}
	}
	return bucket
}

// randomQuery returns a query that leaves out what lies before a time, behind one, in
// streams, or nothing.
func randomQuery(random *rand.Rand) Query {
	q := Query{Slack: time.Duration(random.IntN(30)) * time.Hour}
	at := func() time.Time {
		return time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(int64(200 * 24 * time.Hour))))
	}
	if random.IntN(3) == 0 {
		q.Since = at()
	}
	if random.IntN(3) == 0 {
		q.Until = at()
	}
	switch random.IntN(4) {
	case 0:
		q.Wanted = func(k logkey.Key) bool { return k.Region != "eu-west-1" }
	case 1:
		q.Wanted = func(k logkey.Key) bool { return k.Stream.Log() == record.ServerAccess }
	}
	return q
}

func TestListing_SharedFindsWhatOneAloneFinds(t *testing.T) {
	shared := 0
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 0))
		bucket, q := randomBucket(random), randomQuery(random)
		alone, together := list(t, bucket, q, 0, 2), list(t, bucket, q, 1+random.IntN(8), 2)
		slices.Sort(together.keys)
		if !slices.Equal(alone.keys, together.keys) {
			t.Fatalf("seed %d: alone it finds %d objects, together %d", seed, len(alone.keys), len(together.keys))
		}
		if alone.found != together.found || !q.narrow() &&
			(alone.oldest != together.oldest || alone.newest != together.newest || !maps.Equal(alone.skipped, together.skipped)) {
			t.Errorf("seed %d: alone it notes %v, together %v", seed, alone.listing, together.listing)
		}
		if together.most > 0 {
			shared++
		}
	}
	if shared < 40 {
		t.Errorf("only %d listings are shared", shared)
	}
}

// far gives each page of a bucket 100 ms.
func far(bucket *sourcetest.Fake) {
	bucket.SetFault(func(op, _ string) error {
		if op == sourcetest.OpList {
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	})
}

// simpleKeys are of a flat prefix, in order.
func simpleKeys(n int, first time.Time, apart time.Duration) (keys []string) {
	for i := range n {
		keys = append(keys, logtest.SimpleKey(first.Add(time.Duration(i)*apart), fmt.Sprintf("%010d", i)))
	}
	return keys
}

// streamKeys are of so many streams of CloudTrail, in order.
func streamKeys(streams, each int, first time.Time) (keys []string) {
	for s := range streams {
		account := fmt.Sprintf("%012d", s*(1_000_000_000_000/streams)+7)
		for i := range each {
			keys = append(keys, logtest.TrailKey("AWSLogs/o-abcdefghij/"+account+"/CloudTrail/eu-west-1/", account, "eu-west-1",
				first.Add(time.Duration(i)*5*time.Minute), fmt.Sprintf("%016d", i)))
		}
	}
	return keys
}

func TestListing_OfManyPagesIsSharedAndCostsLittleMore(t *testing.T) {
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		keys   []string
		query  Query
		faster float64
	}{
		"a flat prefix":                 {simpleKeys(60_000, first, time.Minute), Query{Until: first.AddDate(0, 3, 0)}, 2},
		"a flat prefix of long ago":     {simpleKeys(60_000, first.AddDate(-3, 0, 0), time.Minute), Query{}, 2},
		"a burst in a flat prefix":      {simpleKeys(60_000, first.AddDate(-1, 0, 0), 300*time.Millisecond), Query{}, 1.4},
		"a day of many streams":         {streamKeys(300, 288*4, first), Query{Since: first.AddDate(0, 0, 2), Until: first.AddDate(0, 0, 3)}, 4},
		"all of many streams":           {streamKeys(300, 288, first), Query{}, 2},
		"a few pages of a flat prefix":  {simpleKeys(3_500, first, time.Minute), Query{}, 1},
		"a few pages with many streams": {streamKeys(35, 100, first), Query{}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(first.AddDate(1, 0, 0)))
				bucket := new(sourcetest.Fake)
				for _, key := range test.keys {
					bucket.Put(key, nil, first)
				}
				far(bucket)
				began := time.Now()
				alone := list(t, bucket, test.query, 0, source.PageSize)
				took := time.Since(began)
				began = time.Now()
				together := list(t, bucket, test.query, maxHelpers, source.PageSize)
				faster := float64(took) / float64(time.Since(began))
				t.Logf("%.1f times as fast; %d requests alone, %d together", faster, alone.requests, together.requests)
				if slices.Sort(together.keys); !slices.Equal(alone.keys, together.keys) {
					t.Errorf("alone it finds %d objects, together %d", len(alone.keys), len(together.keys))
				}
				if faster < test.faster {
					t.Errorf("it is %.1f times as fast, want %.1f", faster, test.faster)
				}
				if test.faster == 1 && together.requests != alone.requests || together.requests > alone.requests*7/4+3 {
					t.Errorf("it takes %d requests, and %d alone", together.requests, alone.requests)
				}
			})
		})
	}
}

// Readers that have enough to do are not served faster, but in order.
func TestListing_IsNotSharedWhileTheReadersAreBehind(t *testing.T) {
	bucket := new(sourcetest.Fake)
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, key := range simpleKeys(9_000, first, time.Minute) {
		bucket.Put(key, nil, first)
	}
	jobs := make(chan *job, 1000)
	group, ctx := errgroup.WithContext(t.Context())
	l := &listing{
		location: source.Location{Source: bucket}, query: &Query{Progress: new(Progress)}, jobs: jobs,
		helpers: &helpers{group: group, busy: make(chan struct{}, maxHelpers)}, pageSize: source.PageSize,
	}
	group.Go(func() error {
		_, err := l.run(ctx, part{})
		return err
	})
	var keys []string
	for len(keys) < 9_000 {
		if len(keys) < 8_000 {
			waitFull(ctx, jobs)
		}
		keys = append(keys, (<-jobs).Object.Key)
	}
	if err := group.Wait(); err != nil || !slices.IsSortedFunc(keys, strings.Compare) {
		t.Errorf("the keys are out of order; error %v", err)
	}
}

// waitFull waits until a channel is full.
func waitFull(ctx context.Context, jobs chan *job) {
	for len(jobs) < cap(jobs) && ctx.Err() == nil {
		time.Sleep(time.Microsecond)
	}
}
