package main

import (
	"errors"
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

// shardFlags say which part of the streams serve tails.
type shardFlags struct {
	Index int `name:"index" default:"0" help:"Which of the exporters that share the streams this one is, from 0 on."`
	Count int `name:"count" default:"1" help:"How many exporters share the streams of the same locations. A checkpoint belongs to one index and count: checkpoint reshard changes that."`
}

// Validate implements kong's validation of flags.
func (f shardFlags) Validate() error {
	if f.Count < 1 {
		return errors.New("--shard.count must be at least 1")
	}
	if err := f.shard().Validate(); err != nil {
		return fmt.Errorf("--shard.index=%d --shard.count=%d: %w", f.Index, f.Count, err)
	}
	return nil
}

func (f shardFlags) shard() shard.Shard { return shard.Shard{Index: f.Index, Count: f.Count} }

// check makes sure that the checkpoint at path is that of the shard, or was never used. It
// changes nothing: the scanner has it noted.
func (f shardFlags) check(state viewer, path string) error {
	if err := state.View(f.checkTx); err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return nil
}

// checkTx is check, with errors that do not name the checkpoint.
func (f shardFlags) checkTx(tx *checkpoint.Tx) error {
	_, err := tx.CheckShard(f.Index, f.count())
	return f.advised(err)
}

// advised returns an error of a checkpoint that is not that of the shard with what to do.
func (f shardFlags) advised(err error) error {
	switch {
	case errors.Is(err, checkpoint.ErrResharding):
		return fmt.Errorf("%w; run checkpoint reshard once more", err)
	case errors.Is(err, checkpoint.ErrMoved):
		return fmt.Errorf("%w; see checkpoint move, which may have to be run once more", err)
	case errors.Is(err, checkpoint.ErrOtherShard):
		return fmt.Errorf("%w; change the path, --shard.index or --shard.count, or share the streams out anew with checkpoint reshard --to %d", err, f.count())
	}
	return err
}

func (f shardFlags) count() int { return max(f.Count, 1) } // demo has no flags

// viewer is a checkpoint that is looked at.
type viewer interface {
	View(fn func(*checkpoint.Tx) error) error
}
