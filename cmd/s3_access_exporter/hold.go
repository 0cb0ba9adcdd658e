package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

// holdFlags are how commands get at the checkpoints of exporters that do not run.
type holdFlags struct {
	Takeover interval   `name:"takeover" default:"${takeover}" help:"In S3: the exporters' --checkpoint.takeover. An exporter that was killed is taken for a running one for so long."`
	KMSKeyID string     `name:"kms-key-id" placeholder:"ARN" help:"In S3: the exporters' --checkpoint.kms-key-id."`
	AWS      storeFlags `embed:"" prefix:"aws."`
}

// Validate implements kong's validation of flags.
func (h holdFlags) Validate() error {
	if time.Duration(h.Takeover) < leastTakeover {
		return fmt.Errorf("--takeover must be at least %s", leastTakeover)
	}
	return nil
}

// hold calls do while nobody else can use the checkpoints of the paths, of which it has the
// first ones.
func (h holdFlags) hold(
	ctx context.Context, env *environment, paths []string, held []reshard.Checkpoint, do func(context.Context, []reshard.Checkpoint) error,
) error {
	if len(held) == len(paths) {
		return do(ctx, held)
	}
	path := paths[len(held)]
	rest := func(ctx context.Context, s reshard.State) error {
		return h.hold(ctx, env, paths, append(held, reshard.Checkpoint{Name: path, State: s}), do)
	}
	if f := (checkpointFlags{Path: path, Takeover: h.Takeover, KMSKeyID: h.KMSKeyID}); f.inS3() {
		return h.holdJournal(ctx, env, f, rest)
	}
	return holdFile(ctx, env.logger, path, rest)
}

// holdFile calls do while the checkpoint at path is locked. One that it has made, and that
// is not used, it removes.
func holdFile(ctx context.Context, logger *slog.Logger, path string, do func(context.Context, reshard.State) error) (err error) {
	f, err := checkpointFlags{Path: path}.openFile(logger)
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
// fails where another one does, and where the bucket cannot be listed: for that an exporter
// waits, and nobody who has misspelt it.
func (h holdFlags) holdJournal(
	ctx context.Context, env *environment, f checkpointFlags, do func(context.Context, reshard.State) error,
) (err error) {
	bucket, err := openBucket(ctx, f.Path, h.AWS, nil)
	if err != nil {
		return err
	}
	if err := bucket.source.Check(ctx, bucket.prefix); err != nil {
		return fmt.Errorf("checkpoint %s: %w", bucket.name, err)
	}
	journal := f.openJournal(bucket, nil, nil, env.logger)
	defer func() { err = errors.Join(err, journal.Close()) }()
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var holds atomic.Bool
	go func() { cancel(h.awaitOthers(waiting, f.Path, journal, &holds)) }()
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
func (holdFlags) awaitOthers(ctx context.Context, path string, journal *checkpoint.Journal, holds *atomic.Bool) error {
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

// removeUnused removes a checkpoint that was created and never used.
func removeUnused(f *checkpoint.File, path string) error {
	return f.View(func(tx *checkpoint.Tx) error {
		_, used, err := tx.Shard()
		_, under, err2 := tx.Resharding()
		_, moving, err3 := tx.Moving()
		if err := errors.Join(err, err2, err3); err != nil || used || under || moving {
			return err
		}
		return os.Remove(path)
	})
}
