package location

import (
	"context"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Survey is what lies in a location, without a look into any object.
type Survey struct {
	Streams map[record.Log]int // runs of log objects, such as those of a bucket or of an account and Region
	Oldest  time.Time          // in the key of a log object; zero if there is none
	Skipped map[logkey.SkipReason]once.SkippedObjects
}

// Look lists a location once, and passes over each stream as soon as it has one of its
// objects.
func Look(ctx context.Context, l source.Location) (Survey, error) {
	type id struct {
		log    record.Log
		prefix string
	}
	streams := make(map[id]bool)
	pass := func(k logkey.Key) bool {
		streams[id{k.Stream.Log(), k.Stream.Prefix}] = true
		return false
	}
	summary, err := once.Run(ctx, once.Config{Locations: []source.Location{l}}, once.Query{Wanted: pass}, nobody{})
	if err != nil {
		return Survey{}, err
	}
	found := Survey{Streams: make(map[record.Log]int), Oldest: summary.Locations[0].OldestKey, Skipped: summary.SkippedObjects}
	for stream := range streams {
		found.Streams[stream.log]++
	}
	return found, nil
}

// nobody is a once.Consumer, and a Tally, that wants nothing.
type nobody struct{}

func (nobody) NewTally(string, string) once.Tally { return nobody{} }
func (nobody) Take(once.Tally) error              { return nil }
func (nobody) Add(*record.Record)                 {}
func (nobody) Done() int                          { return 0 }
