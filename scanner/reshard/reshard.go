// Package reshard shares the streams of shards out anew, among more or fewer of them, while
// none of them runs.
//
// # What goes where
//
// Streams go to whom package shard says, with all that is kept of them: watermarks, marks,
// pending and quarantined objects. The event IDs of CloudTrail are not kept by stream: they
// go to everybody who takes over a stream that may hold events, beside his own.
//
// Series stay where they are, so that no counter falls and none jumps; what a shard counts
// of streams that it has taken over begins at 0 there. But if there are fewer shards, the
// series of those that are dissolved go to heirs: those of shard i to shard i modulo the
// number of shards. Where the heir has a series of the same labels, that is from then on the
// sum of both. So sums over all shards stay exact, and no counter falls.
//
// # All or nothing
//
// There is no transaction over several checkpoints, so the work is done in steps, each of
// which is one transaction of one checkpoint, and each of which may be done again:
//
//	mark     every checkpoint has a Resharding, that of index 0 first: nobody can serve
//	copy     streams and event IDs go to their new checkpoints, and stay at their old ones
//	decide   the Resharding of index 0 becomes Decided
//	merge    series of dissolved shards go to their heirs
//	finish   each checkpoint loses what went elsewhere, becomes that of its new Shard, and
//	         loses its Resharding, that of index 0 last
//
// Wherever that ends, calling Run again goes on. Before the decision it can also be undone:
// by an error, or by another number of shards, the old one included. After it, it can only
// be completed.
package reshard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// State is the checkpoint of a shard that does not run, and that nobody else uses meanwhile:
// a *checkpoint.File.
type State interface {
	// View runs fn with a consistent view of the last commit.
	View(fn func(*checkpoint.Tx) error) error
	// Update runs fn in a transaction that is durable, or void, when Update returns.
	Update(fn func(*checkpoint.Tx) error) error
}

// Checkpoint is a State with a name for errors.
type Checkpoint struct {
	Name string
	State
}

// Merge returns the stored state of a series that has counted what two of the same key have.
type Merge func(key, one, other []byte) ([]byte, error)

// Run shares out the streams of checkpoints anew among to shards. The checkpoints are those
// of all the shards that there are, in any order, and if there are to be more, as many that
// were never used, or are of shards that were dissolved. Those that were never used become
// new shards in the order in which they are given.
//
// If it returns an error, nothing has changed, or the error names what to do. ctx may end
// it as any error does.
func Run(ctx context.Context, to int, checkpoints []Checkpoint, merge Merge) (*Report, error) {
	r, err := newResharding(to, checkpoints, merge)
	if err != nil {
		return nil, err
	}
	if r.under && !r.decided && r.To != to {
		if err := r.undo(ctx); err != nil {
			return nil, err
		}
		if r, err = newResharding(to, r.needed(to), merge); err != nil {
			return nil, err
		}
	}
	if r.From == to && !r.under {
		return r.report()
	}
	if !r.decided {
		if err := r.prepare(ctx); err != nil {
			return nil, errors.Join(err, r.undoAfter(ctx))
		}
		if err := r.decide(ctx); err != nil {
			return nil, notComplete(err)
		}
	}
	if err := r.complete(ctx); err != nil {
		return nil, notComplete(err)
	}
	return r.report()
}

func notComplete(err error) error {
	return fmt.Errorf("%w; no exporter can use the checkpoints until this is done again", err)
}

// resharding is what Run works on.
type resharding struct {
	checkpoint.Resharding // what they have in common: Set, From, To
	under                 bool
	decided               bool
	members               []*member // by index
	merge                 Merge
}

// member is a checkpoint that takes part.
type member struct {
	Checkpoint
	index  int
	shard  checkpoint.Shard // valid if used
	used   bool             // it has a Shard
	marked bool             // it has the Resharding mark:
	mark   checkpoint.Resharding
}

// needed returns the checkpoints without those that a number of shards does not need.
func (r *resharding) needed(to int) (checkpoints []Checkpoint) {
	for _, m := range r.members[:min(len(r.members), max(r.From, to))] {
		checkpoints = append(checkpoints, m.Checkpoint)
	}
	return checkpoints
}

// wrap returns an error of a member's checkpoint with its name.
func (m *member) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", m.Name, err)
}

func (m *member) view(fn func(*checkpoint.Tx) error) error { return m.wrap(m.View(fn)) }

// update is View for changes, unless ctx has ended.
func (m *member) update(ctx context.Context, fn func(*checkpoint.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.wrap(m.Update(fn))
}

// again calls Update until fn reports that there is no more to do.
func (m *member) again(ctx context.Context, fn func(*checkpoint.Tx) (more bool, err error)) error {
	for more := true; more; {
		err := m.update(ctx, func(tx *checkpoint.Tx) (err error) {
			more, err = fn(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare does all that can be undone.
func (r *resharding) prepare(ctx context.Context) error {
	if !r.under {
		r.Set = rand.Text()
		if err := r.check(); err != nil {
			return err
		}
	}
	for _, m := range r.members {
		if err := r.markMember(ctx, m); err != nil {
			return err
		}
	}
	return r.copy(ctx)
}

// decide is the point of no return. Where it fails, nobody knows whether it has not
// succeeded all the same, but whoever looks anew.
func (r *resharding) decide(ctx context.Context) error {
	first := r.members[0]
	first.mark.Decided = true
	return first.update(ctx, func(tx *checkpoint.Tx) error { return tx.PutResharding(first.mark) })
}

// markMember keeps a checkpoint from being used.
func (r *resharding) markMember(ctx context.Context, m *member) error {
	if m.marked {
		return nil
	}
	m.marked = true // as it may be even after an error
	m.mark = checkpoint.Resharding{Set: r.Set, From: r.From, To: r.To, Index: m.index}
	return m.update(ctx, func(tx *checkpoint.Tx) error { return tx.PutResharding(m.mark) })
}

// undoAfter undoes what was prepared, after an error, for which ctx may be the reason. It
// returns nil if that was possible.
func (r *resharding) undoAfter(ctx context.Context) error {
	if err := r.undo(context.WithoutCancel(ctx)); err != nil {
		return notComplete(fmt.Errorf("nor can what was done so far be undone: %w", err))
	}
	return nil
}

// undo takes back what was prepared. The first checkpoint is the last one, so that it has a
// mark as long as any other has.
func (r *resharding) undo(ctx context.Context) error {
	for i := len(r.members) - 1; i >= 0; i-- {
		m := r.members[i]
		if !m.marked {
			continue
		}
		if err := r.undoMember(ctx, m); err != nil {
			return err
		}
		m.marked = false
	}
	return nil
}

func (r *resharding) undoMember(ctx context.Context, m *member) error {
	if m.index >= r.From { // it was empty
		if err := m.again(ctx, func(tx *checkpoint.Tx) (bool, error) { return tx.Clear() }); err != nil {
			return err
		}
	} else if err := r.keep(ctx, m, r.From); err != nil {
		return err
	}
	return m.update(ctx, func(tx *checkpoint.Tx) error {
		return errors.Join(tx.DropStagedEvents(), tx.DeleteResharding())
	})
}
