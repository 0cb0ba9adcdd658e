package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// journalScheme is what the path of a checkpoint in S3 begins with.
const journalScheme = "s3://"

// inS3 reports whether the checkpoint is a journal in S3.
func (f checkpointFlags) inS3() bool { return strings.HasPrefix(f.Path, journalScheme) }

// journalBucket is where a journal lies.
type journalBucket struct {
	at     location.Location
	name   string // as in errors
	prefix string // of its objects
	key    string // of KMS, for what is written; empty: the bucket's settings decide
	source *s3source.Source
}

// openBucket returns where the journal of a path lies. The bucket is the exporter's own:
// it is found, and written, with the process's credentials, and not with the role for
// reading logs.
func openBucket(ctx context.Context, path string, store storeFlags, requests func(operation string)) (*journalBucket, error) {
	at, err := location.Parse(path, location.Options{EndpointURL: store.EndpointURL, PathStyle: store.PathStyle})
	if err != nil {
		return nil, usageError{err}
	}
	config := s3source.Config{Bucket: at.Bucket, EndpointURL: store.EndpointURL, PathStyle: store.PathStyle, Requests: requests}
	if store.EndpointURL != "" { // AWS is asked for the Region of the bucket
		config.Region = store.Region
	}
	src, err := s3source.New(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	prefix := strings.TrimSuffix(at.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &journalBucket{at: at, name: at.Name(), prefix: prefix, source: src}, nil
}

func (b *journalBucket) objects() checkpoint.Objects {
	return b.source.Objects(b.prefix).EncryptedBy(b.key)
}

// checkLoop returns an error if what is written as a checkpoint would be listed in one of
// the locations, or they would lie among it. Of each, named is how it was written, and
// opened where it leads: a store of which a location has another name is found by the
// endpoint.
func (b *journalBucket) checkLoop(named []location.Location, opened []source.Location) error {
	for i, l := range opened {
		at := named[i]
		sameStore := l.Store == b.source.Store() ||
			at.Bucket == b.at.Bucket && at.Options.EndpointURL == b.at.Options.EndpointURL
		if sameStore && (strings.HasPrefix(b.prefix, l.Prefix) || strings.HasPrefix(l.Prefix, b.prefix)) {
			return usagef("--checkpoint.path: %s and the location %s overlap, so that all that is written there would be listed as logs; choose another bucket or prefix", b.name, l.Name)
		}
	}
	return nil
}

// openJournal returns the checkpoint in S3 that the flags describe. It is read once it
// runs.
func (f checkpointFlags) openJournal(
	bucket *journalBucket, check func(*checkpoint.Tx) error, failed func(), logger *slog.Logger,
) *checkpoint.Journal {
	bucket.key = f.KMSKeyID
	return checkpoint.NewJournal(checkpoint.JournalConfig{
		Name:      bucket.name,
		Objects:   bucket.objects(),
		Writer:    processName(),
		Cache:     f.Cache,
		MustExist: f.MustExist,
		Takeover:  time.Duration(f.Takeover),
		Check:     check,
		Failed:    failed,
		Logger:    logger,
	})
}

// processName is what this process is called where others are told who counts.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return cmp.Or(host, "unknown host") + ":" + strconv.Itoa(os.Getpid())
}

// journalError returns an error of a journal with what to do, where that is not in it
// already; nil if it is nil.
func journalError(err error) error {
	var advice string
	switch {
	case errors.Is(err, checkpoint.ErrLocal): // the journal is well
		return err
	case errors.Is(err, checkpoint.ErrMissing):
		advice = "leave --checkpoint.must-exist out to begin a new one"
	case errors.Is(err, checkpoint.ErrOlder):
		advice = "choose another prefix to begin a new one, or go back to that version"
	case errors.Is(err, checkpoint.ErrNewer):
		advice = "run that version, or choose another prefix to begin a new one"
	case errors.Is(err, checkpoint.ErrDamaged):
		advice = "if the object is whole in the bucket, mend what answers in its place, such as a proxy; only if it is not, choose another prefix to begin a new one"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}
