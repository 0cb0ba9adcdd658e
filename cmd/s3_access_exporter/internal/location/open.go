package location

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/scanner/s3source"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Opener makes Sources of Locations.
type Opener struct {
	Settle   time.Duration          // of directories; see dirsource.Settle
	Requests func(operation string) // see s3source.Config; may be nil
}

// stored is a Source that names its store and bucket, and can be asked whether it is
// there.
type stored interface {
	source.Source
	Store() string
	Check(ctx context.Context, prefix string) error
}

// Open returns the locations, none of which need be there yet. An error is one that
// does not pass by itself.
func (o Opener) Open(ctx context.Context, all []Location) ([]source.Location, error) {
	var opened []source.Location
	for _, l := range all {
		src, err := o.source(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("location %s: %w", l.Name(), err)
		}
		added := source.Location{Name: l.Name(), Source: src, Prefix: l.Prefix, Store: src.Store(), Form: l.Form}
		for _, other := range opened { // one store may be written in several ways
			if other.Store == added.Store && prefixesOverlap(other.Prefix, added.Prefix) {
				return nil, overlapError(other.Name, added.Name)
			}
		}
		opened = append(opened, added)
	}
	return opened, nil
}

func (o Opener) source(ctx context.Context, l Location) (stored, error) {
	if l.Dir != "" {
		return newDirectory(l.Dir, o.Settle), nil
	}
	return s3source.New(ctx, s3source.Config{
		Bucket:      l.Bucket,
		EndpointURL: l.Options.EndpointURL,
		Store:       l.Options.Store,
		Region:      l.Options.Region,
		RoleARN:     l.Options.RoleARN,
		ExternalID:  l.Options.ExternalID,
		PathStyle:   l.Options.PathStyle,
		Requests:    o.Requests,
	})
}

// Check returns a [CheckError] if one of the locations that Open has returned is not
// there now, or cannot be listed.
func Check(ctx context.Context, opened []source.Location) error {
	checks, ctx := errgroup.WithContext(ctx)
	for _, l := range opened {
		checks.Go(func() error { return check(ctx, l) })
	}
	return checks.Wait()
}

// CheckSome returns a [CheckError] if none of the locations is there: that of the first
// one. What is wrong with the others if one is, their listing shows.
func CheckSome(ctx context.Context, opened []source.Location) error {
	failed := make([]error, len(opened))
	var checks sync.WaitGroup
	for i, l := range opened {
		checks.Go(func() { failed[i] = check(ctx, l) })
	}
	checks.Wait()
	if len(failed) == 0 || slices.Contains(failed, nil) {
		return nil
	}
	return failed[0]
}

func check(ctx context.Context, l source.Location) error {
	if err := l.Source.(stored).Check(ctx, l.Prefix); err != nil { //nolint:errcheck // every Source is from Open
		return &CheckError{Location: l.Name, Err: err}
	}
	return nil
}

// A CheckError is why a location is not there, or cannot be listed.
type CheckError struct {
	Location string // as it is shown
	Err      error
}

func (e *CheckError) Error() string { return fmt.Sprintf("location %s: %v", e.Location, e.Err) }

// Unwrap returns Err.
func (e *CheckError) Unwrap() error { return e.Err }
