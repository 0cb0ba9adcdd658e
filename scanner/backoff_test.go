package scanner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// A listing without end is billed with each attempt, so attempts become rare, for what has no
// end alone: a stream, or the search for streams.
func TestScanner_ListingWithoutEndIsListedEverLessOften(t *testing.T) {
	trail := "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	for name, prefix := range map[string]string{"a stream": trail, "the search": ""} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				key := logtest.TrailKey(trail, "111122223333", "eu-west-1", began, "A")
				r.bucket.Put(key, []byte(`{"Records":[]}`), began)
				r.put(began, "A", "r1")
				r.start()
				r.wait(time.Minute)
				attempts := 0
				r.bucket.SetFault(func(op, key string) error {
					if op != sourcetest.OpList || key != prefix {
						return nil
					}
					attempts++
					return &source.Error{Op: op, Key: key, Reason: source.ReasonListing, Err: errors.New("no end"), Requests: 1001}
				})
				want := []string{"r1"}
				for i := range 24 {
					r.wait(time.Hour)
					id := fmt.Sprint("n", i)
					want = append(want, id)
					r.put(time.Now(), id, id)
					if i > 0 && r.metric("last_poll_success") != 0 {
						t.Errorf("after %d hours, nothing shows that it fails", i+1)
					}
				}
				r.wait(16 * time.Minute)
				r.expect(want...)
				if attempts < 20 || attempts > 40 {
					t.Errorf("it is tried %d times in a day", attempts)
				}
				if err := r.scanner.Status().Locations[0].PollError; !strings.Contains(err, "no end; as that took 1001 requests, it is tried again after 1h0m0s") {
					t.Errorf("the status shows %q", err)
				}
				r.bucket.SetFault(nil)
				r.wait(time.Hour + time.Minute)
				if r.metric("last_poll_success") != 1 {
					t.Error("it still fails")
				}
				failing := false
				r.bucket.SetFault(func(op, key string) error {
					failing = failing || op == sourcetest.OpList && key == prefix
					return nil
				})
				r.wait(time.Hour + time.Minute)
				if !failing {
					t.Error("it is not listed as before")
				}
			})
		})
	}
}

// What fails at once costs little, and is tried again in each round.
func TestScanner_ListingThatFailsAtOnceIsTriedInEachRound(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.bucket.SetFault(func(op, key string) error {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonListing, Err: errors.New("a proxy's page"), Requests: 0}
		})
		r.start()
		r.wait(10 * time.Hour)
		r.bucket.SetFault(nil)
		r.put(time.Now(), "A", "r1")
		r.wait(time.Minute + 2*time.Second)
		r.expect("r1")
	})
}
