package reshard

import (
	"errors"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

// newResharding finds out what there is to do, and changes nothing.
func newResharding(to int, checkpoints []Checkpoint, merge Merge) (*resharding, error) {
	if err := (shard.Shard{Count: to}).Validate(); err != nil || to < 1 {
		return nil, errors.Join(err, errors.New("no number of shards"))
	}
	members := make([]*member, len(checkpoints))
	for i, c := range checkpoints {
		members[i] = &member{Checkpoint: c}
		if err := errors.Join(members[i].load(), members[i].stays()); err != nil {
			return nil, err
		}
	}
	r := &resharding{merge: merge}
	r.To = to
	if err := r.findMark(members); err != nil {
		return nil, err
	}
	if !r.under {
		if err := r.findShards(members); err != nil {
			return nil, err
		}
	}
	return r, r.assign(members)
}

// load reads what a checkpoint is.
func (m *member) load() error {
	return m.view(func(tx *checkpoint.Tx) (err error) {
		if m.shard, m.used, err = tx.Shard(); err != nil {
			return err
		}
		m.mark, m.marked, err = tx.Resharding()
		return err
	})
}

// stays returns an error if what the checkpoint holds is moved elsewhere, or here.
func (m *member) stays() error {
	_, moving, err := m.moving()
	if err == nil && moving {
		err = m.wrap(fmt.Errorf("%w to another one, or from there: name the one where it is", checkpoint.ErrMoved))
	}
	return err
}

// serves reports whether the checkpoint is of a shard that is not dissolved.
func (m *member) serves() bool { return m.used && m.shard.Index < m.shard.Count }

// findMark takes what is under way from the marks of the checkpoints.
func (r *resharding) findMark(members []*member) error {
	var first, one *member
	for _, m := range members {
		if !m.marked {
			continue
		}
		if one != nil && (m.mark.Set != one.mark.Set || m.mark.From != one.mark.From || m.mark.To != one.mark.To) {
			return fmt.Errorf("%s and %s are being shared out with others each, not together", one.Name, m.Name)
		}
		one = m
		if m.mark.Index == 0 {
			first = m
		}
	}
	switch {
	case one == nil:
		return nil
	case first == nil:
		return fmt.Errorf("%s is being shared out from %d shards to %d together with that of shard 0, which is missing", one.Name, one.mark.From, one.mark.To)
	case first.mark.Decided && first.mark.To != r.To:
		return fmt.Errorf("they are being shared out among %d shards, which is decided and not complete: complete that first", first.mark.To)
	}
	r.under, r.decided = true, first.mark.Decided
	r.Set, r.From, r.To = first.mark.Set, first.mark.From, first.mark.To
	return nil
}

// findShards finds out how many shards there are.
func (r *resharding) findShards(members []*member) error {
	var known *member
	for _, m := range members {
		if !m.serves() {
			continue
		}
		if known != nil && m.shard.Count != known.shard.Count {
			return fmt.Errorf("%s is of shard %s, and %s is of %s: they do not belong together", known.Name, known.shard, m.Name, m.shard)
		}
		if known != nil && m.shard.Set != known.shard.Set && m.shard.Set != "" && known.shard.Set != "" {
			return fmt.Errorf("%s and %s were shared out at different times, so one of them is an old copy", known.Name, m.Name)
		}
		if known == nil || known.shard.Set == "" {
			known = m
		}
	}
	if known == nil {
		return errors.New("none of them is of a shard: they were never used")
	}
	r.From, r.Set = known.shard.Count, known.shard.Set
	return nil
}

// assign gives every checkpoint its index.
func (r *resharding) assign(members []*member) error {
	r.members = make([]*member, max(r.From, r.To))
	var unused []*member
	for _, m := range members {
		switch {
		case m.marked:
			m.index = m.mark.Index
		case !m.used:
			unused = append(unused, m)
			continue
		case r.decided && m.shard.Set != r.Set:
			return fmt.Errorf("%s is of shard %s, and takes no part in what is not complete", m.Name, m.shard)
		default:
			m.index = m.shard.Index
		}
		if m.index >= len(r.members) && m.shard.Set == r.Set && !r.under {
			continue // it was dissolved when the others became what they are
		}
		if m.index >= len(r.members) {
			return fmt.Errorf("%s was of shard %d, which is dissolved, and there is to be none of that number: leave it out", m.Name, m.index)
		}
		if m.serves() && !m.marked && !r.decided && m.shard.Count != r.From {
			return fmt.Errorf("%s is of shard %s, and there are %d shards", m.Name, m.shard, r.From)
		}
		if other := r.members[m.index]; other != nil {
			return fmt.Errorf("%s and %s are both of shard %d", other.Name, m.Name, m.index)
		}
		r.members[m.index] = m
	}
	for index := range r.members {
		if r.members[index] != nil || index < r.From || len(unused) == 0 || r.decided {
			continue
		}
		unused[0].index = index
		r.members[index], unused = unused[0], unused[1:]
	}
	return r.complain(unused)
}

// complain returns an error if checkpoints are missing, or there are too many.
func (r *resharding) complain(unused []*member) error {
	var missing []string
	for index, m := range r.members {
		if m == nil {
			missing = append(missing, fmt.Sprint(index))
		}
	}
	switch {
	case len(missing) > 0 && len(unused) > 0:
		return fmt.Errorf("%s was never used, and there are %d shards: of shard %s the checkpoint is missing", unused[0].Name, r.From, strings.Join(missing, ", "))
	case len(missing) > 0:
		return fmt.Errorf("to go from %d shards to %d takes %d checkpoints: that of shard %s is missing", r.From, r.To, len(r.members), strings.Join(missing, ", "))
	case len(unused) > 0:
		return fmt.Errorf("%s was never used, and is not needed: leave it out", unused[0].Name)
	}
	return nil
}

// owner returns the index of the shard that a stream belongs to.
func owner(id checkpoint.StreamID, count int) (int, error) {
	stream, ok := logkey.ParseID(id.Stream)
	if !ok {
		return 0, fmt.Errorf("stream %q of %s is of a layout that this version does not know", id.Stream, id.Store)
	}
	return shard.Owner(id.Store, stream, count), nil
}

// check makes sure that each shard has its own streams, and that series can be merged.
func (r *resharding) check() error {
	for _, m := range r.members[:r.From] {
		err := m.view(func(tx *checkpoint.Tx) error {
			return tx.EachStreamID(func(id checkpoint.StreamID) error {
				index, err := owner(id, r.From)
				if err == nil && index != m.index {
					err = fmt.Errorf("stream %q of %s is that of shard %d", id.Stream, id.Store, index)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	for index := r.To; index < r.From; index++ {
		if err := r.checkMerge(r.members[index], r.heir(index)); err != nil {
			return err
		}
	}
	return nil
}

// checkMerge makes sure that the series of a checkpoint can be merged into another's.
func (r *resharding) checkMerge(from, heir *member) error {
	return heir.view(func(own *checkpoint.Tx) error {
		return from.view(func(tx *checkpoint.Tx) error {
			return tx.Series().Each(func(key, value []byte) error {
				_, err := r.merged(own, key, value)
				return err
			})
		})
	})
}

// heir returns who takes the series of a shard that is dissolved.
func (r *resharding) heir(index int) *member { return r.members[index%r.To] }

// merged returns the state of a series with what another one of its key has counted.
func (r *resharding) merged(own *checkpoint.Tx, key, value []byte) ([]byte, error) {
	has, err := own.Series().Get(key)
	if err != nil || has == nil {
		return value, err
	}
	return r.merge(key, has, value)
}
