package reshard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// complete does what was decided.
func (r *resharding) complete(ctx context.Context) error {
	for index := r.To; index < r.From; index++ {
		if err := r.bequeath(ctx, r.members[index], r.heir(index)); err != nil {
			return err
		}
	}
	for i := len(r.members) - 1; i >= 0; i-- {
		m := r.members[i]
		if !m.marked {
			continue // it is finished
		}
		if err := r.finish(ctx, m); err != nil {
			return err
		}
		m.marked = false
		m.shard, m.used = checkpoint.Shard{Index: m.index, Count: r.To, Set: r.Set}, true
	}
	return nil
}

// bequeath adds the series of a shard that is dissolved to those of its heir.
func (r *resharding) bequeath(ctx context.Context, from, heir *member) error {
	if !heir.marked { // it is finished, so that it has taken them
		return nil
	}
	return heir.again(ctx, func(tx *checkpoint.Tx) (more bool, err error) {
		mark, _, err := tx.Resharding()
		if err != nil || mark.Merged[from.index].Done {
			return false, err
		}
		taken := mark.Merged[from.index]
		taken.Done = true
		err = from.view(func(source *checkpoint.Tx) error {
			return source.Series().After(taken.Last, func(key, value []byte) (bool, error) {
				if tx.Written() > maxWritten {
					taken.Done = false
					return false, nil
				}
				sum, err := r.merged(tx, key, value)
				if err != nil {
					return false, err
				}
				taken.Last = append([]byte(nil), key...)
				return true, tx.Series().Put(key, sum)
			})
		})
		if err != nil {
			return false, err
		}
		if mark.Merged == nil {
			mark.Merged = make(map[int]checkpoint.Merged)
		}
		mark.Merged[from.index] = taken
		return !taken.Done, tx.PutResharding(mark)
	})
}

// finish makes a checkpoint that of its new shard.
func (r *resharding) finish(ctx context.Context, m *member) error {
	var err error
	if m.index >= r.To {
		err = m.again(ctx, func(tx *checkpoint.Tx) (bool, error) { return tx.Clear() })
	} else {
		err = r.keep(ctx, m, r.To)
	}
	if err != nil {
		return err
	}
	return m.update(ctx, func(tx *checkpoint.Tx) error {
		mark, _, err := tx.Resharding()
		if err != nil {
			return err
		}
		for _, p := range mark.Prefixes {
			if err := tx.PutPrefix(p.Store, p.Prefix, p.Kept); err != nil {
				return err
			}
		}
		return errors.Join(tx.AdoptEvents(),
			tx.PutShard(checkpoint.Shard{Index: m.index, Count: r.To, Set: r.Set}), tx.DeleteResharding())
	})
}

// keep removes the streams from a checkpoint that are not its own if there are count shards.
func (r *resharding) keep(ctx context.Context, m *member, count int) error {
	var others []checkpoint.StreamID
	err := m.view(func(tx *checkpoint.Tx) error {
		return tx.EachStreamID(func(id checkpoint.StreamID) error {
			index, err := owner(id, count)
			if index != m.index {
				others = append(others, id)
			}
			return err
		})
	})
	if err != nil || len(others) == 0 {
		return err
	}
	return m.again(ctx, func(tx *checkpoint.Tx) (bool, error) { return tx.RemoveStreams(ctx, others) })
}

// Report is how streams are shared out.
type Report struct {
	From, To int
	Shards   []ShardReport // by index; those that were dissolved are behind the others
}

// ShardReport is what a checkpoint has now.
type ShardReport struct {
	Name    string
	Index   int
	Streams int
	Series  int
	// Heir is the index of the shard that took the series; -1 if the shard is not
	// dissolved.
	Heir int
}

// report looks at what there is now.
func (r *resharding) report() (*Report, error) {
	report := &Report{From: r.From, To: r.To}
	for _, m := range r.members {
		s := ShardReport{Name: m.Name, Index: m.index, Heir: -1}
		if m.index >= r.To {
			s.Heir = r.heir(m.index).index
		}
		if err := m.count(&s); err != nil {
			return nil, err
		}
		report.Shards = append(report.Shards, s)
	}
	return report, nil
}

// count counts what a checkpoint has.
func (m *member) count(s *ShardReport) error {
	return m.view(func(tx *checkpoint.Tx) error {
		err := tx.EachStreamID(func(checkpoint.StreamID) error { s.Streams++; return nil })
		return errors.Join(err, tx.Series().Each(func(_, _ []byte) error { s.Series++; return nil }))
	})
}

// String returns the report as lines of text.
func (r *Report) String() string {
	var b strings.Builder
	for _, s := range r.Shards {
		if s.Heir >= 0 {
			fmt.Fprintf(&b, "%s: dissolved, its series went to shard %d\n", s.Name, s.Heir)
			continue
		}
		fmt.Fprintf(&b, "%s: shard %d/%d, %d streams, %d series\n", s.Name, s.Index, r.To, s.Streams, s.Series)
	}
	return b.String()
}
