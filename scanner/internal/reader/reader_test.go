package reader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

var at = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ids is a Tally of request IDs, with the account and the Region of each.
type ids struct{ records []string }

func (t *ids) Add(r *record.Record) {
	t.records = append(t.records, fmt.Sprintf("%s %s %s", r.RequestID, r.AccountID, r.Region))
}

func (t *ids) Done() int { return len(t.records) }

// read reads objects of a bucket, with a State each, and returns the Results in the
// order of their States.
func read(ctx context.Context, bucket *sourcetest.Fake, cfg reader.Config) []*reader.Result[int] {
	cfg.NewTally = func(_, _ string) reader.Tally { return new(ids) }
	jobs := make(chan *reader.Job[int], 1000)
	n := 0
	for obj, err := range bucket.List(context.Background(), "", "") {
		if err == nil {
			jobs <- &reader.Job[int]{Location: source.Location{Name: "s3://logs", Source: bucket}, Key: logkey.Parse(obj.Key), Object: obj, State: n}
			n++
		}
	}
	close(jobs)
	results := slices.Collect(reader.Read(ctx, cfg, jobs).All())
	slices.SortFunc(results, func(a, b *reader.Result[int]) int { return a.State - b.State })
	return results
}

const (
	account = "111122223333"
	trails  = "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	parts   = "111122223333/eu-west-1/bucket/"
	unique  = "0123456789ABCDEF"
)

func TestRead_HandsOnWhatTheObjectHolds(t *testing.T) {
	bucket := new(sourcetest.Fake)
	later := at.Add(time.Hour)
	body := append(logtest.AccessLog(later, "r2"), logtest.AccessLog(at, "r1")...)
	body = append(body, "not a line\n"...)
	bucket.Put(logtest.PartitionedKey(parts, later, unique), logtest.Gzip(body), later)
	bucket.Put(logtest.TrailKey(trails, account, "eu-west-1", later, unique), logtest.Trail(at, "e1", "e2", "e1"), later)
	results := read(t.Context(), bucket, reader.Config{Window: dedupe.NewWindow(10)})
	for i, want := range []struct {
		records             []string
		duplicates, skipped int64
		oldest, newest      int64
	}{
		{[]string{"r2 111122223333 eu-west-1", "r1 111122223333 eu-west-1"}, 0, 1, at.Unix(), later.Unix()},
		{[]string{"e1 111122223333 eu-west-1", "e2 111122223333 eu-west-1"}, 1, 0, at.Unix(), at.Unix()},
	} {
		r := results[i]
		if r.Err != nil || !slices.Equal(r.Tally.(*ids).records, want.records) || r.Records != 2 || r.Weight != 2 ||
			r.Skipped.Duplicate != want.duplicates || r.Skipped.Malformed != want.skipped || r.Oldest != want.oldest || r.Newest != want.newest {
			t.Errorf("object %d: %+v of %+v", i, r.Outcome, r.Job)
		}
	}
}

func TestRead_NamesTheReasonOfEachFailure(t *testing.T) {
	lines, events := logtest.AccessLog(at, "r1"), logtest.Trail(at, "r1")
	plain := []byte(`{"Records":[]}`)
	tests := map[string]struct {
		body  []byte
		fault func(op, key string) error
		want  source.Reason
		trail bool
	}{
		"broken compression":    {body: []byte("\x1f\x8bbroken"), want: reader.ReasonGzip},
		"truncated compression": {body: events[:len(events)-1], trail: true, want: reader.ReasonGzip},
		"data behind it":        {body: append(logtest.Gzip(lines), 'x'), want: reader.ReasonGzip},
		"broken JSON":           {body: []byte(`{"Records":[}`), trail: true, want: reader.ReasonJSON},
		"truncated JSON":        {body: plain[:10], trail: true, want: reader.ReasonJSON},
		"other JSON":            {body: []byte(`{"digest":1}`), trail: true, want: reader.ReasonNotLog},
		"too large":             {body: bytes.Repeat(lines, 20), want: reader.ReasonSize},
		"a store's own reason": {body: lines, want: source.ReasonArchived, fault: func(op, key string) error {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonArchived, Err: errors.New("restore it")}
		}},
		"no time left": {body: lines, want: source.ReasonTimeout, fault: func(op, _ string) error {
			if op == sourcetest.OpOpen {
				return context.DeadlineExceeded
			}
			return nil
		}},
		"a body that breaks off": {body: lines, want: source.ReasonRead, fault: func(op, _ string) error {
			if op == sourcetest.OpRead {
				return sourcetest.FailAfter(10, errors.New("connection reset"))
			}
			return nil
		}},
		// Bytes that changed on their way are not the object's: reading them again helps.
		"broken on its way": {body: []byte("\x1f\x8bbroken"), want: source.ReasonChecksum, fault: func(op, key string) error {
			if op == sourcetest.OpRead {
				return sourcetest.FailAfter(8, &source.Error{Op: op, Key: key, Reason: source.ReasonChecksum, Err: errors.New("checksum")})
			}
			return nil
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bucket := new(sourcetest.Fake)
			key := logtest.SimpleKey(at, "A")
			if test.trail {
				key = logtest.TrailKey(trails, account, "eu-west-1", at, unique)
			}
			bucket.Put(key, test.body, at)
			if test.fault != nil {
				bucket.SetFault(func(op, key string) error {
					if op == sourcetest.OpList {
						return nil
					}
					return test.fault(op, key)
				})
			}
			r := read(t.Context(), bucket, reader.Config{MaxObjectSize: 2000})[0]
			if r.Err == nil || r.Err.Reason != test.want || r.Err.Location != "s3://logs" || r.Err.Key != key || r.Tally != nil || r.Weight != 0 {
				t.Errorf("%+v, want %s", r.Outcome, test.want)
			}
			if r.Err != nil && !slices.Contains(reader.Reasons(), r.Err.Reason) {
				t.Errorf("%s is not in Reasons", r.Err.Reason)
			}
		})
	}
}

func TestRead_DropsJobsOnceItsContextHasEnded(t *testing.T) {
	bucket := new(sourcetest.Fake)
	for i := range 10 {
		bucket.Put(logtest.SimpleKey(at, fmt.Sprint(i)), logtest.AccessLog(at, "r"), at)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if results := read(ctx, bucket, reader.Config{}); len(results) > 0 || bucket.Opens() > 0 {
		t.Errorf("%d results, %d objects were opened", len(results), bucket.Opens())
	}
}

// An object that has passed over an event of another one fails with it, and is sound
// when it is read again.
func TestResults_FailWithWhatTheyDependOn(t *testing.T) {
	bucket := new(sourcetest.Fake)
	put := func(minute int, body []byte) string {
		key := logtest.TrailKey(trails, account, "eu-west-1", at.Add(time.Duration(minute)*time.Minute), unique)
		bucket.Put(key, body, at)
		return key
	}
	shared := logtest.Trail(at, "e1", "e2")
	put(0, append(shared, "\x1f\x8bbroken"...))
	second := put(1, logtest.Trail(at, "e2", "e3"))
	cfg := reader.Config{Window: dedupe.NewWindow(10), Concurrency: 1, NewTally: func(_, _ string) reader.Tally { return new(ids) }}
	jobs := make(chan *reader.Job[int], 2)
	for obj, err := range bucket.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		jobs <- &reader.Job[int]{Location: source.Location{Name: "s3://logs", Source: bucket}, Key: logkey.Parse(obj.Key), Object: obj}
	}
	close(jobs)
	results := reader.Read(t.Context(), cfg, jobs)
	var taken []*reader.Result[int]
	for r := range results.All() {
		taken = append(taken, r)
	}
	if ready, failed := results.Pass(taken[1]); len(ready)+len(failed) > 0 {
		t.Fatalf("%d may count and %d failed before the first is known", len(ready), len(failed))
	}
	ready, failed := results.Pass(taken[0])
	if len(ready) > 0 || len(failed) != 2 || failed[1].Err.Key != second || failed[1].Err.Reason != reader.ReasonShared || reader.Permanent(reader.ReasonShared) {
		t.Fatalf("%d may count, failed are %v", len(ready), failed)
	}
	ready, failed = results.Pass(results.ReadAgain(t.Context(), failed[1].Job))
	if len(failed) > 0 || len(ready) != 1 || ready[0].Records != 2 || ready[0].Skipped.Duplicate != 0 {
		t.Errorf("read again: %+v, failed are %v", ready, failed)
	}
}
