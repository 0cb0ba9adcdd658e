package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

type checkpointFlags struct {
	Path      string   `name:"path" default:"s3_access_exporter.db" help:"File that keeps what was read and all counters; or s3://bucket/prefix, where a second exporter may stand by."`
	MustExist bool     `name:"must-exist" help:"End if there is no checkpoint, and do not begin a new one with all counters at 0."`
	Interval  duration `name:"interval" placeholder:"1s" help:"Longest time that what was read waits for its commit; in S3 5s by default, as each commit is a request that is billed."`
	Takeover  interval `name:"takeover" default:"${takeover}" help:"In S3: how long the active exporter is silent until one that stands by takes over. All have the same."`
	KMSKeyID  string   `name:"kms-key-id" placeholder:"ARN" help:"In S3: key of KMS that is to encrypt what is written, where a policy wants it named; by default the bucket's settings decide."`
	Cache     string   `name:"cache" placeholder:"PATH" help:"In S3: local copy of the checkpoint, which may be lost; by default a new one in the temporary directory."`
}

// Validate implements kong's validation of flags.
func (f checkpointFlags) Validate() error {
	switch {
	case f.Path == "":
		return errors.New("--checkpoint.path is empty")
	case time.Duration(f.Takeover) < leastTakeover:
		return fmt.Errorf("--checkpoint.takeover must be at least %s", leastTakeover)
	case !f.inS3():
		return nil
	}
	if _, err := location.Parse(f.Path, location.Options{}); err != nil {
		return fmt.Errorf("--checkpoint.path: %w", err)
	}
	return nil
}

const (
	// leastTakeover leaves time for some requests within a quarter of it.
	leastTakeover = time.Second
	// intervalInS3 is the default of --checkpoint.interval there.
	intervalInS3 = 5 * time.Second
)

// commits returns how long what was read waits for its commit, at most, and once nothing
// more comes. In S3 the number of commits counts, so that it always waits.
func (f checkpointFlags) commits() (longest, pause time.Duration) {
	longest = time.Duration(f.Interval)
	if !f.inS3() {
		return longest, 0
	}
	longest = cmp.Or(longest, intervalInS3)
	return longest, longest
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

// openFile opens the checkpoint, or makes one.
func (f checkpointFlags) openFile(logger *slog.Logger) (*checkpoint.File, error) {
	var options []checkpoint.Option
	if f.MustExist {
		options = append(options, checkpoint.MustExist())
	}
	state, err := checkpoint.Open(f.Path, options...)
	if err == nil && state.MetaDamaged() {
		logger.Warn("one of the two meta pages of the checkpoint is damaged: unless a crash did that, the last commit may be missing, "+
			"so that its objects count again, and counters are lower until they have", "checkpoint", f.Path)
	}
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
	Verify  verifyCmd  `cmd:"" help:"Look at all of a checkpoint, and print what it holds."`
	Move    moveCmd    `cmd:"" help:"Bring a checkpoint of an exporter that does not run to another place, as from a file to S3, or back."`
	Reshard reshardCmd `cmd:"" help:"Share the streams of exporters that do not run out anew, among more or fewer of them."`
}

// verifyCmd looks whether a checkpoint is sound.
type verifyCmd struct {
	Path string     `arg:"" name:"path" help:"What --checkpoint.path is: a file that no exporter has open, or s3://bucket/prefix. It is not changed."`
	AWS  storeFlags `embed:"" prefix:"aws."`
}

// Run looks at all of the checkpoint. It is sound if the exit code is 0.
func (cmd *verifyCmd) Run(ctx context.Context, env *environment) error {
	report, err := verify(ctx, cmd.Path, cmd.AWS)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
		return advised(cmd.Path, err)
	}
	_, err = fmt.Fprint(env.stdout, report)
	return err
}

// advised returns an error of the checkpoint at a path with what to do.
func advised(path string, err error) error {
	if strings.HasPrefix(path, journalScheme) {
		return journalError(err)
	}
	return checkpointError(err)
}

// verify looks at all of the checkpoint at a path.
func verify(ctx context.Context, path string, store storeFlags) (*checkpoint.Report, error) {
	if !strings.HasPrefix(path, journalScheme) {
		return checkpoint.Verify(path)
	}
	bucket, err := openBucket(ctx, path, store, nil)
	if err != nil {
		return nil, err
	}
	return checkpoint.VerifyJournal(ctx, bucket.name, bucket.objects())
}
