package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

type checkpointFlags struct {
	Path      string `name:"path" default:"s3_access_exporter.db" help:"File that keeps what was read and all counters."`
	MustExist bool   `name:"must-exist" help:"End if there is no checkpoint, and do not begin a new one with all counters at 0."`
}

// Validate implements kong's validation of flags.
func (f checkpointFlags) Validate() error {
	if f.Path == "" {
		return errors.New("--checkpoint.path is empty")
	}
	return nil
}

// state is a checkpoint that a daemon works on.
type state interface {
	scanner.Checkpoint
	// Run calls lead as soon as this process alone may count, and returns its error. The
	// context of lead ends with ctx, or when another process counts in its place. Updates
	// are for lead only. Run may be called once.
	Run(ctx context.Context, lead func(ctx context.Context) error) error
	// Created reports whether there was no checkpoint before, so that all counters begin
	// at 0. It is known once lead is called.
	Created() bool
	Close() error
}

// open opens the checkpoint at the path, or makes one. This is where the path decides
// what kind it is.
func (f checkpointFlags) open() (state, error) { return f.openFile() }

// openFile opens the checkpoint, or makes one.
func (f checkpointFlags) openFile() (*checkpoint.File, error) {
	var options []checkpoint.Option
	if f.MustExist {
		options = append(options, checkpoint.MustExist())
	}
	state, err := checkpoint.Open(f.Path, options...)
	return state, checkpointError(err)
}

// checkpointError returns an error of a checkpoint with what to do, where that is not
// in it already; nil if it is nil.
func checkpointError(err error) error {
	var advice string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, checkpoint.ErrMissing):
		advice = "leave --checkpoint.must-exist out to begin a new one"
	case errors.Is(err, checkpoint.ErrOlder):
		advice = "move it away to begin a new one, or go back to that version"
	case errors.Is(err, checkpoint.ErrNewer):
		advice = "run that version, or move the file away to begin a new one"
	case errors.Is(err, fs.ErrPermission):
		advice = "give this user the right to write there, or name another file with --checkpoint.path"
	case errors.Is(err, fs.ErrNotExist):
		advice = "make the directory, or name another file with --checkpoint.path"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// checkpointCmd is for checkpoints of exporters that do not run.
type checkpointCmd struct {
	Verify verifyCmd `cmd:"" help:"Look at all of a checkpoint, and print what it holds."`
}

// verifyCmd looks whether a checkpoint is sound.
type verifyCmd struct {
	Path string `arg:"" name:"path" help:"The file of --checkpoint.path. It is not changed."`
}

// Run looks at all of the checkpoint. It is sound if the exit code is 0.
func (cmd *verifyCmd) Run(env *environment) error {
	report, err := checkpoint.Verify(cmd.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return checkpointError(err)
	}
	_, err = fmt.Fprint(env.stdout, report)
	return err
}
