package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

var (
	errCheck   = errors.New("the check has failed: see above")
	errLeftOut = errors.New("so --record-format leaves out all that lies here")
)

// check looks at all that serve needs, changes nothing, and prints what it found.
func (cmd *serveCmd) check(ctx context.Context, out io.Writer, named []location.Location) error {
	if err := web.CheckConfigFile(cmd.Web.ConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	locations, err := location.Opener{}.Open(ctx, named)
	if err != nil {
		return err
	}
	if err := cmd.checkLoop(ctx, named, locations); err != nil {
		return err
	}
	failed := false
	var unsaid error
	say := func(line string, err error) {
		if err != nil {
			line, failed = line+err.Error(), true
		}
		_, err = fmt.Fprintln(out, hostile.Visible(line))
		unsaid = cmp.Or(unsaid, err)
	}
	say(cmd.checkCheckpoint(ctx))
	for i, found := range lookAtAll(ctx, locations) {
		say(locations[i].Name+": "+found.text, found.err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if failed {
		return errCheck
	}
	return unsaid
}

// checkLoop returns an error if a checkpoint in S3 would be listed as logs.
func (cmd *serveCmd) checkLoop(ctx context.Context, named []location.Location, opened []source.Location) error {
	if !cmd.Checkpoint.inS3() {
		return nil
	}
	bucket, err := openBucket(ctx, cmd.Checkpoint.Path, cmd.AWS.storeFlags, nil)
	if err != nil {
		return err
	}
	return bucket.checkLoop(named, opened)
}

func (cmd *serveCmd) checkCheckpoint(ctx context.Context) (line string, err error) {
	report, err := verify(ctx, cmd.Checkpoint.Path, cmd.AWS.storeFlags)
	if errors.Is(err, fs.ErrNotExist) && cmd.Checkpoint.MustExist {
		err = fmt.Errorf("checkpoint %s: %w", cmd.Checkpoint.Path, checkpoint.ErrMissing) // as serve has it
	}
	switch {
	case (errors.Is(err, fs.ErrNotExist) || errors.Is(err, checkpoint.ErrMissing)) && !cmd.Checkpoint.MustExist:
		if _, folder := os.Stat(filepath.Dir(cmd.Checkpoint.Path)); folder != nil && !cmd.Checkpoint.inS3() {
			return "", checkpointError(err)
		}
		return fmt.Sprintf("checkpoint %s: there is none; it will be made, and counters begin at 0", cmd.Checkpoint.Path), nil
	case errors.Is(err, checkpoint.ErrLocked):
		return err.Error(), nil // most likely the exporter that this is the check for
	case err != nil:
		return "", advised(cmd.Checkpoint.Path, err)
	}
	if err := report.CheckShard(cmd.Shard.Index, cmd.Shard.count()); err != nil {
		return fmt.Sprintf("checkpoint %s: ", report.Path), cmd.Shard.advised(err)
	}
	line = fmt.Sprintf("checkpoint %s: sound, with %s", report.Path, counted(int64(report.Series), "series"))
	if report.MetaDamaged {
		line += "; one of its two meta pages is damaged, see s3_access_exporter checkpoint verify"
	}
	return line, nil
}

// looked is what was found in a location.
type looked struct {
	text string
	err  error
}

// lookAtAll looks at all locations at once.
func lookAtAll(ctx context.Context, locations []source.Location) []looked {
	found := make([]looked, len(locations))
	var all sync.WaitGroup
	for i, l := range locations {
		all.Go(func() {
			survey, err := location.Look(ctx, l)
			switch text := surveyText(survey); {
			case err != nil:
				found[i] = looked{"cannot be listed: ", err}
			case survey.Unread != nil:
				found[i] = looked{text + "; and not all logs can be read: ", survey.Unread}
			case len(survey.Streams) == 0 && survey.LeftOut > 0:
				found[i] = looked{text + ", ", errLeftOut}
			default:
				found[i] = looked{text: text}
			}
		})
	}
	all.Wait()
	return found
}

func surveyText(s location.Survey) string {
	var streams []string
	for _, log := range append(record.Logs(), 0) {
		what := log.String()
		if log == 0 {
			what = "logs without a request"
		}
		if n := s.Streams[log]; n > 0 {
			streams = append(streams, counted(int64(n), "stream")+" of "+what)
		}
	}
	text := "no log object lies here yet"
	switch {
	case len(streams) > 0:
		text = strings.Join(streams, " and ") + ", from " + s.Oldest.UTC().Format(time.RFC3339) + " on"
	case s.NotLookedAt > 0 || s.LeftOut > 0:
		text = "no log object was found"
	}
	if s.LeftOut > 0 {
		text += "; " + counted(int64(s.LeftOut), "stream") + " of " + record.ServerAccess.String() + " in another format"
	}
	if s.NotLookedAt > 0 {
		text += "; " + counted(int64(s.NotLookedAt), "stream") + " may be of logs, which only the content shows, and could not be looked at: " + s.Err.Error()
	}
	if skipped := skippedObjects(s.Skipped); skipped != "" {
		text += "; skipped " + skipped
	}
	return text
}
