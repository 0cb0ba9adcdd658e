package checkpoint

import (
	"context"
	"encoding/binary"
	"math"
)

// Tidying says what a checkpoint need not keep as it is.
type Tidying struct {
	// Horizons: no listing is going to come across objects of the stream whose keys
	// tell an earlier day. Of streams that are not there all is kept.
	Horizons map[StreamID]Day
	// Packing: marks of earlier days hardly change any more.
	Packing Day
}

// Tidied is what Tidy has done.
type Tidied struct {
	// Forgotten are the streams that have lost marks. Their Begin is now no earlier
	// than their horizon.
	Forgotten []StreamID
	// More is whether there is more to do, which another transaction should.
	More bool
}

// IsTidy reports whether Tidy has nothing to do.
func (tx *Tx) IsTidy(ctx context.Context, t Tidying) (bool, error) {
	days, err := tx.worthPacking(t.Packing)
	if err != nil || len(days) > 0 {
		return false, err
	}
	old, err := tx.prunable(ctx, newHorizons(t.Horizons).prune)
	return len(old) == 0, err
}

// Tidy forgets marks that are not needed and packs the others. It ends with the
// error of ctx once that has ended; its transaction is then to be void.
func (tx *Tx) Tidy(ctx context.Context, t Tidying) (Tidied, error) {
	horizons := newHorizons(t.Horizons)
	old, err := tx.prunable(ctx, horizons.prune)
	if err != nil {
		return Tidied{}, err
	}
	if err := tx.apply(old); err != nil {
		return Tidied{}, err
	}
	var done Tidied
	for id := range horizons.pruned {
		s, known, err := tx.Stream(id)
		if err != nil {
			return Tidied{}, err
		}
		if begin := t.Horizons[id].Time(); known && s.Begin.Before(begin) {
			s.Begin = begin
			if err := tx.PutStream(id, s); err != nil {
				return Tidied{}, err
			}
		}
		done.Forgotten = append(done.Forgotten, id)
	}
	days, err := tx.worthPacking(t.Packing)
	if err != nil {
		return Tidied{}, err
	}
	left, err := tx.pack(ctx, days)
	done.More = len(left) > 0
	return done, err
}

// Recount forgets that objects of a stream whose keys tell that day or a later one
// were passed over: they are new.
func (tx *Tx) Recount(ctx context.Context, id StreamID, from Day) error {
	passed := id.marks(PassedOver)
	old, err := tx.prunable(ctx, func(of set, day Day) verdict {
		if of == passed && day >= from {
			return verdict{drop: true, goOn: true}
		}
		return verdict{goOn: true}
	})
	if err != nil {
		return err
	}
	return tx.apply(old)
}

// horizons are the horizons of Tidying by set.
type horizons struct {
	sets   map[set]horizon
	latest Day
	pruned map[StreamID]bool // streams of which prune has dropped something
}

type horizon struct {
	id  StreamID
	day Day
}

func newHorizons(days map[StreamID]Day) *horizons {
	h := &horizons{
		sets:   make(map[set]horizon, 2*len(days)),
		latest: math.MinInt32,
		pruned: make(map[StreamID]bool),
	}
	for id, day := range days {
		h.sets[id.marks(Counted)] = horizon{id, day}
		h.sets[id.marks(PassedOver)] = horizon{id, day}
		h.latest = max(h.latest, day)
	}
	return h
}

// verdict is what becomes of the marks of a set and day.
type verdict struct {
	drop bool
	goOn bool // there may be something to drop on this day or later
}

func (h *horizons) prune(of set, day Day) verdict {
	known, ok := h.sets[of]
	drop := ok && day < known.day
	if drop {
		h.pruned[known.id] = true
	}
	return verdict{drop: drop, goOn: day < h.latest}
}

// change is an entry of a table that is to have another value, or none.
type change struct {
	table tableID
	key   []byte
	value []byte // nil: none
}

// prunable returns what has to change so that marks are gone.
func (tx *Tx) prunable(ctx context.Context, prune func(set, Day) verdict) ([]change, error) {
	var changes []change
	err := tx.table(tableMarks).scan(nil, func(key, _ []byte) (bool, error) {
		v := prune(set(key[setAt:]), dayOfKey(key))
		if v.drop {
			changes = append(changes, change{table: tableMarks, key: key})
		}
		return v.goOn, ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	err = tx.table(tablePacked).scan(nil, func(key, entry []byte) (bool, error) {
		left, goOn, ok := pruneEntry(entry, dayOfKey(key), prune)
		if !ok {
			return false, entryError(tableNames[tablePacked], key)
		}
		if len(left) < len(entry) {
			changes = append(changes, change{table: tablePacked, key: key, value: left})
		}
		return goOn, ctx.Err()
	})
	return changes, err
}

// pruneEntry returns what is left of an entry of packed, nil if nothing is.
func pruneEntry(entry []byte, day Day, prune func(set, Day) verdict) (left []byte, goOn, ok bool) {
	ok = eachGroup(entry, func(of set, marks []byte) bool {
		v := prune(of, day)
		goOn = goOn || v.goOn
		if !v.drop {
			left = append(left, of[:]...)
			left = binary.AppendUvarint(left, uint64(len(marks)/markSize))
			left = append(left, marks...)
		}
		return true
	})
	return left, goOn, ok
}

func (tx *Tx) apply(changes []change) error {
	for _, c := range changes {
		t := tx.table(c.table)
		var err error
		if c.value == nil {
			err = t.delete(c.key)
		} else {
			err = t.put(c.key, c.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
