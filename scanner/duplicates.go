package scanner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// newEventID returns the ID of an event of CloudTrail: its UUID, or a hash of any
// other text.
func newEventID(text []byte) eventID {
	id, ok := parseUUID(text)
	if !ok {
		sum := sha256.Sum256(text)
		copy(id[:], sum[:])
	}
	return id
}

// parseUUID parses 20000000-0000-4000-8000-00000000000a.
func parseUUID(text []byte) (id eventID, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	for _, group := range [...]struct{ at, from, to int }{{0, 0, 8}, {4, 9, 13}, {6, 14, 18}, {8, 19, 23}, {10, 24, 36}} {
		if _, err := hex.Decode(id[group.at:], text[group.from:group.to]); err != nil {
			return id, false
		}
	}
	return id, true
}

// duplicates recognises the events that CloudTrail delivers more than once: by
// chance, to both accounts of a request across accounts, or as a correction of
// an earlier event. It remembers the IDs of the newest events, which are part of
// the commits of their objects, and of those in objects that are in flight.
//
// It takes some 40 bytes of memory an event (BenchmarkDuplicates), in an event
// that has all three kinds of ID three times that.
type duplicates struct {
	limit int // IDs that are remembered, give or take a commit's

	mu       sync.Mutex
	events   eventTable
	commits  [][]eventRef // the oldest first
	owners   []*result    // what has claimed events, by their owner; 0 is nobody, as they are committed
	unowning []uint32     // places in owners that are not in use
}

// claims are the events of an object in flight that were new. They belong to
// duplicates.
type claims struct {
	owner  uint32 // 0: there are none
	events []eventRef
}

// newDuplicates returns duplicates that remember limit IDs; nil if that is 0.
func newDuplicates(limit int) *duplicates {
	if limit == 0 {
		return nil
	}
	return &duplicates{limit: limit, events: newEventTable(), owners: make([]*result, 1)}
}

var errEvents = errors.New("the event IDs are cut off")

// restore takes the IDs from the checkpoint.
func (d *duplicates) restore(tx *checkpoint.Tx) error {
	if d == nil {
		return nil
	}
	return tx.EachEvents(func(ids []byte) error {
		commit := make([]eventRef, 0, len(ids)/len(eventID{}))
		for ; len(ids) >= len(eventID{}); ids = ids[len(eventID{}):] {
			if ref, isNew := d.events.add(eventID(ids[:len(eventID{})])); isNew {
				commit = append(commit, ref)
			}
		}
		if len(ids) > 0 {
			return errEvents
		}
		d.commits = append(d.commits, commit)
		return nil
	})
}

// eventIDs are the IDs of one event, each once.
type eventIDs struct {
	ids [3]eventID
	n   int
}

func (e *eventIDs) add(text []byte) {
	if len(text) == 0 {
		return
	}
	id := newEventID(text)
	for _, other := range e.ids[:e.n] {
		if id == other {
			return
		}
	}
	e.ids[e.n] = id
	e.n++
}

// has reports whether an event counts already, by the object that is being read
// or another. If that one is still in flight, the object depends on it. If the
// event is new, the object claims it.
func (d *duplicates) has(r *result, rec *record.Record) bool {
	if d == nil || rec.Log != record.CloudTrail {
		return false
	}
	var e eventIDs
	e.add(rec.EventID)
	e.add(rec.SharedEventID)
	e.add(rec.OriginalEventID)
	d.mu.Lock()
	defer d.mu.Unlock()
	known := false
	for _, id := range e.ids[:e.n] {
		ref, isNew := d.events.add(id)
		if isNew { // also where the event is known: a duplicate may have an ID more
			d.claim(r, ref)
			continue
		}
		known = true
		if owner := d.owners[d.events.event(ref).owner]; owner != nil && owner != r {
			r.depend(owner)
		}
	}
	return known
}

// claim makes an object the owner of an event.
func (d *duplicates) claim(r *result, ref eventRef) {
	if r.claims.owner == 0 {
		if last := len(d.unowning) - 1; last >= 0 {
			r.claims.owner, d.unowning = d.unowning[last], d.unowning[:last]
		} else {
			r.claims.owner, d.owners = uint32(len(d.owners)), append(d.owners, nil)
		}
		d.owners[r.claims.owner] = r
	}
	d.events.event(ref).owner = r.claims.owner
	r.claims.events = append(r.claims.events, ref)
}

// settle ends the claims of an object.
func (d *duplicates) settle(r *result) {
	if r.claims.owner != 0 {
		d.owners[r.claims.owner] = nil
		d.unowning = append(d.unowning, r.claims.owner)
	}
	r.claims = claims{}
}

// release gives up what an object has claimed that does not count.
func (d *duplicates) release(r *result) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ref := range r.claims.events {
		d.events.remove(ref)
	}
	d.settle(r)
}

// stage writes the IDs that objects which are to be committed have claimed, and
// removes as many of the oldest as there are too many then.
func (d *duplicates) stage(tx *checkpoint.Tx, objects []*result) error {
	ids, old := d.changes(objects)
	if len(ids) == 0 {
		return nil
	}
	if old > 0 {
		if err := tx.DropEvents(old); err != nil {
			return err
		}
	}
	return tx.AppendEvents(ids)
}

// changes returns the IDs that objects have claimed, one behind the other, and how
// many of the oldest commits are not needed any more once these are remembered.
func (d *duplicates) changes(objects []*result) (ids []byte, old int) {
	n := claimed(objects)
	if n == 0 {
		return nil, 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ids = make([]byte, 0, n*len(eventID{}))
	for _, r := range objects {
		for _, ref := range r.claims.events {
			ids = append(ids, d.events.event(ref).id[:]...)
		}
	}
	return ids, d.surplus(n)
}

// claimed returns how many events objects have claimed.
func claimed(objects []*result) (n int) {
	for _, r := range objects {
		n += len(r.claims.events)
	}
	return n
}

// surplus returns how many of the oldest commits are not needed any more when n
// IDs are added.
func (d *duplicates) surplus(n int) (commits int) {
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

// remember takes note that objects are committed.
func (d *duplicates) remember(objects []*result) {
	n := claimed(objects)
	if n == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.surplus(n)
	for _, c := range d.commits[:old] {
		for _, ref := range c {
			d.events.remove(ref)
		}
	}
	commit := make([]eventRef, 0, n)
	for _, r := range objects {
		for _, ref := range r.claims.events {
			d.events.event(ref).owner = 0
		}
		commit = append(commit, r.claims.events...)
		d.settle(r)
	}
	d.commits = append(d.commits[old:], commit)
}
