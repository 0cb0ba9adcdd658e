package scanner_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// failsOnce is a store of which the first listing of everything fails when it comes to a key.
type failsOnce struct {
	*sourcetest.Fake
	at string
}

func (f *failsOnce) List(ctx context.Context, prefix, after string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		for obj, err := range f.Fake.List(ctx, prefix, after) {
			if err == nil && prefix == "" && f.at != "" && obj.Key >= f.at {
				f.at = ""
				yield(source.Object{}, &source.Error{Op: "list", Reason: source.ReasonThrottled, Err: errSlowDown})
				return
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}

// Logs in another form among the keys of a stream, from before the start, do not count either
// where the first search fails midway, so that the stream is known when the next one comes.
func TestScanner_AFirstSearchThatFailsCountsNothingFromBeforeTheStart(t *testing.T) {
	for _, host := range []string{"p/", "111122223333/eu-west-1/b/"} {
		inBubble(t, func(r *rig) {
			r.store = &failsOnce{r.bucket, host + "2026/02"}
			r.config.Since = 24 * time.Hour
			put := func(at time.Time, i int, own, stranger string) {
				r.bucket.Put(logtest.PartitionedKey(host, at, fmt.Sprintf("%016X", i)), logtest.AccessLog(at, own), at)
				r.bucket.Put(host+at.UTC().Format("2006/01/02/")+fmt.Sprint("x-", i), logtest.TrailText(at, stranger), at)
			}
			for i := range 10 {
				put(began.Add(-time.Duration(48+24*i)*time.Hour), i, fmt.Sprint("old", i), fmt.Sprint("stranger", i))
			}
			for i := range 60 { // more than a listing goes on over
				at := began.Add(-90*24*time.Hour + time.Duration(i)*time.Second)
				r.bucket.Put(logtest.PartitionedKey(host, at, fmt.Sprintf("%016X", i)), nil, at)
			}
			r.start()
			r.wait(10 * time.Minute)
			put(time.Now(), 100, "new", "new stranger")
			r.wait(80 * time.Hour)
			r.expect("new", "new stranger")
		})
	}
}
