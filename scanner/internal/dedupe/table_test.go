package dedupe

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// idsOf returns the IDs of a list in their order.
func idsOf(t *eventTable, list eventList) (ids []eventID) {
	t.blocks(list, func(b *eventBlock) { ids = append(ids, b.ids[:b.n]...) })
	return ids
}

// Lists grow, are joined and removed, as those of a map are, also where all IDs have
// the same hash.
func TestEventTable_AgreesWithAMap(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 0))
		table := newEventTable(random.IntN(100))
		newID := func() (id eventID) {
			binary.LittleEndian.PutUint64(id[8:], random.Uint64N(1500))
			if seed%4 == 0 {
				binary.LittleEndian.PutUint64(id[:8], table.seed[0])
			}
			return id
		}
		type known struct {
			list eventList
			ids  []eventID
		}
		lists := make([]known, 6)
		owners := make(map[eventID]uint32)
		for step := range 10_000 {
			l, other := &lists[random.IntN(3)], &lists[3+random.IntN(3)]
			switch random.IntN(100) {
			case 0:
				table.join(&other.list, l.list)
				other.ids = append(other.ids, l.ids...)
				*l = known{}
			case 1:
				table.remove(other.list)
				for _, id := range other.ids {
					delete(owners, id)
				}
				*other = known{}
			default:
				id, owner := newID(), random.Uint32()
				block, isNew := table.add(&l.list, id)
				_, held := owners[id]
				if isNew == held {
					t.Fatalf("seed %d, step %d: new is %v", seed, step, isNew)
				}
				if isNew {
					l.ids = append(l.ids, id)
					block.owner = owner
					for _, id := range block.ids[:block.n] {
						owners[id] = owner
					}
				}
				if block.owner != owners[id] {
					t.Fatalf("seed %d, step %d: owner is %d, want %d", seed, step, block.owner, owners[id])
				}
			}
			if table.count != len(owners) {
				t.Fatalf("seed %d, step %d: %d IDs are held, want %d", seed, step, table.count, len(owners))
			}
		}
		for i, l := range lists {
			if ids := idsOf(&table, l.list); !slices.Equal(ids, l.ids) || l.list.n != len(ids) {
				t.Errorf("seed %d: list %d has %x, want %x", seed, i, ids, l.ids)
			}
			table.remove(l.list)
		}
		if left := slices.IndexFunc(table.index, func(c slot) bool { return c != 0 }); table.count != 0 || left >= 0 {
			t.Errorf("seed %d: %d IDs are left of none", seed, table.count)
		}
	}
}

// Tables take whatever comes, also if they were made for nothing.
func TestEventTable_Grows(t *testing.T) {
	const n = 5 * chunkSize * blockSize
	table := newEventTable(0)
	var list eventList
	id := func(i int) (id eventID) {
		binary.LittleEndian.PutUint64(id[:], uint64(i))
		return id
	}
	for i := range n {
		if _, isNew := table.add(&list, id(i)); !isNew {
			t.Fatalf("ID %d is known", i)
		}
	}
	for i := range n {
		if _, isNew := table.add(&list, id(i)); isNew {
			t.Fatalf("ID %d is new", i)
		}
	}
	if full := len(table.index) / 4 * 3; table.count != n || n > full || n < full/2 {
		t.Errorf("%d IDs in an index of %d, want it three quarters full at most, and not empty", table.count, len(table.index))
	}
}

// What was in use is used again, however the lists are cut.
func TestEventTable_ReusesBlocks(t *testing.T) {
	table := newEventTable(0)
	blocks := make(map[blockRef]bool)
	for i := range uint64(100) {
		var lists [10]eventList
		for j := range uint64(1000) {
			var id eventID
			binary.LittleEndian.PutUint64(id[:], i*1000+j)
			table.add(&lists[j*j%10], id)
		}
		for _, list := range lists {
			for ref := list.first; ref != 0; ref = table.block(ref).next {
				blocks[ref] = true
			}
			table.remove(list)
		}
	}
	if most := 1000/blockSize + 10; len(blocks) > most {
		t.Errorf("%d blocks were in use, want %d at most", len(blocks), most)
	}
}
