package scanner

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// job is an object to read.
type job struct {
	location source.Location
	key      logkey.Key
	obj      source.Object

	// Set by Run alone:
	home    *location
	stream  *stream
	late    bool // it sorts below an object that was listed earlier
	backlog bool // it was there when its location was listed first
}

// result is what came of a job.
type result struct {
	*job
	err     *ObjectError // nil: the object was read to its end
	tally   Tally
	weight  int   // what it holds, as Tally.Done tells it
	records int64 // handed to the tally
	newest  int64 // time of the newest of them, in Unix seconds; 0 if there was none
	skipped record.Skipped

	// See duplicates.go and gate.go:
	duplicates int64 // records that were passed over
	claims     claims
	depends    []*result // objects in flight that have claimed some of the duplicates
	standing   standing  // for the goroutine alone that takes the results
}

// depend takes note that the object depends on another.
func (r *result) depend(on *result) {
	if !r.dependsOn(on) {
		r.depends = append(r.depends, on)
	}
}

func (r *result) dependsOn(on *result) bool { return slices.Contains(r.depends, on) }

// waits reports whether an object that this one depends on is not to be
// committed yet.
func (r *result) waits() bool {
	return slices.ContainsFunc(r.depends, func(on *result) bool { return on.standing != passed })
}

// reader reads objects, one after the other, with buffers that it keeps.
type reader struct {
	cfg        *Config
	duplicates *duplicates
	unpackers  *unpackers
	stored     bytes.Buffer  // a whole object, or the beginning of one
	buffered   *bufio.Reader // a large one
}

// maxWhole is how many stored bytes an object has at least that is not fetched as
// a whole before it is unpacked.
const maxWhole = 1 << 20

func newReader(cfg *Config, d *duplicates, u *unpackers) *reader {
	return &reader{cfg: cfg, duplicates: d, unpackers: u, buffered: bufio.NewReaderSize(nil, 64<<10)}
}

// readInTurn is read, which waits for a place among the large objects if the job's
// is one.
func (rd *reader) readInTurn(ctx context.Context, j *job, large chan struct{}) *result {
	if j.obj.Size > largeObject {
		large <- struct{}{}
		defer func() { <-large }()
	}
	return rd.read(ctx, j)
}

// read opens the job's object, decodes it to its end, and returns what it holds.
func (rd *reader) read(ctx context.Context, j *job) *result {
	r := &result{job: j, tally: rd.cfg.Consumer.NewTally(j.location.Name, j.obj.Key)}
	err := rd.decode(ctx, r)
	r.weight = r.tally.Done() + r.claims.events.n/8
	if err != nil {
		r.tally, r.weight = nil, 0
		r.err = &ObjectError{Location: j.location.Name, Key: j.obj.Key, Reason: reasonOf(err), Err: err}
	}
	return r
}

func (rd *reader) decode(ctx context.Context, r *result) error {
	body, err := rd.open(ctx, r)
	if err != nil {
		return err
	}
	defer body.Close() // read to its end or given up: nothing is left to fail
	stored, whole, err := rd.fetch(untilDone(ctx, body))
	if err != nil {
		return err
	}
	err = rd.decodeStored(r, stored, whole)
	if err != nil && permanent(reasonOf(err)) {
		// Bytes that changed on their way are not the object's. Whether they did,
		// the source tells at their end.
		if _, failed := io.Copy(io.Discard, io.LimitReader(stored, rd.cfg.MaxObjectSize)); failed != nil {
			return failed
		}
	}
	return err
}

// open opens the object as it was listed. What was listed may be old, above all of an
// object that is tried again: one that changed since then is looked up once more.
func (rd *reader) open(ctx context.Context, r *result) (io.ReadCloser, error) {
	src := r.location.Source
	body, err := src.Open(ctx, r.obj)
	if err == nil || reasonOf(err) != source.ReasonChanged {
		return body, err
	}
	now, err := src.Stat(ctx, r.obj.Key)
	if err != nil {
		return nil, err
	}
	r.obj = now
	return src.Open(ctx, now)
}

// storedBytes are the bytes of an object as stored. Both kinds of readers that
// fetch returns are known to the decompressor, which takes bytes from them without
// a call for each.
type storedBytes interface {
	io.Reader
	io.ByteScanner
}

// fetch returns a reader of body, and whether that has been read to its end, as it is
// if it is small.
func (rd *reader) fetch(body io.Reader) (stored storedBytes, whole bool, err error) {
	rd.stored.Reset()
	n, err := rd.stored.ReadFrom(io.LimitReader(body, maxWhole))
	if err != nil || n < maxWhole {
		return &rd.stored, true, err
	}
	rd.buffered.Reset(io.MultiReader(&rd.stored, body))
	return rd.buffered, false, nil
}

func (rd *reader) decodeStored(r *result, stored storedBytes, whole bool) error {
	u := rd.unpackers.get(whole)
	defer rd.unpackers.put(u, whole)
	dec, err := u.unpack(r.key.Stream.Log(), stored, rd.cfg.MaxObjectSize)
	if err != nil {
		return err
	}
	account, region := []byte(r.key.AccountID), []byte(r.key.Region)
	for dec.Next() {
		rec := dec.Record()
		if len(rec.AccountID) == 0 {
			rec.AccountID = account
		}
		if len(rec.Region) == 0 {
			rec.Region = region
		}
		r.newest = max(r.newest, rec.Time)
		if rd.duplicates.has(r, rec) {
			r.duplicates++
			continue
		}
		r.tally.Add(rec)
		r.records++
	}
	r.skipped = dec.Skipped()
	return dec.Err()
}

// untilDone returns a reader of body that fails once ctx has ended.
func untilDone(ctx context.Context, body io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return body.Read(p)
	})
}

// readFunc is an io.Reader.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
