package dedupe

import (
	"errors"
	"slices"
	"sync"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Window remembers the IDs of the newest events, and of those in objects that are
// being read. Restore, Changes and Commit are called from one goroutine, the other
// methods from any.
//
// It takes some 30 bytes of memory an event (BenchmarkWindow), in an event that has
// all three kinds of ID three times that. A nil Window recognises nothing; all
// methods may be called on it.
type Window struct {
	limit int // IDs that are remembered, give or take a commit's

	mu        sync.Mutex  // guards all below, and what Claim has so
	events    eventTable  // of commits and of Claims
	commits   []eventList // the oldest first
	committed int         // IDs in them
	forgotten int64       // IDs that were in commits before them
	owners    []*Claim    // those that hold events, by number; 0 is nobody: these events are committed
	unowning  []uint32    // numbers in owners that are not in use
}

// NewWindow returns a Window that remembers limit IDs, and at most those of a commit
// more; nil if limit is 0.
func NewWindow(limit int) *Window {
	if limit == 0 {
		return nil
	}
	return &Window{limit: limit, events: newEventTable(limit), owners: make([]*Claim, 1)}
}

var errCutOff = errors.New("the event IDs are cut off")

// Restore remembers the IDs that Changes has returned for one commit. It is called for
// every commit that is stored, the oldest first, before all other methods. The bytes
// are the caller's.
func (w *Window) Restore(ids []byte) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var commit eventList
	for ; len(ids) >= len(eventID{}); ids = ids[len(eventID{}):] {
		w.events.add(&commit, eventID(ids[:len(eventID{})]))
	}
	if len(ids) > 0 {
		return errCutOff
	}
	w.append(commit)
	return nil
}

// Has reports whether the event of a record counts already, by the object that is
// being read or another one. If that one has not been counted yet, the Claim depends
// on it. If the event is new, the Claim holds it. A record without IDs of an event is
// never known.
func (w *Window) Has(c *Claim, rec *record.Record) bool {
	if w == nil {
		return false
	}
	var ids [3]eventID
	n := 0
	for _, text := range [...][]byte{rec.EventID, rec.SharedEventID, rec.OriginalEventID} {
		if len(text) == 0 {
			continue
		}
		if ids[n] = newEventID(text); !slices.Contains(ids[:n], ids[n]) {
			n++
		}
	}
	if n == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := false
	for _, id := range ids[:n] {
		block, isNew := w.events.add(&c.events, id)
		if isNew { // also where the event is known: a duplicate may have an ID more
			block.owner = w.owner(c)
			continue
		}
		known = true
		if owner := w.owners[block.owner]; owner != nil && owner != c {
			c.depend(owner)
		}
	}
	return known
}

// owner returns the number of a Claim that holds events.
func (w *Window) owner(c *Claim) uint32 {
	if c.owner == 0 {
		if last := len(w.unowning) - 1; last >= 0 {
			c.owner, w.unowning = w.unowning[last], w.unowning[:last]
		} else {
			c.owner, w.owners = uint32(len(w.owners)), append(w.owners, nil)
		}
		w.owners[c.owner] = c
	}
	return c.owner
}

// reset empties a Claim.
func (w *Window) reset(c *Claim) {
	if c.owner != 0 {
		w.owners[c.owner] = nil
		w.unowning = append(w.unowning, c.owner)
	}
	c.owner, c.events = 0, eventList{}
}

// release forgets the events of a Claim, whose object does not count.
func (w *Window) release(c *Claim) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events.remove(c.events)
	w.reset(c)
}

// Changes returns what is to be stored when objects are counted: the IDs of their
// Claims, one behind the other, nil if there are none; and how many of the oldest
// commits with IDs are not needed any more then. Nothing is remembered before Commit.
func (w *Window) Changes(objects []*Claim) (ids []byte, old int) {
	n := claimed(objects)
	if n == 0 {
		return nil, 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ids = make([]byte, 0, n*len(eventID{}))
	for _, c := range objects {
		w.events.blocks(c.events, func(b *eventBlock) {
			for _, id := range b.ids[:b.n] {
				ids = append(ids, id[:]...)
			}
		})
	}
	return ids, w.surplus(n)
}

// claimed returns how many events Claims hold.
func claimed(objects []*Claim) (n int) {
	for _, c := range objects {
		n += c.events.n
	}
	return n
}

// surplus returns how many of the oldest commits are not needed any more when n IDs
// are added.
func (w *Window) surplus(n int) (commits int) {
	n += w.committed
	for _, c := range w.commits {
		if n -= c.n; n < w.limit {
			break
		}
		commits++
	}
	return commits
}

// Commit remembers the events of objects that are counted from now on, and empties
// their Claims.
func (w *Window) Commit(objects []*Claim) {
	n := claimed(objects)
	if n == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.surplus(n)
	for _, commit := range w.commits[:old] {
		w.events.remove(commit)
		w.committed -= commit.n
		w.forgotten += int64(commit.n)
	}
	w.commits = w.commits[old:]
	var commit eventList
	for _, c := range objects {
		w.events.blocks(c.events, func(b *eventBlock) { b.owner = 0 })
		w.events.join(&commit, c.events)
		w.reset(c)
	}
	w.append(commit)
}

// Forgotten returns how many IDs were remembered and are not any more, the oldest ones: an
// event of theirs would be new.
func (w *Window) Forgotten() int64 {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forgotten
}

// append takes note of the IDs of a commit.
func (w *Window) append(commit eventList) {
	w.commits = append(w.commits, commit)
	w.committed += commit.n
}
