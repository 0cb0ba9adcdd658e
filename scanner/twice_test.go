package scanner_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// doubled returns of how many buckets it is shown that their requests count twice, and
// fails the test unless log, status and metric show the same.
func (r *rig) doubled() int {
	r.t.Helper()
	status := r.scanner.Status().DoubleCounted
	logged := strings.Contains(r.log.String(), "lie in two places and count twice")
	if metric := int(r.metric("double_counted_buckets")); metric != status.Buckets || logged != (metric > 0) || len(status.Examples) != metric {
		r.t.Errorf("metric %d, status %+v, logged %t", metric, status, logged)
	}
	return status.Buckets
}

func TestScanner_WarnsOfABucketThatIsDeliveredAsTextAndAsJSON(t *testing.T) {
	inBubble(t, func(r *rig) {
		json := freeKeys["hours"]
		r.put(began, "A", "r1", "r2")
		r.start()
		r.wait(time.Hour)
		if n := r.doubled(); n != 0 {
			t.Errorf("%d buckets of one delivery", n)
		}
		r.putFree(json, time.Now(), "x", logtest.AccessJSON(began, "r2", "r3"))
		r.wait(5 * time.Hour)
		if n := r.doubled(); n != 1 {
			t.Fatalf("%d buckets", n)
		}
		got := r.scanner.Status().DoubleCounted.Examples[0]
		places := map[string]string{got.Places[0].Form: got.Places[0].Stream, got.Places[1].Form: got.Places[1].Stream}
		if got.Bucket != "bucket" || places["text"] != "access/" || places["json"] != json.prefix {
			t.Errorf("%+v", got)
		}
		r.put(time.Now(), "B", "r4")
		r.wait(100 * time.Hour)
		if n := r.scanner.Status().DoubleCounted.Buckets; n != 0 {
			t.Errorf("%d buckets, long after one delivery has ended", n)
		}
	})
}

func TestScanner_WarnsOfTwoDestinationsThatAreBothTailed(t *testing.T) {
	inBubble(t, func(r *rig) {
		other := new(sourcetest.Fake)
		r.config.Locations = []source.Location{{Name: "s3://other", Store: "aws/other", Source: other}}
		for _, bucket := range []*sourcetest.Fake{r.bucket, other} {
			bucket.Put("2026/03/04/12/x", logtest.AccessJSON(began, "r1", "r2"), began)
		}
		r.start()
		r.wait(5 * time.Minute)
		if n := r.doubled(); n != 1 {
			t.Fatalf("%d buckets", n)
		}
		if got := r.scanner.Status().DoubleCounted.Examples[0].Places; got[0].Location == got[1].Location {
			t.Errorf("%+v", got)
		}
	})
}

// A log that repeats itself, and one request in two buckets' logs, as a copy has, are in
// order.
func TestScanner_WarnsNotOfWhatIsInOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1", "r2")
		r.put(began, "B", "r2")
		other := strings.ReplaceAll(string(logtest.AccessLog(began, "r1")), " bucket ", " copy ")
		r.bucket.Put("copies/2026-03-04-12-00-00-0123456789ABCDEF", []byte(other), began)
		trail := logtest.TrailKey("AWSLogs/111122223333/CloudTrail/us-east-1/", "111122223333", "us-east-1", began, "x")
		r.bucket.Put(trail, logtest.Trail(began, "r1", "r2"), began)
		r.start()
		r.wait(5 * time.Minute)
		if n := r.doubled(); n != 0 {
			t.Errorf("%+v", r.scanner.Status().DoubleCounted)
		}
	})
}

// One of two forms is read, and CloudTrail in any case.
func TestScanner_ReadsOneOfTwoForms(t *testing.T) {
	for _, form := range record.Forms() {
		t.Run(form.String(), func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Locations = []source.Location{{Name: "s3://both", Store: "aws/both", Source: r.bucket, Form: form}}
				r.bucket, r.prefix = new(sourcetest.Fake), ""
				bucket := r.config.Locations[0].Source.(*sourcetest.Fake)
				bucket.Put(logtest.SimpleKey(began, "A"), logtest.AccessLog(began, "text"), began)
				bucket.Put("json/2026/03/04/12/x", logtest.Envelope(logtest.AccessJSON(began, "json"), []byte(`{"eventVersion":"1.11","eventTime":"2026-03-04T12:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","requestID":"event","eventID":"event"}`)), began)
				bucket.Put("json/2026/03/04/12/y", logtest.AccessJSON(began, "more"), began)
				r.start()
				r.wait(5 * time.Minute)
				if form == record.JSON {
					r.expect("json", "more", "event")
				} else {
					r.expect("text", "event")
				}
				// The text by its key, an object with nothing else by its content.
				if n := r.metric("skipped_objects_total", string(logkey.SkipOtherForm)); n != 1 {
					t.Errorf("%v objects are skipped", n)
				}
				if form == record.JSON {
					return
				}
				if n := r.metric("skipped_records_total", string(record.SkipOtherForm)); n != 1 {
					t.Errorf("%v records are skipped", n)
				}
				if n := r.doubled(); n != 0 {
					t.Errorf("%d buckets", n)
				}
			})
		})
	}
}

// Whoever turns from one form to the other counts each request once: what came until then
// has counted in the one form, however the location was spelled.
func TestScanner_CountsOnceWhenTheFormChanges(t *testing.T) {
	json := freeKey{"access/json/", "2006/01/02/15/"}
	for seed := range uint64(4) {
		inBubble(t, func(r *rig) {
			r.slow()
			random := rand.New(rand.NewPCG(seed, 0))
			both := func(id string, at time.Time) {
				r.put(at, id, id)
				r.putFree(json, at, id, logtest.AccessJSON(at, id))
			}
			var want []string
			for i, form := range []record.Form{record.JSON, record.JSON, record.Text, record.Text, record.JSON, record.Text, record.JSON, record.Text} {
				r.form = form
				if seed > 0 {
					r.prefix = []string{"", "acc", "access/"}[random.IntN(3)]
				}
				for _, id := range []string{"a", "b"} {
					id += string(rune('0' + i))
					want = append(want, id)
					if id[0] == 'b' {
						r.start()
						r.wait(30 * time.Hour)
					}
					both(id, time.Now())
					r.wait(2 * time.Hour)
				}
				r.wait(30 * time.Hour)
				r.crash()
			}
			r.start()
			r.wait(60 * time.Hour)
			got := r.consumer.shown()
			for _, id := range want {
				// What came while nothing ran counts in the form of before, or not at all.
				if got[id] > 1 || got[id] == 0 && id[0] == 'b' {
					t.Errorf("seed %d: %s is counted %d times", seed, id, got[id])
				}
			}
		})
	}
}
