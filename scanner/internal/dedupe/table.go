package dedupe

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// eventTable holds the IDs of events. Those of one eventList lie one behind the
// other in blocks, which do not move; an index with open addressing leads to them.
// It takes 18 bytes an ID in lists that are not short, and 11 to 14 to find it.
type eventTable struct {
	seed   [2]uint64
	index  eventIndex
	count  int // IDs that are held
	chunks []*[chunkSize]eventBlock
	fresh  blockRef // none from here on was in use
	free   blockRef // the first of those that were in use and are not
}

// eventBlock holds some of the IDs of a list.
type eventBlock struct {
	ids   [blockSize]eventID
	n     uint32
	owner uint32 // whatever the table's user keeps with the IDs
	next  blockRef
}

// A block has little besides its IDs: there is one for every eight events.
const _ = blockSize*16 + 12 - unsafe.Sizeof(eventBlock{})

// blockRef leads to a block; 0 is none.
type blockRef uint32

// eventList is a list of IDs that a table holds. The zero value is an empty list.
type eventList struct {
	n           int
	first, last blockRef
}

// eventIndex is the index of an eventTable.
type eventIndex []slot

// slot is one element of the index: 0, or the hash of an ID and, behind it, where the
// ID is.
type slot uint64

const (
	blockSize = 8 // IDs; the last block of a list is half empty on average
	chunkSize = 512

	maxBegin = 1 << 20 // IDs that a new table is made for at most, 12 bytes each
)

// newEventTable returns a table that is made for so many IDs. It grows when there
// are more.
func newEventTable(ids int) eventTable {
	return eventTable{
		seed:  [2]uint64{rand.Uint64(), rand.Uint64()},
		index: make(eventIndex, 64+min(ids, maxBegin)/2*3),
		fresh: 1,
	}
}

// add adds an ID to the list unless it is held already. It returns the block that
// holds it, and whether it is new.
func (t *eventTable) add(list *eventList, id eventID) (block *eventBlock, isNew bool) {
	index, hash := t.index, t.hash(&id)
	i := index.home(hash)
	for ; index[i] != 0; i = index.next(i) {
		if s := index[i]; s.hash() == hash {
			if block, k := t.at(s); block.ids[k] == id {
				return block, false
			}
		}
	}
	block = t.last(list)
	block.ids[block.n] = id
	index[i] = newSlot(hash, list.last, block.n)
	block.n++
	list.n++
	if t.count++; t.count > len(index)/4*3 {
		t.grow()
	}
	return block, true
}

// last returns the list's last block, which has room for an ID.
func (t *eventTable) last(list *eventList) *eventBlock {
	if list.last != 0 {
		if block := t.block(list.last); block.n < blockSize {
			return block
		}
	}
	ref := t.take()
	if list.last == 0 {
		list.first = ref
	} else {
		t.block(list.last).next = ref
	}
	list.last = ref
	return t.block(ref)
}

// take returns an empty block.
func (t *eventTable) take() blockRef {
	if ref := t.free; ref != 0 {
		block := t.block(ref)
		t.free = block.next
		*block = eventBlock{}
		return ref
	}
	if int(t.fresh) >= len(t.chunks)*chunkSize {
		t.chunks = append(t.chunks, new([chunkSize]eventBlock))
	}
	t.fresh++
	return t.fresh - 1
}

func (t *eventTable) block(ref blockRef) *eventBlock {
	return &t.chunks[ref/chunkSize][ref%chunkSize]
}

// at returns where the ID of a slot is.
func (t *eventTable) at(s slot) (block *eventBlock, k uint32) {
	return t.block(blockRef(uint32(s) / blockSize)), uint32(s) % blockSize
}

// blocks calls fn with each block of a list.
func (t *eventTable) blocks(list eventList, fn func(*eventBlock)) {
	for ref := list.first; ref != 0; {
		block := t.block(ref)
		fn(block)
		ref = block.next
	}
}

// join puts the IDs of more behind those of the list. Of the two only the list
// may be used from then on.
func (t *eventTable) join(list *eventList, more eventList) {
	switch {
	case more.n == 0:
	case list.n == 0:
		*list = more
	default:
		t.block(list.last).next = more.first
		list.n, list.last = list.n+more.n, more.last
	}
}

// remove gives up the IDs of a list.
func (t *eventTable) remove(list eventList) {
	if list.n == 0 {
		return
	}
	for ref := list.first; ref != 0; ref = t.block(ref).next {
		block := t.block(ref)
		var slots [blockSize]slot
		for k := range block.n {
			slots[k] = newSlot(t.hash(&block.ids[k]), ref, k)
		}
		t.index.fetch(slots[:block.n])
		for _, s := range slots[:block.n] {
			t.index.remove(s)
		}
	}
	t.count -= list.n
	t.block(list.last).next, t.free = t.free, list.first
}

// grow makes the index a quarter larger.
func (t *eventTable) grow() {
	index := make(eventIndex, len(t.index)/4*5)
	for _, s := range t.index {
		if s == 0 {
			continue
		}
		i := index.home(s.hash())
		for index[i] != 0 {
			i = index.next(i)
		}
		index[i] = s
	}
	t.index = index
}

// hash mixes an ID with the table's seed, so that nobody can choose IDs that are in
// each other's way.
func (t *eventTable) hash(id *eventID) uint32 {
	high, low := bits.Mul64(binary.LittleEndian.Uint64(id[:8])^t.seed[0], binary.LittleEndian.Uint64(id[8:])^t.seed[1])
	return uint32((high ^ low) >> 32)
}

// fetch reads the homes of slots, so that remove waits once for the main memory and
// not once for each of them. Inlined, it would be left out, as nobody uses what it
// returns.
//
//go:noinline
func (x eventIndex) fetch(slots []slot) (read slot) {
	for _, s := range slots {
		read |= x[x.home(s.hash())]
	}
	return read
}

// remove takes out a slot, which is there.
func (x eventIndex) remove(old slot) {
	i := x.home(old.hash())
	for x[i] != old {
		i = x.next(i)
	}
	// Whatever stands behind the gap and has been kept from it moves up.
	for j := x.next(i); x[j] != 0; j = x.next(j) {
		if x.distance(x.home(x[j].hash()), j) >= x.distance(i, j) {
			x[i], i = x[j], j
		}
	}
	x[i] = 0
}

// home returns where an event stands in the index unless another one stands there.
func (x eventIndex) home(hash uint32) int {
	return int(uint64(hash) * uint64(len(x)) >> 32)
}

func (x eventIndex) next(i int) int {
	if i++; i < len(x) {
		return i
	}
	return 0
}

// distance returns how many slots behind i j is.
func (x eventIndex) distance(i, j int) int {
	if j < i {
		j += len(x)
	}
	return j - i
}

func newSlot(hash uint32, ref blockRef, k uint32) slot {
	return slot(hash)<<32 | slot(ref)*blockSize + slot(k)
}

func (s slot) hash() uint32 { return uint32(s >> 32) }
