package scanner

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
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
	a, okA := parseHex(binary.BigEndian.Uint32(text), binary.BigEndian.Uint32(text[4:]))
	b, okB := parseHex(binary.BigEndian.Uint32(text[9:]), binary.BigEndian.Uint32(text[14:]))
	c, okC := parseHex(binary.BigEndian.Uint32(text[19:]), binary.BigEndian.Uint32(text[24:]))
	d, okD := parseHex(binary.BigEndian.Uint32(text[28:]), binary.BigEndian.Uint32(text[32:]))
	binary.BigEndian.PutUint64(id[:], uint64(a)<<32|uint64(b))
	binary.BigEndian.PutUint64(id[8:], uint64(c)<<32|uint64(d))
	return id, okA && okB && okC && okD
}

// parseHex parses eight hexadecimal digits at once, one in each byte.
func parseHex(high, low uint32) (number uint32, ok bool) {
	const each = 0x0101010101010101
	text := uint64(high)<<32 | uint64(low)
	letters := text >> 6 & each
	digits := text&(0x0F*each) + 9*letters
	// They are digits if these would be written like that, in small letters.
	above9 := (digits + 6*each) >> 4 & each
	ok = digits&(0xF0*each) == 0 && digits+'0'*each+('a'-'9'-1)*above9 == text|letters<<5
	digits = (digits | digits>>4) & 0x00FF00FF00FF00FF
	digits = (digits | digits>>8) & 0x0000FFFF0000FFFF
	return uint32(digits | digits>>16), ok
}

// duplicates recognises the events that CloudTrail delivers more than once: by
// chance, to both accounts of a request across accounts, or as a correction of
// an earlier event. It remembers the IDs of the newest events, which are part of
// the commits of their objects, and of those in objects that are in flight.
//
// It takes some 30 bytes of memory an event (BenchmarkDuplicates), in an event
// that has all three kinds of ID three times that.
type duplicates struct {
	limit int // IDs that are remembered, give or take a commit's

	mu        sync.Mutex
	events    eventTable
	commits   []eventList // the oldest first
	committed int         // IDs in them
	owners    []*result   // what has claimed events, by their owner; 0 is nobody, as they are committed
	unowning  []uint32    // places in owners that are not in use
}

// claims are the events of an object in flight that were new. They belong to
// duplicates.
type claims struct {
	owner  uint32 // 0: there are none
	events eventList
}

// newDuplicates returns duplicates that remember limit IDs; nil if that is 0.
func newDuplicates(limit int) *duplicates {
	if limit == 0 {
		return nil
	}
	return &duplicates{limit: limit, events: newEventTable(limit), owners: make([]*result, 1)}
}

var errEvents = errors.New("the event IDs are cut off")

// restore takes the IDs from the checkpoint.
func (d *duplicates) restore(tx *checkpoint.Tx) error {
	if d == nil {
		return nil
	}
	return tx.EachEvents(func(ids []byte) error {
		var commit eventList
		for ; len(ids) >= len(eventID{}); ids = ids[len(eventID{}):] {
			d.events.add(&commit, eventID(ids[:len(eventID{})]))
		}
		if len(ids) > 0 {
			return errEvents
		}
		d.append(commit)
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
		if len(text) == 0 {
			continue
		}
		if ids[n] = newEventID(text); !slices.Contains(ids[:n], ids[n]) {
			n++
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := false
	for _, id := range ids[:n] {
		block, isNew := d.events.add(&r.claims.events, id)
		if isNew { // also where the event is known: a duplicate may have an ID more
			block.owner = d.owner(r)
			continue
		}
		known = true
		if owner := d.owners[block.owner]; owner != nil && owner != r {
			r.depend(owner)
		}
	}
	return known
}

// owner returns the number of an object that claims events.
func (d *duplicates) owner(r *result) uint32 {
	if r.claims.owner == 0 {
		if last := len(d.unowning) - 1; last >= 0 {
			r.claims.owner, d.unowning = d.unowning[last], d.unowning[:last]
		} else {
			r.claims.owner, d.owners = uint32(len(d.owners)), append(d.owners, nil)
		}
		d.owners[r.claims.owner] = r
	}
	return r.claims.owner
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
	d.events.remove(r.claims.events)
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
		d.events.blocks(r.claims.events, func(b *eventBlock) {
			for _, id := range b.ids[:b.n] {
				ids = append(ids, id[:]...)
			}
		})
	}
	return ids, d.surplus(n)
}

// claimed returns how many events objects have claimed.
func claimed(objects []*result) (n int) {
	for _, r := range objects {
		n += r.claims.events.n
	}
	return n
}

// surplus returns how many of the oldest commits are not needed any more when n
// IDs are added.
func (d *duplicates) surplus(n int) (commits int) {
	n += d.committed
	for _, c := range d.commits {
		if n -= c.n; n < d.limit {
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
		d.events.remove(c)
		d.committed -= c.n
	}
	d.commits = d.commits[old:]
	var commit eventList
	for _, r := range objects {
		d.events.blocks(r.claims.events, func(b *eventBlock) { b.owner = 0 })
		d.events.join(&commit, r.claims.events)
		d.settle(r)
	}
	d.append(commit)
}

// append takes note of the IDs of a commit.
func (d *duplicates) append(commit eventList) {
	d.commits = append(d.commits, commit)
	d.committed += commit.n
}
