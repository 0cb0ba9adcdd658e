package once_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

const trailPrefix = "AWSLogs/111122223333/CloudTrail/eu-west-1/"

// mixed returns two locations: one with both logs and what else lies in log buckets,
// one with a picture.
func mixed(bucket, other *sourcetest.Fake) (locations []source.Location, bytes int64) {
	hour := func(n int) time.Time { return began.Add(time.Duration(n) * time.Hour) }
	put := func(key string, body []byte) {
		bucket.Put(key, body, began)
		bytes += int64(len(body))
	}
	put(logtest.SimpleKey(hour(5), "A"), append(logtest.AccessLog(hour(3), "one", "two"), "no request\nno request either\n"...))
	put(logtest.SimpleKey(hour(6), "B"), logtest.AccessLog(hour(4), "three"))
	put(logtest.TrailKey(trailPrefix, "111122223333", "eu-west-1", hour(7), "aBcDeFgHiJkLmNoP"), logtest.Trail(hour(1), "four", "five", "four"))
	put(logtest.TrailKey(trailPrefix, "111122223333", "eu-west-1", hour(8), "aBcDeFgHiJkLmNoP"),
		[]byte(`{"Records":[{"eventSource":"ec2.amazonaws.com"},{"eventSource":"s3.amazonaws.com","eventType":"AwsVpceEvents"}]}`))
	bucket.Put("AWSLogs/", nil, began)
	for _, day := range []string{"02", "03"} {
		bucket.Put("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/"+day+"/d.json.gz", nil, began)
	}
	bucket.Put("zebra.jpg", nil, began)
	other.Put("apple.jpg", nil, began)
	return []source.Location{{Name: "s3://logs", Source: bucket}, {Name: "file:///pictures", Source: other}}, bytes
}

func TestRun_SummaryShowsWhatWasReadAndWhatWasLeftOut(t *testing.T) {
	var bucket, other sourcetest.Fake
	locations, bytes := mixed(&bucket, &other)
	s, err := once.Run(t.Context(), once.Config{Locations: locations, DedupeWindow: 10}, once.Query{}, new(seen))
	if err != nil {
		t.Fatal(err)
	}
	if s.Objects != 4 || s.Bytes != bytes || !maps.Equal(s.Requests, map[record.Log]int64{record.ServerAccess: 3, record.CloudTrail: 2}) {
		t.Errorf("%d objects, %d bytes, requests %v, want 4, %d", s.Objects, s.Bytes, s.Requests, bytes)
	}
	if !s.First.Equal(began.Add(time.Hour)) || !s.Last.Equal(began.Add(4*time.Hour)) {
		t.Errorf("requests from %v to %v", s.First, s.Last)
	}
	if want := map[record.SkipReason]int64{
		record.SkipMalformed: 2, record.SkipNotS3: 1, record.SkipNotRequest: 1, record.SkipDuplicate: 1,
	}; !maps.Equal(s.SkippedRecords, want) {
		t.Errorf("skipped records %v, want %v", s.SkippedRecords, want)
	}
	var skipped []string
	for reason, o := range s.SkippedObjects {
		skipped = append(skipped, fmt.Sprint(reason, " ", o.Objects, " ", o.Example.Location, " ", o.Example.Key))
	}
	slices.Sort(skipped)
	if want := []string{
		"digest 2 s3://logs AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/02/d.json.gz",
		"folder 1 s3://logs AWSLogs/",
		"not_a_log 2 s3://logs zebra.jpg",
	}; !slices.Equal(skipped, want) {
		t.Errorf("skipped objects:\n got %q\nwant %q", skipped, want)
	}
	if want := []once.LocationSummary{
		{Name: "s3://logs", Found: true, Asked: true, OldestKey: began.Add(5 * time.Hour), NewestKey: began.Add(8 * time.Hour)}, {Name: "file:///pictures"},
	}; !slices.Equal(s.Locations, want) || len(s.Unread) > 0 {
		t.Errorf("locations %+v, unread %v", s.Locations, s.Unread)
	}
}

// That nothing matches is not the same as that nothing lies there.
func TestRun_SummaryShowsWhatLiesThereWhereNothingIsAskedFor(t *testing.T) {
	var bucket, other sourcetest.Fake
	locations, _ := mixed(&bucket, &other)
	s, err := once.Run(t.Context(), once.Config{Locations: locations}, once.Query{Since: began.AddDate(0, 1, 0)}, new(seen))
	if err != nil || s.Objects != 0 || s.Bytes != 0 || len(s.Requests) > 0 || !s.First.IsZero() || !s.Last.IsZero() {
		t.Errorf("%+v, error %v", s, err)
	}
	if l := s.Locations[0]; !l.Found || l.Asked || s.Locations[1].Found || !l.OldestKey.Equal(began.Add(5*time.Hour)) || l.NewestKey.Before(l.OldestKey) {
		t.Errorf("locations %+v", s.Locations)
	}
}

func TestRun_SummaryOfWhatFailedIsComplete(t *testing.T) {
	var bucket, other sourcetest.Fake
	locations, _ := mixed(&bucket, &other)
	bucket.SetFault(func(op, key string) error {
		if op == sourcetest.OpOpen && strings.HasSuffix(key, ".json.gz") {
			return errors.New("connection reset")
		}
		return nil
	})
	s, err := once.Run(t.Context(), once.Config{Locations: locations}, once.Query{}, new(seen))
	if err != nil || s.Objects != 2 || len(s.Unread) != 2 || s.Unread[0].Key > s.Unread[1].Key || s.Unread[0].Reason != source.ReasonRead {
		t.Errorf("%+v, error %v", s, err)
	}
	if s.Requests[record.CloudTrail] != 0 || s.SkippedRecords[record.SkipMalformed] != 2 {
		t.Errorf("%+v", s)
	}
}

func TestRun_TooLargeAnObjectIsUnreadAndItsErrorHasTheLimit(t *testing.T) {
	var bucket, other sourcetest.Fake
	locations, _ := mixed(&bucket, &other)
	s, err := once.Run(t.Context(), once.Config{Locations: locations, MaxObjectSize: 10}, once.Query{}, new(seen))
	if err != nil || len(s.Unread) != 4 {
		t.Fatalf("unread %v, error %v", s.Unread, err)
	}
	var tooLarge *once.TooLargeError
	if u := s.Unread[0]; u.Reason != reader.ReasonSize || !errors.As(u, &tooLarge) || tooLarge.Limit != 10 {
		t.Errorf("%v", u)
	}
}

// Requests from the time to come, of a log whose clock was wrong, make no span, and do not
// change that of others.
func TestRun_SummaryLeavesTimesToComeOutOfItsSpan(t *testing.T) {
	var bucket sourcetest.Fake
	ahead := time.Now().AddDate(0, 1, 0)
	bucket.Put(logtest.SimpleKey(ahead, "A"), logtest.AccessLog(ahead, "one"), began)
	for _, want := range []time.Time{{}, began} {
		s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: &bucket}}}, once.Query{}, new(seen))
		if err != nil || !s.First.Equal(want) || !s.Last.Equal(want) || s.Requests[record.ServerAccess] != s.Objects || s.Objects == 0 {
			t.Errorf("from %v to %v, want %v; %+v, error %v", s.First, s.Last, want, s, err)
		}
		bucket.Put(logtest.SimpleKey(began, "B"), logtest.AccessLog(began, "two"), began)
	}
}
