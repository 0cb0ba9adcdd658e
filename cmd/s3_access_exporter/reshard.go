package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

// reshardCmd shares the streams of stopped exporters out anew.
type reshardCmd struct {
	To       int        `name:"to" required:"" placeholder:"N" help:"How many exporters there are to be: their --shard.count."`
	Takeover interval   `name:"takeover" default:"${takeover}" help:"In S3: the exporters' --checkpoint.takeover. An exporter that was killed is taken for a running one for so long."`
	Paths    []string   `arg:"" name:"path" help:"The --checkpoint.path of every exporter that there is, and of every one that there is to be."`
	AWS      storeFlags `embed:"" prefix:"aws."`
}

// Help implements kong.HelpProvider.
func (*reshardCmd) Help() string {
	return `Stop all exporters first. Streams go to other checkpoints, with all that is known of them. Counters stay where they are; but if there are to be fewer exporters, those of the ones that are not needed are added to the counters of others. It is done as a whole or not at all. If it is interrupted, call it again as before; until it is decided, --to with the old number takes it back.

Example: from three exporters to five.

    s3_access_exporter checkpoint reshard --to 5 state-0.db state-1.db state-2.db state-3.db state-4.db`
}

// Validate implements kong's validation of commands.
func (cmd *reshardCmd) Validate() error {
	switch {
	case cmd.To < 1:
		return errors.New("--to must be at least 1")
	case time.Duration(cmd.Takeover) < leastTakeover:
		return fmt.Errorf("--takeover must be at least %s", leastTakeover)
	}
	return (shardFlags{Index: cmd.To - 1, Count: cmd.To}).Validate()
}

// Run shares out the streams.
func (cmd *reshardCmd) Run(ctx context.Context, env *environment) error {
	for i, path := range cmd.Paths {
		if err := givenTwice(path, cmd.Paths[:i]); err != nil {
			return usageError{err}
		}
	}
	return cmd.hold(ctx, env, nil, func(ctx context.Context, all []reshard.Checkpoint) error {
		report, err := reshard.Run(ctx, cmd.To, all, collector.NewMerger().Merge)
		if err != nil {
			return fmt.Errorf("checkpoint reshard: %w", err)
		}
		if report.From == report.To {
			env.logger.Info("there are as many shards already", "shards", report.To)
		}
		_, err = fmt.Fprint(env.stdout, report)
		return err
	})
}

// hold calls do while nobody else can use the checkpoints of the paths, of which it has the
// first ones.
func (cmd *reshardCmd) hold(
	ctx context.Context, env *environment, held []reshard.Checkpoint, do func(context.Context, []reshard.Checkpoint) error,
) error {
	if len(held) == len(cmd.Paths) {
		return do(ctx, held)
	}
	path := cmd.Paths[len(held)]
	rest := func(ctx context.Context, s reshard.State) error {
		return cmd.hold(ctx, env, append(held, reshard.Checkpoint{Name: path, State: s}), do)
	}
	if f := (checkpointFlags{Path: path, Takeover: cmd.Takeover}); f.inS3() {
		return cmd.holdJournal(ctx, env, f, rest)
	}
	return holdFile(ctx, path, rest)
}

// holdFile calls do while the checkpoint at path is locked. One that it has made, and that
// is not used, it removes.
func holdFile(ctx context.Context, path string, do func(context.Context, reshard.State) error) (err error) {
	f, err := checkpointFlags{Path: path}.openFile()
	if err != nil {
		return err
	}
	defer func() {
		if f.Created() && err != nil {
			_ = removeUnused(f, path) // an empty file does no harm
		}
		err = errors.Join(err, f.Close())
	}()
	return do(ctx, f)
}

// holdJournal calls do while this process is the one that writes a checkpoint in S3. It
// fails where another one does.
func (cmd *reshardCmd) holdJournal(
	ctx context.Context, env *environment, f checkpointFlags, do func(context.Context, reshard.State) error,
) (err error) {
	bucket, err := openBucket(ctx, f.Path, cmd.AWS, nil)
	if err != nil {
		return err
	}
	journal := f.openJournal(bucket, nil, nil, env.logger)
	defer func() { err = errors.Join(err, journal.Close()) }()
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var holds atomic.Bool
	go func() { cancel(cmd.awaitOthers(waiting, f.Path, journal, &holds)) }()
	err = journal.Run(waiting, func(leading context.Context) error {
		holds.Store(true)
		return do(leading, journal)
	})
	if cause := context.Cause(waiting); errors.Is(cause, errInUse) {
		return cause
	}
	if err == nil {
		err = ctx.Err()
	}
	return journalError(err)
}

// errInUse means that an exporter writes a checkpoint.
var errInUse = errors.New("in use by another process: stop that one")

// awaitOthers watches a journal until this process holds it, and then until ctx ends. It
// returns an error if another process writes it meanwhile.
func (cmd *reshardCmd) awaitOthers(ctx context.Context, path string, journal *checkpoint.Journal, holds *atomic.Bool) error {
	const often = 50 * time.Millisecond
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	var first checkpoint.JournalStatus
	for {
		s := journal.Status()
		switch {
		case s.Writer == "":
		case first.Writer == "":
			first = s
		case s.Sequence != first.Sequence && s.Writer != processName() && !holds.Load():
			return fmt.Errorf("checkpoint %s: %w, %s", path, errInUse, s.Writer)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// givenTwice returns an error if path leads where another one does.
func givenTwice(path string, others []string) error {
	info, err := os.Stat(path)
	for _, other := range others {
		if strings.TrimSuffix(path, "/") == strings.TrimSuffix(other, "/") {
			return fmt.Errorf("%s is given twice", path)
		}
		known, err2 := os.Stat(other)
		if filepath.Clean(path) == filepath.Clean(other) || err == nil && err2 == nil && os.SameFile(info, known) {
			return fmt.Errorf("%s and %s are the same checkpoint", other, path)
		}
	}
	return nil
}

// removeUnused removes a checkpoint that was created and never used.
func removeUnused(f *checkpoint.File, path string) error {
	return f.View(func(tx *checkpoint.Tx) error {
		_, used, err := tx.Shard()
		_, under, err2 := tx.Resharding()
		if err := errors.Join(err, err2); err != nil || used || under {
			return err
		}
		return os.Remove(path)
	})
}
