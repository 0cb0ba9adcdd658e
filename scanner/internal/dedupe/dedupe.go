// Package dedupe recognises the events that CloudTrail delivers more than once: by
// chance, to both accounts of a request across accounts, or as a correction of an
// earlier event.
//
// A Window remembers the IDs of the newest events that count, and those of the
// objects that are being read. Each object has a Claim: the events that it was the
// first to have. An object that meets an event of another one's Claim passes over
// it, and depends on that other one from then on: only if that one counts, passing
// over was right. So a Gate holds back what depends on an object that was not read
// to its end yet, and gives up what depends on one that failed.
//
//	read ──Window.Has──▶ Claim ──Gate.Pass──▶ to be counted ──Window.Changes──▶ in a transaction ──Window.Commit──▶ remembered
//	                           └─Gate.Fail──▶ given up, and to be read again
//
// The package keeps nothing by itself: Changes returns the bytes that its user stores,
// Restore takes them back.
package dedupe

import "slices"

// Claim is what one object that is being read has to do with events: those that it
// claims, and the Claims of other objects that it depends on. It is embedded in what
// a reader hands on, so that both are one allocation. The zero value is the Claim of
// an object that has not met an event. It must not be copied.
type Claim struct {
	// Name is what the object is called where another one is Broken by it.
	Name string

	events  eventList // of which this object was the first; guarded by Window.mu
	owner   uint32    // the Claim's number in Window.owners; 0: it claims nothing; guarded by Window.mu
	depends []*Claim  // owned by the object's reader, then by the Gate

	standing standing // owned by the Gate
}

// standing is how an object stands, for those that depend on it.
type standing byte

const (
	inFlight standing = iota
	held              // read to its end, but one that it depends on is not
	passed            // to be counted, or counted
	failed
)

// claim implements Claimant for all that a Claim is embedded in.
func (c *Claim) claim() *Claim { return c }

// Events returns how many IDs of events the Claim holds, some 20 bytes each.
func (c *Claim) Events() int { return c.events.n }

// depend takes note that the object depends on another.
func (c *Claim) depend(on *Claim) {
	if !c.dependsOn(on) {
		c.depends = append(c.depends, on)
	}
}

func (c *Claim) dependsOn(on *Claim) bool { return slices.Contains(c.depends, on) }

// waits reports whether an object that this one depends on must not be counted yet.
func (c *Claim) waits() bool {
	return slices.ContainsFunc(c.depends, func(on *Claim) bool { return on.standing != passed })
}

// Claimant is what has a Claim: a pointer to a struct in which one is embedded.
type Claimant interface {
	comparable
	claim() *Claim
}
