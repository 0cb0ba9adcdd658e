package scanner_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// proxied is a bucket behind a proxy that answers every GET with a page, as long as it does,
// which happens to be as long as the object.
type proxied struct {
	sourcetest.Fake
	answers atomic.Bool
}

func (p *proxied) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	if !p.answers.Load() {
		return p.Fake.Open(ctx, obj)
	}
	page := "\ufeff\n<!DOCTYPE html><title>Please log in</title>" + strings.Repeat(" ", int(obj.Size))
	return io.NopCloser(strings.NewReader(page[:obj.Size])), nil
}

// A proxy's page is not taken for something else that lies among logs: the object behind it
// is read again. Nor does a page show what its stream is.
func TestScanner_PageInPlaceOfALogWithAFreeKeyLosesNothing(t *testing.T) {
	for name, known := range map[string]bool{"of a stream that is known": true, "of one that is not": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				var bucket proxied
				r.config.Locations = []source.Location{{Name: "s3://other", Store: "aws/other", Source: &bucket}}
				put := func(id string) {
					at := time.Now()
					bucket.Put("v/"+at.Format("2006/01/02/15/")+id+".gz", logtest.AccessJSON(at, id), at)
				}
				bucket.answers.Store(!known)
				put("r1")
				r.start()
				r.wait(2 * time.Minute)
				bucket.answers.Store(true)
				put("r2")
				r.wait(16 * time.Minute)
				if known {
					r.expect("r1")
					if r.metric("object_errors_total", "not_a_log") != 1 || r.metric("quarantined_objects") != 1 || r.metric("skipped_objects_total", "not_a_log") != 0 {
						t.Errorf("it is not quarantined:\n%s", &r.log)
					}
				}
				bucket.answers.Store(false)
				if known {
					r.crash() // what is quarantined, and has not changed, is tried again at each start
					r.start()
				} else {
					put("r3") // which shows that logs lie here
				}
				r.wait(2 * time.Hour)
				if known {
					r.expect("r1", "r2")
				} else {
					r.expect("r1", "r2", "r3")
				}
			})
		})
	}
}

// What is a page by its name lies there among logs, and is passed over.
func TestScanner_PagesAmongLogsAreSkipped(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.putFree(freeKeys["days"], began, "A", logtest.AccessJSON(began, "r1"))
		r.putFree(freeKeys["days"], began, "B.html", []byte("<html></html>"))
		r.putFree(freeKeys["days"], began, "C.XML.gz", logtest.Gzip([]byte("<?xml version='1.0'?>")))
		r.start()
		r.wait(time.Hour)
		r.expect("r1")
		if quarantined, skipped := r.metric("quarantined_objects"), r.metric("skipped_objects_total", "not_a_log"); quarantined != 0 || skipped != 2 {
			t.Errorf("%v pages are quarantined, and %v skipped, want 0 and 2", quarantined, skipped)
		}
	})
}

// Nor do pages show that no logs lay there before the start, which do not count.
func TestScanner_PagesInTheFirstSearchHideNothingFromBeforeTheStart(t *testing.T) {
	inBubble(t, func(r *rig) {
		var bucket proxied
		r.store = &bucket
		r.config.Since = 24 * time.Hour
		put := func(at time.Time, id string) {
			bucket.Put("v/"+at.Format("2006/01/02/15/")+id, logtest.AccessJSON(at, id), at)
		}
		for days := range 20 {
			put(began.AddDate(0, 0, -2-days), "before")
		}
		bucket.answers.Store(true)
		r.start()
		r.wait(2 * time.Hour)
		bucket.answers.Store(false)
		put(time.Now(), "r1")
		r.wait(50 * time.Hour)
		r.expect("r1")
	})
}
