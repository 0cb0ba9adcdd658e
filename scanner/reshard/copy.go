package reshard

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

// maxWritten is how many bytes a transaction writes before the next one begins, give or take
// a stream's.
const maxWritten = 8 << 20

// copy copies to every checkpoint that there will be what goes there.
func (r *resharding) copy(ctx context.Context) error {
	prefixes, err := r.prefixes()
	if err != nil {
		return err
	}
	moves, err := r.moves()
	if err != nil {
		return err
	}
	for _, target := range r.members[:r.To] {
		var givers []*member // of events
		if target.index < r.From {
			givers = append(givers, target)
		}
		for _, from := range r.members[:r.From] {
			ids := moves[[2]int{from.index, target.index}]
			if err := target.take(ctx, from, ids); err != nil {
				return err
			}
			if slices.ContainsFunc(ids, mayHoldEvents) {
				givers = append(givers, from)
			}
		}
		var events [][]byte
		if len(givers) > 1 || target.index >= r.From && len(givers) > 0 {
			if events, err = eventsOf(givers); err != nil {
				return err
			}
		}
		mark := target.mark
		mark.Prefixes = r.prefixesOf(target, prefixes)
		err := target.update(ctx, func(tx *checkpoint.Tx) error {
			return errors.Join(tx.StageEvents(events), tx.PutResharding(mark))
		})
		if err != nil {
			return err
		}
		target.mark = mark
	}
	return nil
}

// moves returns the streams that go from one index to another.
func (r *resharding) moves() (map[[2]int][]checkpoint.StreamID, error) {
	moves := make(map[[2]int][]checkpoint.StreamID)
	for _, m := range r.members[:r.From] {
		err := m.view(func(tx *checkpoint.Tx) error {
			return tx.EachStreamID(func(id checkpoint.StreamID) error {
				before, err := owner(id, r.From)
				if err != nil || before != m.index { // it is a copy
					return err
				}
				after, err := owner(id, r.To)
				if after != before {
					way := [2]int{before, after}
					moves[way] = append(moves[way], id)
				}
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return moves, nil
}

func mayHoldEvents(id checkpoint.StreamID) bool {
	stream, _ := logkey.ParseID(id.Stream)
	return shard.MayHoldEvents(stream)
}

// take copies streams from another checkpoint, but for those that are here already.
func (m *member) take(ctx context.Context, from *member, ids []checkpoint.StreamID) error {
	if len(ids) == 0 {
		return nil
	}
	return m.again(ctx, func(tx *checkpoint.Tx) (more bool, err error) {
		next := 0
		err = from.view(func(source *checkpoint.Tx) error {
			for _, id := range ids {
				if tx.Written() > maxWritten {
					return nil
				}
				_, known, err := tx.Stream(id)
				if err == nil && !known {
					err = errors.Join(ctx.Err(), tx.CopyStream(source, id))
				}
				if err != nil {
					return err
				}
				next++
			}
			return nil
		})
		if err == nil { // else the transaction is void
			ids = ids[next:]
		}
		return len(ids) > 0, err
	})
}

// eventsOf returns the event IDs that checkpoints have, the oldest first, as far as that can
// be known: of two, that one is older of which its own checkpoint has more that are newer.
func eventsOf(members []*member) ([][]byte, error) {
	type commit struct {
		ids   []byte
		newer int // bytes of newer IDs in the same checkpoint
	}
	var all []commit
	for _, m := range members {
		begin := len(all)
		err := m.view(func(tx *checkpoint.Tx) error {
			return tx.EachEvents(func(ids []byte) error {
				all = append(all, commit{ids: slices.Clone(ids)})
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		newer := 0
		for i := len(all) - 1; i >= begin; i-- {
			all[i].newer = newer
			newer += len(all[i].ids)
		}
	}
	slices.SortStableFunc(all, func(a, b commit) int { return cmp.Compare(b.newer, a.newer) })
	events := make([][]byte, len(all))
	for i, c := range all {
		events[i] = c.ids
	}
	return events, nil
}

// name names a prefix.
type name struct{ store, prefix string }

// prefixes returns what will be kept of every prefix, by all alike: that it was searched
// only if all have, as what nobody knows yet may be anybody's.
func (r *resharding) prefixes() (map[name]checkpoint.Prefix, error) {
	all := make(map[name]checkpoint.Prefix)
	seen := make(map[name]int)
	for _, m := range r.members[:r.From] {
		err := m.view(func(tx *checkpoint.Tx) error {
			return tx.EachPrefix(func(store, prefix string, p checkpoint.Prefix) error {
				n := name{store, prefix}
				p.Before, p.More = 0, false // see before
				if seen[n]++; seen[n] > 1 {
					p = alike(p, all[n])
				}
				all[n] = p
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	for n, p := range all {
		if seen[n] < r.From {
			p.Searched = time.Time{}
			all[n] = p
		}
	}
	return all, nil
}

// alike returns what will be kept by all of what two keep of a prefix. Both read the same
// form of records, unless one was not started since the flag changed: then text is left out,
// if one leaves it out, until the next start counts it from then on.
func alike(a, b checkpoint.Prefix) checkpoint.Prefix {
	a.Looked = earliest(a.LookedBack(), b.LookedBack())
	a.Floor, a.Searched = earliest(a.Floor, b.Floor), earliest(a.Searched, b.Searched)
	a.Blind, a.Kept = joined(a.Blind, b.Blind), joined(a.Kept, b.Kept)
	if a.Form == "" || b.Form == record.JSON.String() {
		a.Form = b.Form
	}
	if b.Text.After(a.Text) {
		a.Text = b.Text
	}
	return a
}

// joined returns the lines of both texts.
func joined(a, b string) string {
	if a != "" && b != "" && a != b {
		return a + "\n" + b
	}
	return cmp.Or(a, b)
}

// earliest returns the earlier one of two times. The zero time is before all others: read
// from the first object on, and never searched.
func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// prefixesOf returns what a checkpoint will keep of prefixes, sorted. What lay before their
// starts is shown by whom it was, or his heir; after another first search it is counted anew.
func (r *resharding) prefixesOf(m *member, all map[name]checkpoint.Prefix) []checkpoint.StoredPrefix {
	stored := make([]checkpoint.StoredPrefix, 0, len(all))
	for n, p := range all {
		if !p.Searched.IsZero() {
			p.Before, p.More = r.before(m, n)
		}
		stored = append(stored, checkpoint.StoredPrefix{Store: n.store, Prefix: n.prefix, Kept: p})
	}
	slices.SortFunc(stored, func(a, b checkpoint.StoredPrefix) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Prefix, b.Prefix))
	})
	return stored
}

// before returns how many objects lay before the start of a prefix, as a checkpoint and
// those whose heir it is have counted them.
func (r *resharding) before(m *member, n name) (objects int, more bool) {
	for index := m.index; index < r.From; index += r.To {
		// View fails only on a closed checkpoint, which the next step finds out.
		_ = r.members[index].View(func(tx *checkpoint.Tx) error {
			kept, err := tx.Prefixes(n.store)
			objects, more = objects+kept[n.prefix].Before, more || kept[n.prefix].More
			return err
		})
	}
	return objects, more
}
