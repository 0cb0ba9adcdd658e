package once_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// manyObjects are more than wait between the readers and the Consumer, where their events are
// known in any case.
const manyObjects = 1500

// putEvents puts objects into a stream of CloudTrail, ten minutes and two events each.
func putEvents(bucket *sourcetest.Fake, prefix, region, id string, objects int) {
	for i := range objects {
		at := began.Add(time.Duration(i) * 10 * time.Minute)
		var ids []string
		for n := range 2 {
			ids = append(ids, fmt.Sprint(id, i, ".", n))
		}
		bucket.Put(logtest.TrailKey(prefix, "111122223333", region, at, fmt.Sprintf("%016d", i)), logtest.TrailText(at, ids...), at)
	}
}

// Where events may count twice, because their copies are read too late to be known, the
// Summary shows it, and nowhere else.
func TestRun_ShowsEventsWhoseCopiesLieFarApart(t *testing.T) {
	const ireland, virginia = "eu-west-1", "us-east-1"
	own := func(region string) string { return "AWSLogs/111122223333/CloudTrail/" + region + "/" }
	for name, test := range map[string]struct {
		put    func(bucket *sourcetest.Fake)
		window int
		count  int64 // of requests
		want   *once.FarApart
	}{
		"a copy in folders that show no Region": {func(b *sourcetest.Fake) {
			putEvents(b, "a-copy/", ireland, "e", manyObjects)
			putEvents(b, own(ireland), ireland, "e", manyObjects)
		}, 100, 4 * manyObjects, &once.FarApart{Places: [2]once.EventPlace{{Location: "s3://logs", Stream: "a-copy/"}, {Location: "s3://logs", Stream: own(ireland)}}}},
		"what is read side by side": {func(b *sourcetest.Fake) {
			putEvents(b, own(ireland), ireland, "e", manyObjects)
			putEvents(b, "other-trail/"+own(ireland), ireland, "e", manyObjects)
		}, 100, 2 * manyObjects, nil},
		"few events": {func(b *sourcetest.Fake) {
			putEvents(b, "a-copy/", ireland, "e", manyObjects)
			putEvents(b, own(ireland), ireland, "e", manyObjects)
		}, 2 * manyObjects, 2 * manyObjects, nil},
		"one stream": {func(b *sourcetest.Fake) { putEvents(b, own(ireland), ireland, "e", 2*manyObjects) }, 100, 4 * manyObjects, nil},
		"two Regions": {func(b *sourcetest.Fake) {
			putEvents(b, own(ireland), ireland, "e", manyObjects)
			putEvents(b, own(virginia), virginia, "v", manyObjects)
		}, 100, 4 * manyObjects, nil},
		"what was forgotten is of another Region": {func(b *sourcetest.Fake) {
			putEvents(b, "a-copy/", ireland, "e", manyObjects)
			putEvents(b, "b-copy/", virginia, "v", 4)
			putEvents(b, "c-copy/", virginia, "v", 4)
		}, 100, 2*manyObjects + 8, nil},
		"none are remembered": {func(b *sourcetest.Fake) {
			putEvents(b, own(ireland), ireland, "e", manyObjects)
			putEvents(b, "copy/", ireland, "e", manyObjects)
		}, 0, 4 * manyObjects, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := new(sourcetest.Fake)
			test.put(bucket)
			s, err := once.Run(t.Context(), once.Config{
				Locations: []source.Location{{Name: "s3://logs", Source: bucket}}, DedupeWindow: test.window, Concurrency: 1,
			}, once.Query{}, new(seen))
			if err != nil || s.Requests[record.CloudTrail] != test.count {
				t.Errorf("%d requests, want %d; error %v", s.Requests[record.CloudTrail], test.count, err)
			}
			if (s.FarApart == nil) != (test.want == nil) || test.want != nil && *s.FarApart != *test.want {
				t.Errorf("found %+v, want %+v", s.FarApart, test.want)
			}
		})
	}
}
