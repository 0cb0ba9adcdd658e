package scanner

import (
	"cmp"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// arrivals is when objects of a stream have come, and so when to look for the next. A
// stream that is delivered every five minutes is listed once for each object, just when
// the next one must have come; one whose objects come at random is listed so often that
// an object waits for a fifth of the usual time between two. All of it is kept in memory
// alone, as the first listing of a process shows it again, and nothing rests on it but
// cost and delay: what is listed, and what counts, does not depend on when.
//
// Times are those of the process's clock, by which listings are planned. When an object
// has come is its LastModified, but no earlier than the last listing and no later than the
// one that shows it, so that no clock needs to be right: not the store's, nor that of a
// directory's files.
//
// One listing cannot serve several streams, though those of the accounts in a Region
// share a prefix: between the new objects of one and those of the next lies all that the
// next has ever had.
type arrivals struct {
	looked time.Time // the last listing; zero before the first
	last   time.Time // of an object; zero: none was seen
	gaps   []uint32  // between two arrivals, in milliseconds; a ring
	oldest int       // of the ring, once it is full
}

const (
	// mostGaps is how many gaps are remembered, fewestGaps with how many of them there is
	// something to learn from.
	mostGaps, fewestGaps = 64, 4
)

// tick returns the shortest time between two rounds by the Interval. Objects that come within such a
// time came together.
func tick(interval time.Duration) time.Duration { return interval / 6 }

// came are the times of the objects that a listing has shown, in the order of their keys.
type came []time.Time

// see takes note of an object. Of very many, the last ones are enough.
func (c *came) see(obj source.Object) {
	if len(*c) == 2*mostGaps {
		*c = append((*c)[:0], (*c)[mostGaps:]...)
	}
	*c = append(*c, obj.LastModified)
}

// learn takes note of what a listing at start, which is now by the clock of the wall, has
// shown.
func (a *arrivals) learn(start, now time.Time, shown came, together time.Duration) {
	slices.SortFunc(shown, time.Time.Compare)
	for _, t := range shown {
		age := max(0, now.Sub(t))
		if !a.looked.IsZero() {
			age = min(age, start.Sub(a.looked))
		}
		a.arrived(start.Add(-age), together)
	}
	a.looked = start
}

func (a *arrivals) arrived(at time.Time, together time.Duration) {
	gap := at.Sub(a.last)
	if !a.last.IsZero() && gap >= together {
		const most = 1<<32 - 1
		milliseconds := uint32(min(gap.Milliseconds(), most))
		if len(a.gaps) < mostGaps {
			a.gaps = append(a.gaps, milliseconds)
		} else {
			a.gaps[a.oldest] = milliseconds
			a.oldest = (a.oldest + 1) % mostGaps
		}
	}
	if gap > 0 {
		a.last = at
	}
}

// next returns when to list next, no sooner than in an interval; false if that is not
// known, or if the stream has been silent for longer than it ever was.
func (a *arrivals) next(start time.Time, interval time.Duration) (time.Time, bool) {
	if len(a.gaps) < fewestGaps {
		return time.Time{}, false
	}
	soonest := start.Add(interval)
	silent := start.Sub(a.last)
	if silent < tick(interval) {
		return soonest, true // it may be the first of several that come together
	}
	var sorted [mostGaps]uint32
	gaps := sorted[:copy(sorted[:], a.gaps)]
	slices.Sort(gaps)
	reach := max(interval, 11*usual(gaps)/25) // with which objects at random wait for half of it
	passed, _ := slices.BinarySearchFunc(gaps, silent, func(gap uint32, d time.Duration) int { return cmp.Compare(duration(gap), d) })
	ahead := gaps[passed:]
	if len(ahead) == 0 {
		return time.Time{}, false
	}
	// The next object comes after one of these gaps. All that are close to the shortest
	// are waited for, save that a few are so short by chance.
	const chance = 16
	shortest := duration(ahead[len(ahead)/chance])
	longest := shortest
	for _, gap := range ahead {
		if d := duration(gap); d <= shortest+reach {
			longest = d
		}
	}
	return latest(a.last.Add(longest), soonest), true
}

func duration(milliseconds uint32) time.Duration {
	return time.Duration(milliseconds) * time.Millisecond
}

// usual returns the mean of the shorter nine tenths of some gaps, by size: nights are
// not usual.
func usual(gaps []uint32) time.Duration {
	gaps = gaps[:max(1, len(gaps)*9/10)]
	var sum time.Duration
	for _, gap := range gaps {
		sum += duration(gap)
	}
	return sum / time.Duration(len(gaps))
}
