package once_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// Of a bucket that is delivered as text and as JSON, either is read, or both, and then the
// Summary shows it.
func TestRun_FindsRequestsThatAreThereTwiceAndReadsOneFormOfThem(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	bucket := new(sourcetest.Fake)
	bucket.Put(logtest.SimpleKey(at, "A"), logtest.AccessLog(at, "r1", "r2"), at)
	bucket.Put("json/2026/07/02/08/x", logtest.AccessJSON(at, "r2"), at)
	bucket.Put(logtest.TrailKey("AWSLogs/111122223333/CloudTrail/us-east-1/", "111122223333", "us-east-1", at, "x"), logtest.Trail(at, "r1"), at)
	for _, test := range []struct {
		form               record.Form
		requests, otherOne int64
		doubled            int
	}{{0, 3, 0, 1}, {record.Text, 2, 1, 0}, {record.JSON, 1, 0, 0}} {
		all := new(collected)
		l := source.Location{Name: "s3://logs", Source: bucket, Form: test.form}
		s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{l}}, once.Query{}, all)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Requests[record.ServerAccess]; got != test.requests || s.Requests[record.CloudTrail] != 1 {
			t.Errorf("%s: requests %v", test.form, s.Requests)
		}
		if got := s.SkippedObjects[logkey.SkipOtherForm].Objects; got != test.otherOne {
			t.Errorf("%s: %d objects are left out", test.form, got)
		}
		if s.DoubleCountedBuckets != test.doubled || len(s.DoubleCounted) != test.doubled || !s.Locations[0].Found {
			t.Errorf("%s: %+v", test.form, s)
		}
	}
}

// An object that holds nothing but records in another format is none that was asked for;
// one that holds more is read without them. Where nothing else lies, logs lie all the same.
func TestRun_ShowsWhatIsInAnotherFormat(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	bucket := new(sourcetest.Fake)
	l := source.Location{Name: "s3://logs", Source: bucket, Form: record.Text}
	bucket.Put("json/2026/07/02/08/a", logtest.AccessJSON(at, "r1", "r2"), at)
	for _, want := range []struct{ objects, otherObjects, otherRecords int64 }{{0, 1, 0}, {1, 1, 1}} {
		s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{l}}, once.Query{}, new(collected))
		if err != nil || !s.Locations[0].Found {
			t.Errorf("%+v, error %v", s, err)
		}
		skipped := s.SkippedObjects[logkey.SkipOtherForm]
		if s.Objects != want.objects || skipped.Objects != want.otherObjects || skipped.Example.Key != "json/2026/07/02/08/a" || s.SkippedRecords[record.SkipOtherForm] != want.otherRecords {
			t.Errorf("%d objects, skipped %+v and %v, want %+v", s.Objects, skipped, s.SkippedRecords, want)
		}
		event := []byte(`{"eventVersion":"1.11","eventTime":"2026-07-02T08:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"event"}`)
		bucket.Put("json/2026/07/02/08/b", logtest.Envelope(logtest.AccessJSON(at, "r3"), event), at)
	}
}

// Whoever turns from text to JSON may go on in the same folders.
func TestRun_ReadsJSONAmongTextThatIsNotAskedFor(t *testing.T) {
	fake := new(sourcetest.Fake)
	var want []string
	for d := range 3 {
		noon := time.Date(2026, 1, 1+d, 12, 0, 0, 0, time.UTC)
		folder := "p/111122223333/eu-west-1/b/" + noon.Format("2006/01/02/")
		for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
			fake.Put(folder+at.Format("2006-01-02-15-04-05-")+"0A1B2C3D4E5F6071", logtest.AccessLog(at, at.Format("text-02-15")), at)
		}
		for _, name := range []string{"0a.json", "x.json"} { // before and behind the text
			id := noon.Format("json-02-") + name
			fake.Put(folder+name, logtest.AccessJSON(noon.Add(-time.Hour), id), noon)
			want = append(want, id)
		}
	}
	for name, test := range map[string]struct {
		form  record.Form
		query once.Query
		want  []string
	}{
		"one form":   {record.JSON, once.Query{}, want},
		"until noon": {0, once.Query{Until: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}, want[:4]}, // the next day may be one of another zone
	} {
		c := new(collected)
		_, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake, Form: test.form}}}, test.query, c)
		var got []string
		for _, r := range c.records {
			if strings.HasPrefix(r.RequestID, "json") {
				got = append(got, r.RequestID)
			}
		}
		if slices.Sort(got); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q; error %v", name, got, test.want, err)
		}
	}
}
