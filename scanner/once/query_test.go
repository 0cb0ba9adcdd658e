package once_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// seen is a Consumer that keeps the ID, the time and the object of every record.
type seen struct {
	records []seenRecord
	refuse  error // of Take
}

type seenRecord struct {
	id, object string
	time       time.Time
}

type seenTally struct {
	object  string
	records []seenRecord
}

func (s *seen) NewTally(location, key string) once.Tally {
	return &seenTally{object: location + "/" + key}
}

func (t *seenTally) Add(r *record.Record) {
	t.records = append(t.records, seenRecord{string(r.RequestID), t.object, time.Unix(r.Time, 0).UTC()})
}

func (t *seenTally) Done() int { return len(t.records) }

func (s *seen) Take(t once.Tally) error {
	if s.refuse == nil {
		s.records = append(s.records, t.(*seenTally).records...)
	}
	return s.refuse
}

// ask returns the records that a pass over the bucket finds.
func ask(t *testing.T, bucket *sourcetest.Fake, q once.Query) []seenRecord {
	t.Helper()
	s := new(seen)
	if summary, err := run(t.Context(), bucket, s, q); err != nil || len(summary.Unread) > 0 {
		t.Fatalf("unread %v, error %v", summary.Unread, err)
	}
	return s.records
}

// prefixes of all streams of a bucket in which many are logged to.
const (
	trails  = "AWSLogs/o-abcdefghij/%s/CloudTrail/%s/"
	digests = "AWSLogs/o-abcdefghij/%s/CloudTrail-Digest/%s/"
	parts   = "%s/%s/bucket/"
)

// yearOfLogs puts objects of all layouts, some a day in each stream. It returns
// the number of streams.
func yearOfLogs(bucket *sourcetest.Fake, first time.Time, days, perDay int) (streams int) {
	var keys []string
	at := func(day, i int) time.Time {
		return first.AddDate(0, 0, day).Add(time.Duration(i)*24*time.Hour/time.Duration(perDay) + time.Minute)
	}
	stream := func(key func(at time.Time) string) {
		streams++
		for d := range days {
			for i := range perDay {
				keys = append(keys, key(at(d, i)))
			}
		}
	}
	for _, account := range []string{"111122223333", "202612345678", "444455556666"} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			trail, digest, part := fmt.Sprintf(trails, account, region), fmt.Sprintf(digests, account, region), fmt.Sprintf(parts, account, region)
			stream(func(at time.Time) string { return logtest.TrailKey(trail, account, region, at, "aBcDeFgHiJkLmNoP") })
			stream(func(at time.Time) string {
				return digest + at.Format("2006/01/02/") + account + "_CloudTrail-Digest_" + region + at.Format("_20060102T150405Z") + ".json.gz"
			})
			stream(func(at time.Time) string {
				return logtest.PartitionedKey("delivered/"+part, at, at.Format("ABCDEFGHIJ150405"))
			})
			stream(func(at time.Time) string {
				return logtest.PartitionedKey(part, at.Truncate(24*time.Hour), at.Format("ABCDEFGHIJ150405"))
			})
		}
	}
	for _, prefix := range []string{"", "2026-x/", "simple/"} {
		stream(func(at time.Time) string { return prefix + at.Format("2006-01-02-15-04-05-") + "0123456789ABCDEF" })
	}
	slices.Sort(keys)
	for _, key := range keys {
		var body []byte
		if strings.HasSuffix(key, ".json.gz") {
			body = []byte(`{"Records":[]}`)
		}
		bucket.Put(key, body, first)
	}
	return streams
}

func TestRun_OneDayOfAYearCostsAboutThatDay(t *testing.T) {
	const perDay = 12
	for name, days := range map[string]int{"a year": 365, "two years": 730} {
		t.Run(name, func(t *testing.T) {
			bucket := new(sourcetest.Fake)
			first := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 1-days/2)
			streams := yearOfLogs(bucket, first, days, perDay)
			since := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
			progress := new(once.Progress)
			ask(t, bucket, once.Query{Since: since, Until: since.AddDate(0, 0, 1), Slack: time.Hour, Progress: progress})
			// One page to meet a stream, one at the day, one behind it; and where
			// streams may lie among the objects of another, one a year.
			if pages := bucket.Pages(); pages > 4*streams {
				t.Errorf("%d pages are listed of %d streams", pages, streams)
			}
			// 15 streams have the time of delivery: those of the day and of the hour
			// behind it. 6 have the day, or the time of delivery at midnight.
			if opens, want := bucket.Opens(), 15*(perDay+1)+6*2*perDay; opens != want {
				t.Errorf("%d objects are read, want %d", opens, want)
			}
			if listed, complete := progress.Listed(); !complete || listed.Objects != int64(bucket.Opens()) || listed != progress.Done() {
				t.Errorf("progress ends with %v listed (complete %v), %v done", listed, complete, progress.Done())
			}
		})
	}
}

func TestRun_PassesOverUnwantedStreams(t *testing.T) {
	bucket := new(sourcetest.Fake)
	streams := yearOfLogs(bucket, began, 365, 12)
	ask(t, bucket, once.Query{Wanted: func(k logkey.Key) bool {
		return k.Stream.Log() == record.CloudTrail && k.Region == "eu-west-1"
	}})
	const wanted = 3 * 365 * 12
	if bucket.Opens() != wanted {
		t.Errorf("%d objects are read, want %d", bucket.Opens(), wanted)
	}
	if pages := bucket.Pages(); pages > 3*streams+wanted/1000 {
		t.Errorf("%d pages are listed of %d streams", pages, streams)
	}
}

func TestRun_FindsAllThatAQueryAsksFor(t *testing.T) {
	for seed := range uint64(30) {
		tr := newTree(seed)
		all := ask(t, &tr.bucket, once.Query{})
		if len(all) != tr.n {
			t.Fatalf("seed %d: %d records of %d are found without a query", seed, len(all), tr.n)
		}
		for range 10 {
			q, matches := tr.query()
			got := make(map[seenRecord]bool)
			for _, r := range ask(t, &tr.bucket, q) {
				got[r] = true
			}
			for _, r := range all {
				if matches(r) && !got[r] {
					t.Errorf("seed %d: %v is missing from %v to %v with slack %v", seed, r, q.Since, q.Until, q.Slack)
				}
			}
		}
	}
}

func TestRun_PrefilterPassesOverRecordsOfAllFormats(t *testing.T) {
	bucket := new(sourcetest.Fake)
	bucket.Put("access/2026-03-04-05-06-07-0123456789ABCDEF", logtest.AccessLog(began, "one", "two", "three"), began)
	bucket.Put(logtest.TrailKey(fmt.Sprintf(trails, "111122223333", "eu-west-1"), "111122223333", "eu-west-1", began, "x0"), logtest.Trail(began, "four", "five"), began)
	asked := make(map[record.Format]int)
	var mu sync.Mutex
	records := ask(t, bucket, once.Query{Prefilter: func(format record.Format, raw []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[format]++
		return bytes.Contains(raw, []byte("two")) || bytes.Contains(raw, []byte("five"))
	}})
	var ids []string
	for _, r := range records {
		ids = append(ids, r.id)
	}
	slices.Sort(ids)
	if want := map[record.Format]int{accesslog.Format: 3, cloudtrail.Format: 2}; !slices.Equal(ids, []string{"five", "two"}) || !maps.Equal(asked, want) {
		t.Errorf("found %v, want five and two; asked %v, want %v", ids, asked, want)
	}
}

func TestRun_ListsAheadOfReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, progress := new(sourcetest.Fake), new(once.Progress)
		put(bucket, 300)
		bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				time.Sleep(time.Hour)
			}
			return nil
		})
		var scan sync.WaitGroup
		scan.Go(func() {
			if summary, err := run(t.Context(), bucket, new(seen), once.Query{Progress: progress}); err != nil || len(summary.Unread) > 0 {
				t.Errorf("unread %v, error %v", summary.Unread, err)
			}
		})
		synctest.Wait()
		if listed, complete := progress.Listed(); listed.Objects != 300 || listed.Bytes == 0 || !complete || progress.Done() != (once.Extent{}) {
			t.Errorf("before anything is read, %v are listed (complete %v), %v done", listed, complete, progress.Done())
		}
		time.Sleep(90 * time.Minute)
		if done := progress.Done(); done.Objects != 8 {
			t.Errorf("%v are done after one turn of eight readers", done)
		}
		scan.Wait()
	})
}

func TestRun_EndOfTheContextLeavesWhatWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		bucket, c := new(sourcetest.Fake), new(seen)
		put(bucket, 3000)
		bucket.SetFault(func(op, _ string) error {
			if op != sourcetest.OpOpen {
				return nil
			}
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		began := time.Now()
		time.AfterFunc(2500*time.Millisecond, func() { cancel(why) })
		summary, err := run(ctx, bucket, c, once.Query{})
		if !errors.Is(err, why) || len(summary.Unread) > 0 {
			t.Errorf("unread %v, error %v", summary.Unread, err)
		}
		if took := time.Since(began); took > 3*time.Second || len(c.records) != 16 {
			t.Errorf("%d requests are counted, and it took %v", len(c.records), took)
		}
	})
}
