package once

import (
	"context"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Listed is a log object that a pass would read.
type Listed struct {
	Location source.Location
	Key      logkey.Key
	Object   source.Object
}

// List is Run without reading: it hands every log object that a pass over the same Query
// would read to found, from the goroutine that called List. What only their content shows
// to be log objects is looked at as in a pass, one of each folder and day. Of the Summary,
// Objects and Bytes are those that were handed over, and SkippedObjects and Locations are
// as of a pass; what only reading shows is left out.
func List(ctx context.Context, cfg Config, q Query, found func(Listed)) (*Summary, error) {
	setDefaults(&cfg, &q)
	scan, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan *job, listAhead)
	listings, listed := listAll(scan, &cfg, &q, nil, jobs)
	summary := new(Summary)
	for j := range jobs {
		found(Listed{Location: j.Location, Key: j.Key, Object: j.Object})
		summary.Objects++
		summary.Bytes += j.Object.Size
		summary.foundIn(j.Location.Name)
		q.Progress.finish(j.Object)
	}
	err := <-listed
	summary.addListings(listings)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return summary, err
}
