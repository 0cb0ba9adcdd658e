package once

import (
	"cmp"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Summary shows what a pass has read, and what it has left out. It is the caller's. Its
// maps are nil where there is nothing to count.
type Summary struct {
	// Objects were read to their ends and handed to the Consumer; Bytes are theirs, as
	// stored.
	Objects int64
	Bytes   int64
	// Requests are the records in these Objects that the Tallies took, by log. How many
	// of them were asked for, the Consumer alone knows.
	Requests map[record.Log]int64
	// NewSchema is how many of them are of a version of their schema that is not known.
	// They count with what they held in the versions before.
	NewSchema int64
	// First and Last are the times of the first and the last of these requests; zero if
	// there were none. Requests more than an hour to come are left out: somebody's clock
	// was wrong.
	First, Last time.Time
	// SkippedRecords are the other records in these Objects, by reason. Those that the
	// Query's Prefilter left out are not among them.
	SkippedRecords map[record.SkipReason]int64

	// SkippedObjects are those that were listed and are no log objects, by what they
	// are instead. Where the Query leaves out a whole run of keys, what lies there is
	// not listed and not counted.
	SkippedObjects map[logkey.SkipReason]SkippedObjects
	// Unread are the log objects that could not be read, in the order of their
	// locations' names and keys.
	Unread []*ObjectError

	// DoubleCountedBuckets is of how many buckets requests were read from two places, so
	// that each is there twice; DoubleCounted are the first ones of them by name.
	DoubleCountedBuckets int
	DoubleCounted        []DoubleCounted
	// FarApart are two places of which events of CloudTrail may count twice, as more lay
	// between their objects than DedupeWindow; nil: there are none.
	FarApart *FarApart

	// Locations are those of the Config, in its order.
	Locations []LocationSummary

	found map[string]bool // locations of which a log object was read, or could not be
}

// SkippedObjects are objects that are no log objects.
type SkippedObjects struct {
	Objects int64
	Example Example // one of them
}

// DoubleCounted is a bucket whose requests were read from two places.
type DoubleCounted = twice.Finding

// maxDoubleCounted is how many of these a Summary names.
const maxDoubleCounted = 10

// Example names an object.
type Example struct {
	Location, Key string
}

// LocationSummary shows what is known of one location after a pass.
type LocationSummary struct {
	Name string
	// Found is whether a log object lies there, whether or not it was asked for; of those
	// that only their content shows to be some, one that was read, or could not be. If listing failed, it
	// may be false all the same.
	Found bool
	// Asked is whether an object that lies there was asked for, as far as its key shows it.
	Asked bool
	// OldestKey and NewestKey are the times in the keys of the log objects that were
	// listed, whether or not they were asked for; zero if there were none. Of a run of
	// keys that the Query leaves out only the first is listed.
	OldestKey, NewestKey time.Time
	// Failed is why it was not listed to its end, nil if it was.
	Failed error
}

// add takes note of an object that was handed to the Consumer.
func (s *Summary) add(r *result) {
	s.Objects++
	s.Bytes += r.Object.Size
	if s.Requests == nil {
		s.Requests = make(map[record.Log]int64)
	}
	for _, log := range record.Logs() {
		if n := r.RecordsOf(log); n > 0 {
			s.Requests[log] += n
		}
	}
	s.NewSchema += r.NewSchema
	if r.Newest > 0 {
		s.First = earliest(s.First, time.Unix(r.Oldest, 0).UTC())
		s.Last = latest(s.Last, time.Unix(r.Newest, 0).UTC())
	}
	for reason, n := range r.Skipped.All() {
		if n == 0 {
			continue
		}
		if s.SkippedRecords == nil {
			s.SkippedRecords = make(map[record.SkipReason]int64)
		}
		s.SkippedRecords[reason] += n
	}
	s.foundIn(r.Location.Name)
}

// foundIn takes note that a log object lies in a location.
func (s *Summary) foundIn(location string) {
	if s.found == nil {
		s.found = make(map[string]bool)
	}
	s.found[location] = true
}

// skip takes note of an object that turned out to be none of a log.
func (s *Summary) skip(r *result) {
	if s.SkippedObjects == nil {
		s.SkippedObjects = make(map[logkey.SkipReason]SkippedObjects)
	}
	noteSkipped(s.SkippedObjects, r.Skip, r.Location.Name, r.Object.Key)
}

func noteSkipped(all map[logkey.SkipReason]SkippedObjects, why logkey.SkipReason, location, key string) {
	skipped, known := all[why]
	if !known || location == skipped.Example.Location && key < skipped.Example.Key {
		skipped.Example = Example{Location: location, Key: key}
	}
	skipped.Objects++
	all[why] = skipped
}

// addListings takes note of what was listed, once that has ended.
func (s *Summary) addListings(listings []listing) {
	read := s.SkippedObjects
	s.SkippedObjects = nil
	for i := range listings {
		l := &listings[i]
		s.Locations = append(s.Locations, LocationSummary{
			Name: l.location.Name, Found: l.found || s.found[l.location.Name], Asked: l.asked, OldestKey: l.oldest, NewestKey: l.newest, Failed: l.failed,
		})
		s.addSkipped(l.skipped)
	}
	s.addSkipped(read)
	slices.SortFunc(s.Unread, func(a, b *ObjectError) int {
		return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(a.Key, b.Key))
	})
}

// addSkipped adds skipped objects. Examples that are there stay.
func (s *Summary) addSkipped(more map[logkey.SkipReason]SkippedObjects) {
	for reason, skipped := range more {
		if s.SkippedObjects == nil {
			s.SkippedObjects = make(map[logkey.SkipReason]SkippedObjects)
		}
		all, known := s.SkippedObjects[reason]
		if !known {
			all.Example = skipped.Example
		}
		all.Objects += skipped.Objects
		s.SkippedObjects[reason] = all
	}
}

// earliest and latest return the earlier and the later one of two times. A zero time
// is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
