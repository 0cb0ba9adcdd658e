package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

// reshardCmd shares the streams of stopped exporters out anew.
type reshardCmd struct {
	To        int      `name:"to" required:"" placeholder:"N" help:"How many exporters there are to be: their --shard.count."`
	Paths     []string `arg:"" name:"path" help:"The --checkpoint.path of every exporter that there is, and of every one that there is to be."`
	holdFlags `embed:""`
}

// Help implements kong.HelpProvider.
func (*reshardCmd) Help() string {
	return `Stop all exporters first. Streams go to other checkpoints, with all that is known of them. Counters stay where they are; but if there are to be fewer exporters, those of the ones that are not needed are added to the counters of others. It is done as a whole or not at all. If it is interrupted, call it again as before; until it is decided, --to with the old number takes it back.

Example: from three exporters to five.

    s3_access_exporter checkpoint reshard --to 5 state-0.db state-1.db state-2.db state-3.db state-4.db`
}

// Validate implements kong's validation of commands.
func (cmd *reshardCmd) Validate() error {
	if cmd.To < 1 {
		return errors.New("--to must be at least 1")
	}
	if err := cmd.holdFlags.Validate(); err != nil {
		return err
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
	return cmd.hold(ctx, env, cmd.Paths, nil, func(ctx context.Context, all []reshard.Checkpoint) error {
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
