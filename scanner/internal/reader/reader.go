// Package reader reads log objects: it opens one, decompresses and decodes it to its
// very end, and hands its records to a Tally. What to read comes as Jobs, what came of
// them goes as Results; both carry a state of whoever started the reading, which the
// package does not look at. Jobs come in queues, one for each location, so that none keeps
// the others waiting.
//
// Read hands each object to a goroutine, which waits for its bytes, then for a core,
// and unpacks and decodes it there (object.go) with what unpack.go keeps for that. How
// many objects are under way at once, flow.go decides: waiting for a store costs no core,
// so they are many more than there are cores if the store is far away. What is slow gives way
// to others (slow.go). formats.go has the
// log formats, failure.go the reasons for which an object gives nothing. Results wait for
// whoever takes them, and Results.Pass decides which of them may count (results.go).
package reader

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// DefaultMaxObjectSize is the default of Config.MaxObjectSize.
const DefaultMaxObjectSize = 2 << 30

// Config is how objects are read.
type Config struct {
	// NewTally returns an empty Tally for the object with that key in the Location of
	// that name. It is called from many goroutines at once.
	NewTally func(location, key string) Tally
	// Window recognises events that are delivered again; nil: none are.
	Window *dedupe.Window
	// Prefilter reports whether a record may be asked for, by its bytes as they stand
	// in the log. Others are neither decoded nor counted as anything, not even as
	// malformed. Nil: all may. The bytes are valid during the call. It is called from
	// many goroutines at once.
	Prefilter func(format record.Format, raw []byte) bool
	// MaxObjectSize is how many decompressed bytes an object may have; 0 means
	// DefaultMaxObjectSize.
	MaxObjectSize int64
	// Concurrency is how many objects are read at once; 0: as many as the cores can use,
	// and fewer if the store throttles. In any case, it is one of each queue, those of
	// slow objects included.
	Concurrency int
	// Patience is the longest pause after which an object is asked for again that the
	// store has throttled; 0: it is not.
	Patience time.Duration
	// GiveWay is whether an object that comes slowly fails with source.ReasonTimeout when
	// others wait, as whoever sends the Jobs sends it again as a Job that is Slow.
	GiveWay bool
	// Now returns the time of the wall, for Outcome.Newest; nil means time.Now.
	Now func() time.Time
}

// withDefaults returns a copy.
func (c *Config) withDefaults() *Config {
	d := *c
	if d.MaxObjectSize == 0 {
		d.MaxObjectSize = DefaultMaxObjectSize
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &d
}

// Tally takes the records of one object, from one goroutine at a time. It is handed on
// if the object was read to its end, and dropped without a word otherwise.
type Tally interface {
	// Add takes a record. The record and its bytes are the caller's, and change after
	// the call.
	Add(r *record.Record)
	// Done is called once, after the last Add, whether or not the object was read to
	// its end. It returns how much the Tally holds, in a unit of some hundred bytes.
	Done() int
}

// Job is an object to read.
type Job[T any] struct {
	Location source.Location
	Key      logkey.Key
	Object   source.Object // as it was read, which may be newer than what was listed
	State    T             // of whoever made the Job
	// Slow is whether the object has shown that its bytes come slowly. Then it waits for
	// others of that kind, of which few are read at once. Such Jobs come in queues of
	// their own.
	Slow bool

	place *place // of the object that is under way
}

// Result is what came of a Job.
type Result[T any] struct {
	*Job[T]
	Outcome
}

// Outcome is what came of reading an object.
type Outcome struct {
	dedupe.Claim

	Err *ObjectError // nil: the object was read to its end, or Skip shows why it need not be
	// Skip is why the object, which has a free key, turned out to be no log object; empty
	// if it is one. Then it has no records.
	Skip      logkey.SkipReason
	Tally     Tally                        // nil if Err is not
	Weight    int                          // what it holds, as Tally.Done returns it
	Records   int64                        // that were handed to the Tally
	NewSchema int64                        // of them, those of a version of their schema that is not known
	byLog     [record.CloudTrail + 1]int64 // Records by log
	Sample    twice.Sample                 // of the Records of server access logs
	Skipped   record.Skipped               // the others
	// Oldest and Newest are the times of the first and the last request in the object,
	// duplicates included, in seconds since 1970; 0 if there are none after that. Requests
	// that are more than Ahead to come are left out: somebody's clock was wrong.
	Oldest, Newest int64
}

// add takes note of a record that was handed to the Tally.
func (o *Outcome) add(rec *record.Record) {
	o.Records++
	o.byLog[rec.Log]++
	if rec.Log == record.ServerAccess {
		o.Sample.Add(rec)
	}
	if rec.NewSchema {
		o.NewSchema++
	}
}

// RecordsOf returns how many of the Records are of a log.
func (o *Outcome) RecordsOf(log record.Log) int64 { return o.byLog[log] }

// recognise makes the object a skipped one if it has ended, with err, and not a record in
// it was of a log that is known: for why, if it had none of other logs that are.
func (o *Outcome) recognise(err error, why logkey.SkipReason) error {
	switch {
	case errors.Is(err, record.ErrOtherLog):
		o.Skip = logkey.SkipOtherLog
	case errors.Is(err, record.ErrNotLog):
		o.Skip = why
	default:
		return err
	}
	o.Skipped = record.Skipped{}
	return nil
}

// Ahead is how far the time of a request may lie ahead of the clock.
const Ahead = time.Hour

// span takes note of the time of a request, which is none if it is later than most.
func (o *Outcome) span(seconds, most int64) {
	if seconds > most {
		return
	}
	if o.Newest == 0 || seconds < o.Oldest {
		o.Oldest = max(0, seconds)
	}
	o.Newest = max(o.Newest, seconds)
}

// Read starts to read the objects of Jobs that come in some queues. It ends when all of
// these are closed; then the Results do. Once ctx has ended, Jobs are dropped as if they
// had not been sent, and what is being read fails with ctx's error.
func Read[T any](ctx context.Context, cfg Config, queues ...<-chan *Job[T]) *Results[T] {
	shared := cfg.withDefaults()
	results, rd := newResults[T](shared), newObjectReader(shared)
	var queued, reading sync.WaitGroup
	next := make(chan *Job[T]) // to goroutines that are done with another one
	for _, jobs := range queues {
		q := new(queue)
		queued.Go(func() {
			for j := range jobs {
				if ctx.Err() != nil {
					continue
				}
				j.place = rd.flow.begin(q, footprint(j.Object.Size), j.Slow) // as it is listed; reading may find a newer one
				select {
				case next <- j:
				default:
					reading.Go(func() { readAll(ctx, rd, j, next, results.put) })
				}
			}
		})
	}
	go func() {
		queued.Wait()
		close(next)
		reading.Wait()
		close(results.ahead)
	}()
	return results
}

// readAll reads the object of a Job, and then those of next: the calls of a store's client
// lie deep, and each new goroutine would grow its stack anew.
func readAll[T any](ctx context.Context, rd *objectReader, j *Job[T], next <-chan *Job[T], handOn func(*Result[T])) {
	for more := true; more; j, more = <-next {
		place := j.place
		j.read(ctx, rd, handOn)
		rd.flow.end(place)
	}
}

// read reads the Job's object and hands on what came of it.
func (j *Job[T]) read(ctx context.Context, rd *objectReader, handOn func(*Result[T])) {
	r := &Result[T]{Job: j}
	obj := object{Object: j.Object, location: j.Location, key: j.Key, place: j.place}
	rd.read(ctx, &obj, &r.Outcome, func() {
		j.Object = obj.Object
		handOn(r)
	})
}

// Log returns the log of the object: that which its key shows, or else that of its
// records, of most of them. If neither shows it, that is ServerAccess.
func (r *Result[T]) Log() record.Log {
	log := r.Key.Stream.Log()
	if log != 0 {
		return log
	}
	for _, l := range record.Logs() {
		if n := r.RecordsOf(l); n > 0 && (log == 0 || n > r.RecordsOf(log)) {
			log = l
		}
	}
	if log == 0 {
		return record.ServerAccess
	}
	return log
}

// LogSkipped logs that records of an object were skipped which could not be understood.
func (r *Result[T]) LogSkipped(log *slog.Logger) {
	if r.Skipped.Malformed > 0 {
		log.Warn("records were skipped that could not be understood", "location", r.Location.Name,
			"key", r.Object.Key, "records", r.Skipped.Malformed, "err", r.Skipped.First)
	}
}
