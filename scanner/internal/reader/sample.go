package reader

import (
	"context"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// maxSampled is how many objects of a stream Sample opens at most.
const maxSampled = 16

// Sample is Look at an object in a location and, if that is no log object, at what follows
// it in its stream, until one is: a page of a listing, of which few are opened. It returns
// that one, or why the first is none. The error is that of the last one that could not
// be looked at, or of the listing, if none was found: nobody knows.
func (r *Recogniser) Sample(ctx context.Context, l source.Location, obj source.Object, key logkey.Key) (log source.Object, why logkey.SkipReason, err error) {
	few := &counted{Source: l.Source}
	why, err = r.Look(ctx, few, obj, key)
	if why == "" {
		return obj, "", nil
	}
	listed, found := 0, false
	failed := source.Walk(ctx, l.Source, max(l.Prefix, key.Stream.Prefix), obj.Key, func(next source.Object) (string, bool) {
		listed++
		if k := KeyOf(next); k.Free() && k.Stream == key.Stream {
			skip, unlooked := r.Look(ctx, few, next, k)
			if unlooked != nil {
				err = unlooked
			}
			log, found = next, skip == ""
		}
		return "", !found && listed < source.PageSize && few.opens < maxSampled && next.Key < key.Stream.End()
	})
	switch {
	case found:
		return log, "", nil
	case failed != nil:
		err = failed
	}
	return source.Object{}, why, err
}

// counted is a Source that counts how many objects are opened.
type counted struct {
	source.Source
	opens int
}

// Open implements source.Source.
func (c *counted) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	c.opens++
	return c.Source.Open(ctx, obj)
}
