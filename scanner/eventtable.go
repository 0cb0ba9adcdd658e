package scanner

import "hash/maphash"

// eventTable holds the IDs of events, and a number for each. It takes 20 bytes an
// ID and 11 to 14 to find it: the IDs lie in chunks and do not move, and an index
// with open addressing leads to them.
type eventTable struct {
	seed   maphash.Seed
	index  eventIndex
	count  int // IDs that are held
	chunks []*[chunkSize]event
	fresh  eventRef   // none from here on was in use
	free   []eventRef // were in use and are not
}

type eventID [16]byte

// eventRef leads to an event as long as it is held.
type eventRef uint32

type event struct {
	id    eventID
	owner uint32 // whatever the table's user keeps with the ID
}

// eventIndex is the index of an eventTable.
type eventIndex []cell

// cell is a place of the index: 0, or the event's hash and, behind it, one more
// than its eventRef.
type cell uint64

const chunkSize = 4096

func newEventTable() eventTable {
	return eventTable{seed: maphash.MakeSeed(), index: make(eventIndex, 64)}
}

// add returns the place of an ID, and whether it was not held before; its owner is
// then 0.
func (t *eventTable) add(id eventID) (ref eventRef, isNew bool) {
	index, hash := t.index, t.hash(id)
	i := index.home(hash)
	for ; index[i] != 0; i = index.next(i) {
		if c := index[i]; c.hash() == hash && t.event(c.ref()).id == id {
			return c.ref(), false
		}
	}
	ref = t.take()
	*t.event(ref) = event{id: id}
	index[i] = newCell(hash, ref)
	if t.count++; t.count > len(index)/4*3 {
		t.grow()
	}
	return ref, true
}

// event returns what is held in a place. It is valid until the place is removed.
func (t *eventTable) event(ref eventRef) *event {
	return &t.chunks[ref/chunkSize][ref%chunkSize]
}

// remove gives up a place.
func (t *eventTable) remove(ref eventRef) {
	index, hash := t.index, t.hash(t.event(ref).id)
	i := index.home(hash)
	for old := newCell(hash, ref); index[i] != old; {
		i = index.next(i)
	}
	// Whatever stands behind the gap and has been kept from it moves up.
	for j := index.next(i); index[j] != 0; j = index.next(j) {
		if c := index[j]; index.distance(index.home(c.hash()), j) >= index.distance(i, j) {
			index[i], i = c, j
		}
	}
	index[i] = 0
	t.free = append(t.free, ref)
	t.count--
}

// take returns a place that is not in use.
func (t *eventTable) take() eventRef {
	if last := len(t.free) - 1; last >= 0 {
		ref := t.free[last]
		t.free = t.free[:last]
		return ref
	}
	if int(t.fresh) == len(t.chunks)*chunkSize {
		t.chunks = append(t.chunks, new([chunkSize]event))
	}
	t.fresh++
	return t.fresh - 1
}

// grow makes the index a quarter larger.
func (t *eventTable) grow() {
	index := make(eventIndex, len(t.index)/4*5)
	for _, c := range t.index {
		if c == 0 {
			continue
		}
		i := index.home(c.hash())
		for index[i] != 0 {
			i = index.next(i)
		}
		index[i] = c
	}
	t.index = index
}

func (t *eventTable) hash(id eventID) uint32 { return uint32(maphash.Bytes(t.seed, id[:]) >> 32) }

// home returns where an event stands in the index unless that place is taken.
func (x eventIndex) home(hash uint32) int {
	return int(uint64(hash) * uint64(len(x)) >> 32)
}

func (x eventIndex) next(i int) int {
	if i++; i < len(x) {
		return i
	}
	return 0
}

// distance returns how many places behind i the place j is.
func (x eventIndex) distance(i, j int) int {
	if j < i {
		j += len(x)
	}
	return j - i
}

func newCell(hash uint32, ref eventRef) cell { return cell(hash)<<32 | cell(ref+1) }

func (c cell) hash() uint32  { return uint32(c >> 32) }
func (c cell) ref() eventRef { return eventRef(uint32(c)) - 1 }
