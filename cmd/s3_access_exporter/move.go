package main

import (
	"context"
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

// moveCmd brings a checkpoint to another place.
type moveCmd struct {
	From      string `arg:"" name:"from" help:"The --checkpoint.path of an exporter that does not run: a file, or s3://bucket/prefix."`
	To        string `arg:"" name:"to" help:"What its --checkpoint.path is to be: nothing lies there yet, or what was moved away."`
	holdFlags `embed:""`
}

// Help implements kong.HelpProvider.
func (*moveCmd) Help() string {
	return `Stop the exporter first. All that it knows and has counted goes to the other place, and no counter falls. The first place stays as it is, but no exporter can use it any more; it may be removed. It is done as a whole or not at all. If it is interrupted, call it again.

Example: from one exporter with a volume to two without.

    s3_access_exporter checkpoint move s3_access_exporter.db s3://example-state/s3_access_exporter`
}

// Run moves the checkpoint.
func (cmd *moveCmd) Run(ctx context.Context, env *environment) error {
	if err := givenTwice(cmd.To, []string{cmd.From}); err != nil {
		return usageError{err}
	}
	if _, err := verify(ctx, cmd.From, cmd.AWS); err != nil { // it is sound, and there
		return err
	}
	return cmd.hold(ctx, env, []string{cmd.From, cmd.To}, nil, func(ctx context.Context, both []reshard.Checkpoint) error {
		moved, err := reshard.Move(ctx, both[0], both[1])
		if err != nil {
			return fmt.Errorf("checkpoint move: %w", err)
		}
		_, err = fmt.Fprintf(env.stdout, "%s: %d streams, %d series\n", moved.Name, moved.Streams, moved.Series)
		return err
	})
}
