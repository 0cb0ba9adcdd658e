package twice

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

var (
	began = time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	text  = Place{"s3://logs", "text/", "text"}
	json  = Place{"s3://logs", "json/", "json"}
)

// sample returns that of an object with requests of a bucket from the first ID on.
func sample(bucket string, at time.Time, first, n int) *Sample {
	s := new(Sample)
	for i := range n {
		s.Add(&record.Record{Bucket: []byte(bucket), Time: at.Unix(), RequestID: fmt.Appendf(nil, "%016X", first+i)})
	}
	return s
}

func (f *Finder) take(at Place, s *Sample) int {
	_, n := f.Take(at, s, began)
	return n
}

func TestFinder_FindsABucketThatIsReadFromTwoPlaces(t *testing.T) {
	for _, requests := range []int{1, 3, 1000} {
		f := NewFinder()
		if n := f.take(text, sample("b", began, 0, requests)); n != 0 {
			t.Fatalf("%d found in one place", n)
		}
		found, n := f.Take(json, sample("b", began, 0, requests), began)
		if n != 1 || *found != (Finding{"b", [2]Place{text, json}, began}) {
			t.Errorf("of %d requests: %d found, %+v", requests, n, found)
		}
		if n := f.take(json, sample("b", began, 0, requests)); n != 0 || f.Len() != 1 || len(f.Findings(10)) != 1 {
			t.Errorf("what is known is news: %d", n)
		}
	}
}

// Objects are divided otherwise in each place, come in any order, and one place may be
// hours behind, or have begun later.
func TestFinder_FindsHoweverObjectsAreDivided(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f := NewFinder()
		all, behind := 5000, 0
		for from := 0; from < all; from += 50 {
			f.take(text, sample("b", began, from, 50))
		}
		if random.IntN(2) == 0 {
			behind = all / 2 // the other one has but the rest of the day
		}
		step, found := 1+random.IntN(300), 0
		for from := behind; from < all; from += step {
			found += f.take(json, sample("b", began, from, min(step, all-from)))
		}
		if found != 1 && behind == 0 {
			t.Fatalf("%d found in objects of %d", found, step)
		}
	}
}

func TestFinder_FindsNothingWhereNothingIsTwice(t *testing.T) {
	f := NewFinder()
	next := 0
	for i := range 300 {
		place := Place{Stream: fmt.Sprint(i % 7)}
		next += 100
		for _, s := range []*Sample{
			sample("b", began, next, 100),                      // other requests of the bucket
			sample(fmt.Sprint("b", i), began, 0, 3),            // the requests of a copy: one ID, two buckets
			sample("-", began.AddDate(0, 0, i), next, 1),       // other days
			sample(fmt.Sprint("c", place.Stream), began, i, 5), // again in the same place
		} {
			if n := f.take(place, s); n > 0 {
				t.Fatalf("%+v", f.Findings(1))
			}
		}
	}
	nothing := new(Sample)
	for range 2 {
		nothing.Add(&record.Record{Bucket: []byte("b"), RequestID: []byte("-")})
		nothing.Add(&record.Record{RequestID: []byte("ABCDEF")})
	}
	if f.take(text, nothing)+f.take(json, nothing) > 0 {
		t.Error("requests without an ID or a bucket are twice")
	}
}

// More buckets than are remembered, each in both places: some are found, and memory is
// bounded.
func TestFinder_FindsSomeOfVeryManyInBoundedMemory(t *testing.T) {
	f := NewFinder()
	for _, place := range []Place{text, json} {
		for i := range 5 * maxDays {
			f.take(place, sample(fmt.Sprint("bucket-", i), began, i, 2))
		}
	}
	if len(f.days) > maxDays || len(f.days) < maxDays/4 {
		t.Errorf("%d days are remembered", len(f.days))
	}
	if n := f.Len(); n < maxDays/4 || n > maxFindings {
		t.Errorf("%d buckets are found", n)
	}
}

func TestFinder_ForgetsWhatDidNotComeUpForLong(t *testing.T) {
	f := NewFinder()
	for i := range 2 * maxDays {
		f.take(text, sample(fmt.Sprint("bucket-", i), began, i, 1))
	}
	f.take(text, sample("b", began, 0, 9))
	f.take(json, sample("b", began, 0, 9))
	f.Forget(began.Add(time.Hour))
	if len(f.days) == 0 {
		t.Error("all is forgotten at once")
	}
	for range 4 {
		f.Forget(began.Add(3 * 24 * time.Hour))
	}
	if len(f.days)+f.Len() > 0 {
		t.Errorf("%d days and %d findings are left", len(f.days), f.Len())
	}
	if f.take(text, sample("b", began, 0, 9))+f.take(json, sample("b", began, 0, 9)) != 1 {
		t.Error("not all are looked at again")
	}
}

func TestSample_IsBounded(t *testing.T) {
	s := new(Sample)
	for i := range 10_000 {
		s.Add(&record.Record{Bucket: fmt.Appendf(nil, "bucket-%d", i%1000), Time: began.Unix(), RequestID: fmt.Appendf(nil, "%016X", i)})
	}
	if len(s.days) != daysASample || len(s.index) != daysASample {
		t.Errorf("%d days", len(s.days))
	}
}

func BenchmarkSample(b *testing.B) {
	s, id := new(Sample), []byte("0123456789ABCDEF")
	r := record.Record{Bucket: []byte("example-bucket"), Time: began.Unix(), RequestID: id}
	b.ReportAllocs()
	for i := range b.N {
		id[i%16] = "0123456789ABCDEF"[i/16%16]
		s.Add(&r)
	}
}
