package scanner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// eventID identifies an event of CloudTrail: a UUID, or a hash of any other text.
type eventID [16]byte

func newEventID(text []byte) eventID {
	var id eventID
	var digits [32]byte
	n := 0
	for _, c := range text {
		switch {
		case c == '-':
		case n == len(digits):
			return hashedID(text)
		default:
			digits[n] = c
			n++
		}
	}
	if k, err := hex.Decode(id[:], digits[:n]); err != nil || k < len(id) {
		return hashedID(text)
	}
	return id
}

func hashedID(text []byte) (id eventID) {
	sum := sha256.Sum256(text)
	copy(id[:], sum[:])
	return id
}

// duplicates recognises the events that CloudTrail delivers more than once: by
// chance, to both accounts of a request across accounts, or as a correction of
// an earlier event. It remembers the IDs of the newest events, which are part of
// the commits of their objects, and of those in objects that are in flight.
//
// It takes about 70 bytes of memory an event (BenchmarkDuplicates), in an event
// that has all three kinds of ID three times that.
type duplicates struct {
	limit int // IDs that are remembered, give or take a commit's

	mu        sync.Mutex
	committed map[eventID]struct{}
	commits   [][]eventID         // by commit, the oldest first
	claimed   map[eventID]*result // by objects in flight
}

// newDuplicates returns duplicates that remember limit IDs; nil if that is 0.
func newDuplicates(limit int) *duplicates {
	if limit == 0 {
		return nil
	}
	return &duplicates{limit: limit, committed: make(map[eventID]struct{}), claimed: make(map[eventID]*result)}
}

var errEvents = errors.New("the event IDs are cut off")

// restore takes the IDs from the checkpoint.
func (d *duplicates) restore(tx *checkpoint.Tx) error {
	if d == nil {
		return nil
	}
	return tx.EachEvents(func(ids []byte) error {
		commit := make([]eventID, len(ids)/len(eventID{}))
		for i := range commit {
			ids = ids[copy(commit[i][:], ids):]
			d.committed[commit[i]] = struct{}{}
		}
		if len(ids) > 0 {
			return errEvents
		}
		d.commits = append(d.commits, commit)
		return nil
	})
}

// has reports whether an event counts already, by the object that is being read
// or another. If that one is still in flight, the object depends on it. If the
// event is new, the object claims it.
func (d *duplicates) has(r *result, rec *record.Record) bool {
	if d == nil || rec.Log != record.CloudTrail {
		return false
	}
	var ids [3]eventID
	n := 0
	for _, text := range [...][]byte{rec.EventID, rec.SharedEventID, rec.OriginalEventID} {
		if len(text) > 0 {
			ids[n] = newEventID(text)
			n++
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := false
	for _, id := range ids[:n] {
		if _, ok := d.committed[id]; ok {
			known = true
		} else if owner := d.claimed[id]; owner != nil {
			known = true
			if owner != r {
				r.depend(owner)
			}
		}
	}
	// A duplicate may have an ID more than the event that was counted.
	for _, id := range ids[:n] {
		_, old := d.committed[id]
		if _, claimed := d.claimed[id]; !old && !claimed {
			d.claimed[id] = r
			r.events = append(r.events, id)
		}
	}
	return known
}

// release gives up what an object has claimed that does not count.
func (d *duplicates) release(r *result) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range r.events {
		delete(d.claimed, id)
	}
	r.events = nil
}

// stage writes the IDs of objects that are to be committed, and removes as many
// of the oldest as there are too many then.
func (d *duplicates) stage(tx *checkpoint.Tx, ids []eventID) error {
	if len(ids) == 0 {
		return nil
	}
	if n := d.surplus(len(ids)); n > 0 {
		if err := tx.DropEvents(n); err != nil {
			return err
		}
	}
	stored := make([]byte, 0, len(ids)*len(eventID{}))
	for _, id := range ids {
		stored = append(stored, id[:]...)
	}
	return tx.AppendEvents(stored)
}

// surplus returns how many of the oldest commits are not needed any more when n
// IDs are added.
func (d *duplicates) surplus(n int) (commits int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.commits {
		n += len(c)
	}
	for _, c := range d.commits {
		if n -= len(c); n < d.limit {
			break
		}
		commits++
	}
	return commits
}

// remember takes note that the IDs that were staged are committed.
func (d *duplicates) remember(ids []eventID) {
	if len(ids) == 0 {
		return
	}
	old := d.surplus(len(ids))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.commits[:old] {
		for _, id := range c {
			delete(d.committed, id)
		}
	}
	d.commits = append(d.commits[old:], ids)
	for _, id := range ids {
		d.committed[id] = struct{}{}
		delete(d.claimed, id)
	}
}

// progress is how far an object has come, for those that depend on it.
type progress byte

const (
	inFlight progress = iota
	held              // read to its end, but one that it depends on is not
	passed            // to be committed, or committed
	failed
)

// gate holds back the results of objects that share events with one in flight:
// only if that one counts, it is right that they passed over those events.
type gate struct {
	duplicates *duplicates
	waiting    []*result
}

// pass takes a result that has come in. It returns those that may be committed
// now, all in one commit, and those that have failed. An object fails when one
// that it depends on does; it is then to be read again.
func (g *gate) pass(r *result) (ready, broken []*result) {
	if r.err != nil {
		return nil, g.fail(r)
	}
	r.progress = held
	g.waiting = append(g.waiting, r)
	for _, dep := range r.depends {
		if dep.progress == failed {
			r.err = dependsError(r, dep)
			return nil, g.fail(r)
		}
	}
	return g.free(), nil
}

// fail takes out a result, and all that depend on it.
func (g *gate) fail(r *result) (broken []*result) {
	r.progress = failed
	g.duplicates.release(r)
	broken = append(broken, r)
	var stay []*result
	for _, w := range g.waiting {
		if w != r {
			stay = append(stay, w)
		}
	}
	g.waiting = stay
	for _, w := range stay {
		if w.progress == held && w.dependsOn(r) {
			w.err = dependsError(w, r)
			broken = append(broken, g.fail(w)...)
		}
	}
	return broken
}

// free takes out the results that wait for nothing but each other.
func (g *gate) free() (ready []*result) {
	for _, w := range g.waiting {
		w.progress = passed
	}
	for again := true; again; {
		again = false
		for _, w := range g.waiting {
			if w.progress == passed && w.waits() {
				w.progress, again = held, true
			}
		}
	}
	var stay []*result
	for _, w := range g.waiting {
		if w.progress == held {
			stay = append(stay, w)
			continue
		}
		w.depends = nil
		ready = append(ready, w)
	}
	g.waiting = stay
	return ready
}

func dependsError(r, on *result) *ObjectError {
	return &ObjectError{
		Location: r.location.Name, Key: r.obj.Key, Reason: ReasonShared,
		Err: fmt.Errorf("has events of object %q, which could not be read", on.obj.Key),
	}
}
