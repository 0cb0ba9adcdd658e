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

// pagewise is a bucket whose pages come as a whole, after some time, whatever has ended
// meanwhile.
type pagewise struct {
	*sourcetest.Fake
	takes func(prefix string) time.Duration
}

func (p *pagewise) List(ctx context.Context, prefix, after string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		var page []source.Object
		for obj, err := range p.Fake.List(context.WithoutCancel(ctx), prefix, after) {
			if err != nil {
				yield(obj, err)
				return
			}
			page = append(page, obj)
		}
		time.Sleep(p.takes(prefix))
		for _, obj := range page {
			if !yield(obj, nil) {
				return
			}
		}
	}
}

// A process that is to end while streams are listed, and objects of others wait to be read
// again, ends in order: with its last commit, and once nobody uses the checkpoint any more.
func TestScanner_EndsInOrderWhileStreamsAreListed(t *testing.T) {
	inBubble(t, func(r *rig) {
		const streams = 8
		put := func(name string) (ids []string) {
			for i := range streams {
				key := fmt.Sprintf("s%d/", i) + logtest.SimpleKey(time.Now(), name)
				ids = append(ids, key)
				r.bucket.Put(key, logtest.AccessLog(time.Now(), key), time.Now())
			}
			return ids
		}
		var listing, opening time.Duration
		var fault error
		r.store = &pagewise{r.bucket, func(prefix string) time.Duration {
			if prefix == "" {
				return 0 // the search
			}
			return listing
		}}
		r.bucket.SetFault(func(op, _ string) error {
			if op == sourcetest.OpOpen {
				time.Sleep(opening)
			}
			if op == sourcetest.OpRead {
				return fault
			}
			return nil
		})
		r.config.Concurrency = 1
		fault = sourcetest.Short(1)
		want := append(put("A"), put("B")...)
		r.start()
		r.wait(30 * time.Second)
		listing, opening, fault = 20*time.Second, time.Minute, nil
		want = append(want, put("C")...)
		r.wait(40 * time.Second)
		r.stop()
		listing, opening = 0, 0
		r.start()
		r.wait(time.Hour)
		r.expect(want...)
	})
}
