package reshard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// Move brings all that a checkpoint holds to another one: one that was never used, or that
// was itself moved elsewhere. From then on nobody can serve from the first one, of which
// nothing is removed.
//
// It is done in steps, each of which is one transaction of one checkpoint:
//
//	begin    the second one is emptied and has a Moving: nobody can serve from it
//	copy     all entries go there
//	decide   the first one has a Moving: nobody can serve from it any more
//	finish   the second one gets the Shard, and loses its Moving
//
// Wherever that ends, calling Move again goes on, or begins anew, or finds that it is done. Until it is decided the
// first one can be used as before.
func Move(ctx context.Context, from, to Checkpoint) (*ShardReport, error) {
	m := move{from: &member{Checkpoint: from}, to: &member{Checkpoint: to}}
	if err := m.load(); err != nil {
		return nil, err
	}
	if m.complete {
		return m.report()
	}
	if !m.decided {
		if err := m.prepare(ctx); err != nil {
			return nil, err
		}
		if err := m.decide(ctx); err != nil {
			return nil, m.notComplete(err)
		}
	}
	if err := m.finish(ctx); err != nil {
		return nil, m.notComplete(err)
	}
	return m.report()
}

// move is what Move works on.
type move struct {
	from, to *member
	id       string
	decided  bool
	complete bool // before
}

func (m *move) notComplete(err error) error {
	return fmt.Errorf("%w; no exporter can use %s or %s until this is done again", err, m.from.Name, m.to.Name)
}

// load finds out what there is to do, and changes nothing.
func (m *move) load() error {
	for _, end := range []*member{m.from, m.to} {
		if err := end.load(); err != nil {
			return err
		}
		if end.marked {
			return fmt.Errorf("%s is being shared out anew: complete that first", end.Name)
		}
	}
	leaves, gone, err := m.from.moving()
	if err != nil {
		return err
	}
	comes, coming, err := m.to.moving()
	if err != nil {
		return err
	}
	switch {
	case gone && leaves.To == "":
		return fmt.Errorf("%s is not complete: move %s there first", m.from.Name, leaves.From)
	case gone && coming && leaves.ID == comes.ID && comes.From != "":
		m.id, m.decided = leaves.ID, true
	case gone && leaves.To == m.to.Name && m.to.used && !coming:
		m.complete = true
	case gone:
		return fmt.Errorf("what %s held is in %s", m.from.Name, leaves.To)
	case !m.from.used:
		return fmt.Errorf("%s was never used", m.from.Name)
	case coming && comes.From != "" && comes.From != m.from.Name:
		return fmt.Errorf("what %s held is not all in %s: complete that first, or name another one", comes.From, m.to.Name)
	case m.to.used && !coming:
		return fmt.Errorf("%s is in use by an exporter, or was: name one that was not", m.to.Name)
	}
	return nil
}

// moving is Tx.Moving.
func (m *member) moving() (moving checkpoint.Moving, under bool, err error) {
	err = m.view(func(tx *checkpoint.Tx) (err error) {
		moving, under, err = tx.Moving()
		return err
	})
	return moving, under, err
}

// prepare does all that has no consequences.
func (m *move) prepare(ctx context.Context) error {
	m.id = rand.Text()
	mark := checkpoint.Moving{ID: m.id, From: m.from.Name}
	err := m.to.update(ctx, func(tx *checkpoint.Tx) error { return tx.PutMoving(mark) })
	if err != nil {
		return err
	}
	if err := m.to.again(ctx, func(tx *checkpoint.Tx) (bool, error) { return tx.Clear() }); err != nil {
		return err
	}
	var at checkpoint.Place
	return m.to.again(ctx, func(tx *checkpoint.Tx) (more bool, err error) {
		var end checkpoint.Place
		err = m.from.view(func(source *checkpoint.Tx) error {
			end, more, err = tx.CopyAll(source, at, maxWritten)
			return err
		})
		at = end // if the transaction is void, nothing comes after it
		return more, err
	})
}

// decide is the point of no return.
func (m *move) decide(ctx context.Context) error {
	return m.from.update(ctx, func(tx *checkpoint.Tx) error {
		return tx.PutMoving(checkpoint.Moving{ID: m.id, To: m.to.Name})
	})
}

func (m *move) finish(ctx context.Context) error {
	return m.to.update(ctx, func(tx *checkpoint.Tx) error {
		return errors.Join(tx.PutShard(m.from.shard), tx.DeleteMoving())
	})
}

func (m *move) report() (*ShardReport, error) {
	report := &ShardReport{Name: m.to.Name, Index: m.from.shard.Index, Heir: -1}
	return report, m.to.count(report)
}
