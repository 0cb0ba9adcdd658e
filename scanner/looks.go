package scanner

import (
	"errors"
	"fmt"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// A look at an object whose key does not show what it is takes a request, and where others keep
// their objects in folders of days, there may be a million of them. The polls of a round wait for
// the search, so that takes no longer for its looks than longestLooks. It lists all that lies there
// nevertheless, so that streams whose keys show what they are do not wait. From the first object
// on that it has left over it goes on in the next round, which comes at once, in passes of the
// same length, until all was looked at. Only then it is complete. What it finds counts meanwhile.

// longestLooks is how long a pass of a search, or the polls of a round, may look at objects.
const longestLooks = 20 * time.Second

// quest is what a search has found out in its passes so far.
type quest struct {
	since time.Time // when it began
	start time.Time // the same by the time of the process
	full  bool      // it passes over nothing
	looks int       // at how many objects it has looked

	resumed bool      // a pass has left objects over
	goOn    string    // the key behind which the first of these lies
	walked  time.Time // when a pass began that listed all

	empty  bool                   // nothing lies there
	young  bool                   // an object was left out of a stream that nobody knows
	tired  bool                   // a pass has come to vainLooks
	blind  map[logkey.Stream]bool // in which an object could not be looked at
	unseen error                  // why, if that may pass
	aside  []aside                // objects that are too old to be looked at
}

// nextPass returns a finder for the next pass of the search under way, or for a new search.
func (l *location) nextPass(start, now time.Time) *finder {
	f := newFinder(l, now)
	if f.whole = true; l.under == nil {
		f.quest.since, f.quest.start, f.quest.empty = now, start, true
		f.quest.full = l.searchedFull.IsZero() || start.Sub(l.searchedFull) >= l.cfg.AuditInterval
	} else {
		f.quest = l.under
		f.whole = start.Sub(f.quest.walked) >= l.cfg.SweepInterval // as new streams may have come before goOn
	}
	if f.whole {
		f.sharing.begin()
		f.quest.walked = start
	} else {
		f.last = f.quest.goOn
	}
	f.skips.begin(f.quest.full && !f.quest.resumed)
	if f.recent = earliest(now, f.own.Searched).Add(-freeAgain); f.quest.full {
		f.recent = earliest(f.recent, l.auditBegin(now))
	}
	return &f
}

// mayLook reports whether there is time to look at one more object. If not, it is left over. A
// pass that lists all once more is for keys that show what they are.
func (f *finder) mayLook() bool {
	onlyKeys := f.whole && f.quest.resumed
	if f.spent < longestLooks && !onlyKeys {
		f.quest.looks++
		return true
	}
	if !f.left && !onlyKeys {
		f.quest.goOn = f.last
	}
	f.left = true
	return false
}

// pause makes the next round go on with the search.
func (l *location) pause(f *finder) {
	f.quest.resumed = true
	l.under, l.unseen = f.quest, &looksLeftError{f.quest.looks}
	l.mu.Lock()
	l.others, l.blind = len(l.sharing.others), true
	l.mu.Unlock()
}

// looksLeftError is why a location is not listed to its end yet: it has objects whose keys do not show
// what they are, and that nobody has looked at.
type looksLeftError struct{ looks int }

func (e *looksLeftError) Error() string {
	return fmt.Sprintf("%d objects were looked at to see whether they are logs, as their keys do not show it, and there are more; where a location is a prefix that holds logs alone, there are none", e.looks)
}

func isLooksLeft(err error) bool { return errors.As(err, new(*looksLeftError)) }
