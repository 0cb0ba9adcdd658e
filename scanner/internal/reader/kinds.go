package reader

import (
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// kind is what objects have in common that are likely to be of the same kind.
type kind struct {
	stream    logkey.Stream
	day       day
	extension string
	beginning string // of their names
}

// anyBeginning returns the kind of all beginnings.
func (k kind) anyBeginning() kind {
	k.beginning = ""
	return k
}

// day counts days.
type day int32

func dayOf(t time.Time) day { return day(t.Unix() / (24 * 60 * 60)) }

// others are the objects of a kind that are no logs, as far as is known.
type others struct {
	why     skip // of the one that was looked at last
	day     day
	objects int32 // that were met, but for the first maxPages
	pages   int8  // that may be a proxy's
}

// skip is a SkipReason in little room.
type skip uint8

var skips = logkey.SkipReasons()

func skipOf(why logkey.SkipReason) skip { return skip(slices.Index(skips, why)) }

func (s skip) reason() logkey.SkipReason { return skips[s] }

// beginnings is how many beginnings there are of the names of a day.
type beginnings struct {
	day    day
	number uint8 // up to maxBeginnings
}

// maxBeginnings is how many beginnings of names are told from each other of one stream, day
// and extension. If there are more, names are rather random.
const maxBeginnings = 64

// maxKinds is how many kinds are remembered that are no logs, some 110 bytes each, the keys that
// were met included. If there are more, those of the oldest days are forgotten, a part of all
// at once, and are looked at again by who comes across them.
const (
	maxKinds  = 300_000
	forgotten = 8 // one in that many
)

// kinds remembers which kinds are no logs, by hashes: that of one which nobody has looked at
// is that of another one as good as never.
type kinds struct {
	most   int
	seed   maphash.Seed
	others map[uint64]others
	begin  map[uint64]beginnings // of kinds without one
}

func newKinds(most int) *kinds {
	return &kinds{most: most, seed: maphash.MakeSeed(), others: make(map[uint64]others), begin: make(map[uint64]beginnings)}
}

func (ks *kinds) hash(k kind) uint64 { return maphash.Comparable(ks.seed, k) }

// choose returns the kind, or that of all beginnings if there are many.
func (ks *kinds) choose(k kind) kind {
	all := k.anyBeginning()
	if ks.begin[ks.hash(all)].number >= maxBeginnings {
		if _, found := ks.get(k); !found {
			return all
		}
	}
	return k
}

// get returns what is remembered of a kind.
func (ks *kinds) get(k kind) (o others, found bool) {
	o, found = ks.others[ks.hash(k)]
	return o, found
}

// put remembers a kind.
func (ks *kinds) put(k kind, o others) {
	id := ks.hash(k)
	if _, found := ks.others[id]; !found {
		forgetOldest(ks.others, ks.most, func(o others) day { return o.day })
		forgetOldest(ks.begin, ks.most, func(b beginnings) day { return b.day })
		all := ks.hash(k.anyBeginning())
		ks.begin[all] = beginnings{k.day, min(ks.begin[all].number+1, maxBeginnings)}
	}
	o.day = k.day
	ks.others[id] = o
}

// forgetOldest forgets a part of what is remembered if it is as much as may be: all of the
// oldest days, and any of the next one.
func forgetOldest[V any](m map[uint64]V, most int, dayOf func(V) day) {
	if len(m) < most {
		return
	}
	days := make(map[day]int)
	for _, v := range m {
		days[dayOf(v)]++
	}
	number := most / forgotten
	for _, d := range slices.Sorted(maps.Keys(days)) {
		days[d] = min(days[d], number)
		number -= days[d]
	}
	for id, v := range m {
		if d := dayOf(v); days[d] > 0 {
			days[d]--
			delete(m, id)
		}
	}
}

// forgetAny forgets a number of what is remembered.
func forgetAny[V any](m map[uint64]V, number int) {
	for id := range m {
		if number--; number < 0 {
			return
		}
		delete(m, id)
	}
}
