package twice

import (
	"hash/maphash"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// seed makes hashes that nobody outside can choose.
var seed = maphash.MakeSeed()

const (
	// idsADay is how many request IDs are kept of a bucket's day: those with the lowest
	// hashes, which are the same ones wherever and in whichever order the requests lie.
	idsADay = 8
	// daysASample is how many days of buckets an object is looked at for.
	daysASample = 64
)

// Sample is what is remembered of an object's requests. The zero value is empty, and
// ready. It takes up to 12 KB.
type Sample struct {
	days  []*day
	index map[uint64]*day // nil as long as there is one day
	last  *day            // of the request before
}

// day is a bucket's requests of one day.
type day struct {
	hash   uint64 // of the two
	bucket string
	number int64 // of the day since 1970
	lowest
}

// lowest are the requests whose IDs have the lowest hashes, the highest of these first.
type lowest struct {
	n       int
	entries [idsADay]entry
}

// entry is a request.
type entry struct {
	id    uint64 // hash of its ID
	place *Place // where it lies; nil in a Sample
}

// Add takes note of a request. Requests without an ID or a bucket are passed over.
func (s *Sample) Add(r *record.Record) {
	if len(r.RequestID) < 2 || len(r.Bucket) == 0 { // a dash stands for none
		return
	}
	const secondsADay = 24 * 60 * 60
	number := r.Time / secondsADay
	if s.last == nil || s.last.number != number || s.last.bucket != string(r.Bucket) {
		if s.last = s.find(r.Bucket, number); s.last == nil {
			return
		}
	}
	s.last.add(entry{id: maphash.Bytes(seed, r.RequestID)})
}

// find returns a bucket's day, which is new if there is none; nil if there are too many.
func (s *Sample) find(bucket []byte, number int64) *day {
	hash := hashOf(bucket, number)
	if len(s.days) == 1 && s.days[0].hash == hash {
		return s.days[0]
	}
	if found := s.index[hash]; found != nil {
		return found
	}
	if len(s.days) >= daysASample {
		return nil
	}
	added := &day{hash: hash, bucket: string(bucket), number: number}
	if s.days = append(s.days, added); len(s.days) > 1 {
		if s.index == nil {
			s.index = map[uint64]*day{s.days[0].hash: s.days[0]}
		}
		s.index[hash] = added
	}
	return added
}

func hashOf(bucket []byte, number int64) uint64 {
	const golden = 0x9e3779b97f4a7c15 // spreads days over all bits
	hash := (maphash.Bytes(seed, bucket) + uint64(number)) * golden
	return hash ^ hash>>32
}

// add adds a request, and returns it as it was there before, or is now, or would be.
func (l *lowest) add(added entry) entry {
	if l.n == idsADay && added.id > l.entries[0].id { // mostly
		return added
	}
	for _, e := range l.entries[:l.n] {
		if e.id == added.id {
			return e
		}
	}
	if l.n == idsADay {
		l.entries[0] = added
	} else {
		l.entries[l.n] = added
		l.n++
	}
	for i := range l.entries[:l.n] {
		if l.entries[i].id > l.entries[0].id {
			l.entries[0], l.entries[i] = l.entries[i], l.entries[0]
		}
	}
	return added
}
