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

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// smallMerger returns a merger that lists no more ahead than it must.
func smallMerger(ahead int) *merger {
	m := newMerger()
	m.ahead = ahead
	return m
}

// Whatever lies in a bucket, the same objects are queued, each once, and the same is noted,
// whether streams of CloudTrail are read one after the other or side by side, alone or with
// helpers. What is read side by side comes in the order of its times.
func TestMerger_FindsWhatAListingFinds(t *testing.T) {
	merged := 0
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 1))
		bucket, q := randomBucket(random), randomQuery(random)
		if random.IntN(2) == 0 {
			putNested(bucket, random)
			q = Query{} // others may pass over what lies in a stream's folders
		}
		alone := list(t, bucket, q, 0, 2)
		m := smallMerger(1 + random.IntN(20))
		together := listWith(t, m, bucket, q, random.IntN(8), 1+random.IntN(4))
		if !inOrderOfTime(together.keys) {
			t.Errorf("seed %d: the streams of a Region are not in the order of time", seed)
		}
		if !slices.Equal(alone.keys, together.keys) {
			merged++
		}
		slices.Sort(together.keys)
		if !slices.Equal(alone.keys, together.keys) {
			t.Fatalf("seed %d: it finds %d objects, %d side by side", seed, len(alone.keys), len(together.keys))
		}
		if alone.found != together.found || alone.asked != together.asked || !q.narrow() &&
			(alone.oldest != together.oldest || alone.newest != together.newest || !maps.Equal(alone.skipped, together.skipped)) {
			t.Errorf("seed %d: it notes found %v, asked %v, from %v to %v, skipped %v; side by side %v, %v, from %v to %v, %v", seed,
				alone.found, alone.asked, alone.oldest, alone.newest, alone.skipped, together.found, together.asked, together.oldest, together.newest, together.skipped)
		}
	}
	if merged < 40 {
		t.Errorf("only %d buckets have streams to merge", merged)
	}
}

// putNested puts a stream of CloudTrail into a bucket, and streams and keys of all kinds into
// its folders.
func putNested(bucket *sourcetest.Fake, random *rand.Rand) {
	const stream = "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	for range random.IntN(60) {
		at := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(int64(400 * 24 * time.Hour))))
		bucket.Put(logtest.TrailKey(stream, "111122223333", "eu-west-1", at, fmt.Sprintf("%016d", random.IntN(1000))), nil, at)
	}
	for range random.IntN(4) {
		for obj, err := range randomBucket(random).List(context.Background(), "", "") {
			if err != nil {
				panic(err) // nothing fails here
			}
			bucket.Put(stream+[]string{"", "2026/01/02/"}[random.IntN(2)]+obj.Key, nil, obj.LastModified)
		}
	}
	if random.IntN(2) == 0 {
		for _, key := range simpleKeys(20, time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), 20*24*time.Hour) {
			bucket.Put(stream+strings.TrimPrefix(key, "access/"), nil, time.Time{})
		}
	}
}

// inOrderOfTime reports whether the streams of each Region are in the order of time, where
// their keys are.
func inOrderOfTime(keys []string) bool {
	last := make(map[string]time.Time)
	for _, key := range keys {
		k := logkey.Parse(key)
		region := k.Stream.Region()
		if region == "" || strings.Count(key, "CloudTrail/") > 1 {
			continue
		}
		if k.Time.Before(last[region]) {
			return false
		}
		last[region] = k.Time
	}
	return true
}

// Reading streams side by side takes two requests of each more, at most.
func TestMerger_CostsAtMostTwoRequestsAStream(t *testing.T) {
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	const streams = 20
	for name, test := range map[string]struct {
		each  int // objects
		query Query
	}{
		"small streams":  {30, Query{}},
		"large streams":  {3000, Query{}},
		"whole pages":    {source.PageSize, Query{}},
		"a day of many":  {3000, Query{Since: first.AddDate(0, 0, 2), Until: first.AddDate(0, 0, 3)}},
		"none is wanted": {3000, Query{Wanted: func(k logkey.Key) bool { return k.Region != "eu-west-1" }}},
		"none is late":   {3000, Query{Since: first.AddDate(1, 0, 0)}},
		"none is early":  {3000, Query{Until: first.AddDate(-1, 0, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := new(sourcetest.Fake)
			for _, key := range streamKeys(streams, test.each, first) {
				bucket.Put(key, nil, first)
			}
			alone := list(t, bucket, test.query, 0, source.PageSize)
			together := listWith(t, newMerger(), bucket, test.query, 0, source.PageSize)
			t.Logf("%d requests one after the other, %d side by side", alone.requests, together.requests)
			if len(alone.keys) != len(together.keys) || together.requests > alone.requests+2*streams {
				t.Errorf("it finds %d objects of %d, with %d requests instead of %d", len(together.keys), len(alone.keys), together.requests, alone.requests)
			}
		})
	}
}

// Far more streams than pages are held of: all of them are read side by side, for more
// requests.
func TestMerger_ReadsAnyNumberOfStreamsSideBySide(t *testing.T) {
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	bucket := new(sourcetest.Fake)
	const streams, each = 200, 150
	for _, key := range streamKeys(streams, each, first) {
		bucket.Put(key, nil, first)
	}
	got := listWith(t, smallMerger(streams), bucket, Query{}, 0, source.PageSize)
	if len(got.keys) != streams*each || !inOrderOfTime(got.keys) || len(slices.Compact(slices.Sorted(slices.Values(got.keys)))) != streams*each {
		t.Errorf("it finds %d objects of %d", len(got.keys), streams*each)
	}
	if most := streams * (each/leastAhead + 2); got.requests > most {
		t.Errorf("it takes %d requests, want at most %d", got.requests, most)
	}
}

// The first pages of many streams, and the next ones, are listed at the same time.
func TestMerger_ListsStreamsAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
		bucket := new(sourcetest.Fake)
		for _, key := range streamKeys(30, 2500, first) {
			bucket.Put(key, nil, first)
		}
		far(bucket)
		began := time.Now()
		alone := list(t, bucket, Query{}, 0, source.PageSize)
		took := time.Since(began)
		began = time.Now()
		together := listWith(t, newMerger(), bucket, Query{}, maxHelpers, source.PageSize)
		if faster := float64(took) / float64(time.Since(began)); len(together.keys) != len(alone.keys) || faster < 2 {
			t.Errorf("it finds %d objects of %d, %.1f times as fast", len(together.keys), len(alone.keys), faster)
		}
	})
}

// ids is a Consumer that counts requests by their IDs.
type ids map[string]int

type idsTally []string

func (c ids) NewTally(_, _ string) Tally { return new(idsTally) }
func (t *idsTally) Add(r *record.Record) { *t = append(*t, string(r.RequestID)) }
func (t *idsTally) Done() int            { return len(*t) }
func (c ids) Take(t Tally) error {
	for _, id := range *t.(*idsTally) {
		c[id]++
	}
	return nil
}

// counts returns how many requests there are, and how many counts of them.
func (c ids) counts() (requests, counts int) {
	for _, n := range c {
		counts += n
	}
	return len(c), counts
}

// Copies of an event may lie in the folders of other trails, of other accounts and in other
// locations, with more events between them than are remembered.
func TestRun_CountsAnEventOnceInWhateverFoldersItsCopiesLie(t *testing.T) {
	const objects = 1500 // more than wait between the readers and the Consumer
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	put := func(bucket *sourcetest.Fake, prefix, account string, late time.Duration, own bool) {
		for i := range objects {
			at := first.Add(time.Duration(i) * 5 * time.Minute).Add(late)
			events := []string{fmt.Sprint("shared ", i)}
			if own {
				events = append(events, fmt.Sprint(account, i))
			}
			bucket.Put(logtest.TrailKey(prefix+account+"/CloudTrail/eu-west-1/", account, "eu-west-1", at, fmt.Sprintf("%016d", i)), logtest.TrailText(at, events...), at)
		}
	}
	const a, b = "111122223333", "999911112222"
	for name, test := range map[string]struct {
		put  func(one, two *sourcetest.Fake)
		want int
	}{
		"two trails": {func(one, _ *sourcetest.Fake) {
			put(one, "trailA/AWSLogs/", a, 0, false)
			put(one, "trailB/AWSLogs/", a, 0, false)
		}, objects},
		"an organization": {func(one, _ *sourcetest.Fake) {
			put(one, "AWSLogs/o-abcdefghij/", a, 0, true)
			put(one, "AWSLogs/o-abcdefghij/", b, 10*time.Minute, true)
		}, 3 * objects},
		"two locations": {func(one, two *sourcetest.Fake) {
			put(one, "AWSLogs/", a, 0, true)
			put(two, "AWSLogs/", b, 0, true)
			put(two, "copy/AWSLogs/", b, 0, true)
		}, 3 * objects},
	} {
		t.Run(name, func(t *testing.T) {
			one, two, got := new(sourcetest.Fake), new(sourcetest.Fake), make(ids)
			test.put(one, two)
			cfg := Config{Locations: []source.Location{{Name: "s3://one", Source: one}, {Name: "s3://two", Source: two}}, DedupeWindow: 50, Concurrency: 1}
			summary, err := Run(t.Context(), cfg, Query{}, got)
			if requests, counts := got.counts(); err != nil || len(summary.Unread) > 0 || summary.FarApart != nil || requests != test.want || counts != requests {
				t.Errorf("%d requests count %d times, want %d; %+v, error %v", requests, counts, test.want, summary, err)
			}
		})
	}
}

func TestRun_ReadsAllOthersWhereStreamsCannotBeListed(t *testing.T) {
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	failure := errors.New("no")
	good, bad, got := new(sourcetest.Fake), new(sourcetest.Fake), make(ids)
	for i, key := range streamKeys(3, 1500, first) {
		good.Put(key, logtest.TrailText(first, fmt.Sprint("good ", i)), first)
	}
	for i, key := range streamKeys(100, 5, first) {
		bad.Put(key, logtest.TrailText(first, fmt.Sprint("bad ", i)), first)
	}
	bad.SetFault(func(op, key string) error {
		if op == sourcetest.OpList && strings.HasSuffix(key, "/CloudTrail/eu-west-1/") {
			return failure
		}
		return nil
	})
	cfg := Config{Locations: []source.Location{{Name: "s3://bad", Source: bad}, {Name: "s3://good", Source: good}}, DedupeWindow: 50}
	summary, err := Run(t.Context(), cfg, Query{}, got)
	var failed *ListError
	if !errors.As(err, &failed) || failed.Location != "s3://bad" || !errors.Is(err, failure) || summary.Locations[0].Failed == nil || summary.Locations[1].Failed != nil {
		t.Errorf("%+v, error %v", summary, err)
	}
	if pages := bad.Pages(); pages > 1+maxHelpers {
		t.Errorf("it tries %d times to list what cannot be listed", pages)
	}
	if requests, _ := got.counts(); requests < 4500 || requests > 4600 { // the bad streams' first objects were listed
		t.Errorf("%d requests of 4500 and 100", requests)
	}
}

// What was listed before a listing fails is read.
func TestRun_ReadsWhatWasListedOfAStream(t *testing.T) {
	first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	bucket, got := &sourcetest.Fake{PageSize: 100}, make(ids)
	for i, key := range streamKeys(1, 500, first) {
		bucket.Put(key, logtest.TrailText(first, fmt.Sprint(i)), first)
	}
	bucket.SetFault(func(op, key string) error {
		if op == sourcetest.OpList && key != "" && bucket.Pages() > 7 { // after five of the walk and two of the stream
			return errors.New("no")
		}
		return nil
	})
	cfg := Config{Locations: []source.Location{{Name: "s3://logs", Source: bucket}}, DedupeWindow: 50}
	_, err := Run(t.Context(), cfg, Query{}, got)
	if requests, _ := got.counts(); !errors.As(err, new(*ListError)) || requests < 100 || requests == 500 {
		t.Errorf("%d requests, error %v", requests, err)
	}
}

func TestRun_EndsWhileStreamsAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
		bucket, got := new(sourcetest.Fake), make(ids)
		for i, key := range streamKeys(20, 2000, first) {
			bucket.Put(key, logtest.TrailText(first, fmt.Sprint(i)), first)
		}
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				time.Sleep(time.Second)
			}
			return ctx.Err()
		})
		began := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(why) })
		cfg := Config{Locations: []source.Location{{Name: "s3://logs", Source: bucket}}, DedupeWindow: 50, Concurrency: 8}
		summary, err := Run(ctx, cfg, Query{}, got)
		if requests, _ := got.counts(); !errors.Is(err, why) || len(summary.Unread) > 0 || requests == 0 || summary.Locations[0].Failed == nil {
			t.Errorf("%d requests, %+v, error %v", requests, summary, err)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
