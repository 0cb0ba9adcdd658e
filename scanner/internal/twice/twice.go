// Package twice finds buckets whose requests are read from two places: from the text and
// the JSON of their server access logs, from two destinations of one delivery, or from a
// log and its copy. Each request of theirs counts twice.
//
// It compares a small sample of request IDs, which are unique, by their hashes: of each
// bucket and day those with the lowest ones. Whichever of two places is read first, and
// however much later the other one is, the same IDs are in the sample. It does not find
// which requests count twice, so that it is no way to leave these out, and it does not
// compare the objects of one place: S3 may deliver a record again.
package twice

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Place is where requests lie.
type Place struct {
	Location string // its name
	Stream   string // the prefix of the stream's keys
	Form     string // of its records
}

// Finding is a bucket whose requests lie in two places. There may be more of them.
type Finding struct {
	Bucket string
	Places [2]Place
	Seen   time.Time // when it was last found
}

const (
	// maxDays is how many days of buckets are remembered, some 400 bytes each. If there
	// are more, only those with the lowest hashes are: of other days and buckets too, it
	// is the same ones in all places.
	maxDays = 1 << 14
	// maxFindings is how many buckets are kept that were found.
	maxFindings = 10_000
	// forgetAfter is after which time in which nothing came a bucket's day and a finding
	// are forgotten: logs may come that late.
	forgetAfter = 48 * time.Hour
)

// Finder finds such buckets. Its methods may be called from any goroutine.
type Finder struct {
	mu       sync.Mutex // guards all below
	places   map[Place]*Place
	days     map[uint64]*seenDay
	highest  uint64 // hash of the days that are remembered
	findings map[string]*Finding
}

// seenDay is a bucket's requests of one day, wherever they lie.
type seenDay struct {
	lowest
	touched time.Time
}

// NewFinder returns a Finder that has found nothing.
func NewFinder() *Finder {
	return &Finder{
		places: make(map[Place]*Place), days: make(map[uint64]*seenDay), highest: math.MaxUint64, findings: make(map[string]*Finding),
	}
}

// Take takes the Sample of an object that counts, and returns the first bucket of it that
// was not known to be read from two places, nil if there is none, and how many there are.
func (f *Finder) Take(at Place, s *Sample, now time.Time) (first *Finding, found int) {
	if len(s.days) == 0 {
		return nil, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	place := f.places[at]
	if place == nil {
		place = &at
		f.places[at] = place
	}
	for _, d := range s.days {
		other := f.merge(d, place, now)
		if other == nil {
			continue
		}
		known := f.findings[d.bucket]
		switch {
		case known != nil:
			known.Seen = now
		case len(f.findings) < maxFindings:
			news := &Finding{Bucket: d.bucket, Places: [2]Place{*other, at}, Seen: now}
			f.findings[d.bucket] = news
			if found++; found == 1 {
				copied := *news
				first = &copied
			}
		}
	}
	return first, found
}

// merge adds a bucket's day, and returns another place in which some of its requests lie,
// nil if there is none.
func (f *Finder) merge(d *day, place *Place, now time.Time) (other *Place) {
	if d.hash > f.highest {
		return nil
	}
	seen := f.days[d.hash]
	if seen == nil {
		seen = new(seenDay)
		f.days[d.hash] = seen
		f.limit()
	}
	seen.touched = now
	for _, e := range d.entries[:d.n] {
		if found := seen.add(entry{e.id, place}); found.place != place {
			other = found.place
		}
	}
	return other
}

// limit forgets half of the days if there are too many.
func (f *Finder) limit() {
	for len(f.days) > maxDays {
		f.highest /= 2
		for hash := range f.days {
			if hash > f.highest {
				delete(f.days, hash)
			}
		}
	}
}

// Forget forgets what did not come up for long.
func (f *Finder) Forget(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for hash, d := range f.days {
		if now.Sub(d.touched) > forgetAfter {
			delete(f.days, hash)
		}
	}
	for bucket, found := range f.findings {
		if now.Sub(found.Seen) > forgetAfter {
			delete(f.findings, bucket)
		}
	}
	if f.highest <= math.MaxUint64/2 && len(f.days) < maxDays/4 {
		f.highest = 2*f.highest + 1
	}
}

// Len returns how many buckets were found, up to 10,000.
func (f *Finder) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.findings)
}

// Findings returns the first buckets that were found, by name, up to most of them.
func (f *Finder) Findings(most int) []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Finding, 0, len(f.findings))
	for _, found := range f.findings {
		all = append(all, *found)
	}
	slices.SortFunc(all, func(a, b Finding) int { return strings.Compare(a.Bucket, b.Bucket) })
	return all[:min(most, len(all))]
}
