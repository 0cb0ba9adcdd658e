package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

const locationHelp = "Where logs are: s3://bucket[/prefix], or a directory that holds a copy of one."

// settle is how long a file of a tailed directory must not have changed before
// it is read: whoever copies files there may still be writing.
const settle = 2 * time.Second

type awsFlags struct {
	EndpointURL string `name:"endpoint-url" placeholder:"URL" help:"Where S3 is, if not at AWS."`
	Region      string `name:"region" placeholder:"REGION" help:"The log buckets' Region; S3 is asked for it by default."`
	PathStyle   bool   `name:"path-style" help:"Put the bucket into the path of URLs, not into the host."`
	RoleARN     string `name:"role-arn" placeholder:"ARN" help:"Role to assume for reading the log buckets."`
}

// Validate implements kong's validation of flags.
func (f awsFlags) Validate() error {
	if f.EndpointURL == "" {
		return nil
	}
	u, err := url.Parse(f.EndpointURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--aws.endpoint-url: %q is no URL such as https://s3.example.com", f.EndpointURL)
	}
	return nil
}

// place is a location as the user named it.
type place struct {
	bucket, prefix string // of S3
	dir            string // absolute; empty if the place is in S3
}

// name returns the location's name in the checkpoint, metrics and log.
func (p place) name() string {
	switch {
	case p.dir != "":
		return "file://" + filepath.ToSlash(p.dir)
	case p.prefix != "":
		return "s3://" + p.bucket + "/" + p.prefix
	}
	return "s3://" + p.bucket
}

// overlaps reports whether an object may lie in both places.
func (p place) overlaps(q place) bool {
	if p.dir == "" || q.dir == "" {
		return p.dir == q.dir && p.bucket == q.bucket &&
			(strings.HasPrefix(p.prefix, q.prefix) || strings.HasPrefix(q.prefix, p.prefix))
	}
	dir, other := realPath(p.dir), realPath(q.dir)
	return within(dir, other) || within(other, dir)
}

// realPath returns the directory without symbolic links, as far as it is there.
func realPath(dir string) string {
	if followed, err := filepath.EvalSymlinks(dir); err == nil {
		return followed
	}
	return dir
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
// and what was allowed before 2018.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)

// parsePlaces reads the locations of the command line.
func parsePlaces(texts []string) ([]place, error) {
	var places []place
	for _, text := range texts {
		p, err := parsePlace(text)
		if err != nil {
			return nil, err
		}
		for i, q := range places {
			if p.overlaps(q) {
				return nil, usagef("locations %s and %s overlap: their objects would count twice", texts[i], text)
			}
		}
		places = append(places, p)
	}
	return places, nil
}

func parsePlace(text string) (place, error) {
	if rest, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		if !bucketName.MatchString(bucket) {
			return place{}, usagef("location %q: %q is no bucket's name", text, bucket)
		}
		return place{bucket: bucket, prefix: prefix}, nil
	}
	dir, isURL := strings.CutPrefix(text, "file://")
	if !isURL && strings.Contains(text, "://") || isURL && !strings.HasPrefix(dir, "/") || dir == "" {
		return place{}, usagef("location %q: write s3://bucket/prefix, file:///directory or ./directory", text)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("location %q: %w", text, err)
	}
	return place{dir: dir}, nil
}

// opener makes sources of places.
type opener struct {
	aws      awsFlags
	settle   time.Duration
	requests func(operation string)
}

// open returns the locations of the places, each of which was seen to be there.
func (o opener) open(ctx context.Context, places []place) ([]source.Location, error) {
	locations := make([]source.Location, len(places))
	checks, ctx := errgroup.WithContext(ctx)
	for i, p := range places {
		checks.Go(func() error {
			src, err := o.source(ctx, p)
			if err != nil {
				return fmt.Errorf("location %s: %w", p.name(), err)
			}
			locations[i] = source.Location{Name: p.name(), Source: src, Prefix: p.prefix, Store: src.Store()}
			return nil
		})
	}
	return locations, checks.Wait()
}

// storedSource is a Source that names its store and bucket: see source.Location.
type storedSource interface {
	source.Source
	Store() string
}

func (o opener) source(ctx context.Context, p place) (storedSource, error) {
	if p.dir != "" {
		return dirsource.New(p.dir, dirsource.Settle(o.settle))
	}
	src, err := s3source.New(ctx, s3source.Config{
		Bucket:      p.bucket,
		EndpointURL: o.aws.EndpointURL,
		Region:      o.aws.Region,
		RoleARN:     o.aws.RoleARN,
		PathStyle:   o.aws.PathStyle,
		Requests:    o.requests,
	})
	if err != nil {
		return nil, err
	}
	return src, src.Check(ctx, p.prefix)
}
