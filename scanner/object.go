package scanner

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// job is an object to read.
type job struct {
	location Location
	key      Key
	obj      Object

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

	// See duplicates.go:
	duplicates int64     // records that were passed over
	events     []eventID // claimed
	depends    []*result // objects in flight that have claimed some of the duplicates
	progress   progress  // for the goroutine alone that takes the results
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
	return slices.ContainsFunc(r.depends, func(on *result) bool { return on.progress != passed })
}

// decoder is what both formats' decoders offer.
type decoder interface {
	Reset(r io.Reader)
	Next() bool
	Record() *record.Record
	Err() error
	Skipped() record.Skipped
}

// reader reads objects, one after the other, with buffers that it keeps.
type reader struct {
	cfg        *Config
	duplicates *duplicates
	buffered   *bufio.Reader
	gunzip     *gzip.Reader // nil until the first compressed object
	decoders   map[record.Log]decoder
}

func newReader(cfg *Config, d *duplicates) *reader {
	return &reader{
		cfg:        cfg,
		duplicates: d,
		buffered:   bufio.NewReaderSize(nil, 64<<10),
		decoders: map[record.Log]decoder{
			record.ServerAccess: accesslog.NewDecoder(nil),
			record.CloudTrail:   cloudtrail.NewDecoder(nil),
		},
	}
}

// read opens the job's object, decodes it to its end, and returns what it holds.
func (rd *reader) read(ctx context.Context, j *job) *result {
	r := &result{job: j, tally: rd.cfg.Consumer.NewTally()}
	err := rd.decode(ctx, r)
	r.weight = r.tally.Done() + len(r.events)/4
	if err != nil {
		r.tally = nil
		r.err = &ObjectError{Location: j.location.Name, Key: j.obj.Key, Reason: reasonOf(err), Err: err}
	}
	return r
}

func (rd *reader) decode(ctx context.Context, r *result) error {
	body, err := r.location.Source.Open(ctx, r.obj.Key)
	if err != nil {
		return err
	}
	defer body.Close() // read to its end or given up: nothing is left to fail
	err = rd.decodeBody(r, body)
	if err != nil && reasonOf(err).permanent() {
		// Bytes that changed on their way are not the object's. Whether they did,
		// the source tells at their end.
		if _, failed := io.Copy(io.Discard, io.LimitReader(rd.buffered, rd.cfg.MaxObjectSize)); failed != nil {
			return failed
		}
	}
	return err
}

func (rd *reader) decodeBody(r *result, body io.Reader) error {
	content, err := rd.content(body)
	if err != nil {
		return err
	}
	dec := rd.decoders[r.key.Stream.Log()]
	dec.Reset(&limitedReader{r: content, left: rd.cfg.MaxObjectSize})
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

// content returns the decompressed bytes of body. That they are compressed is
// told by their first bytes: S3 may decompress on its way, and a copy of a
// bucket may have been decompressed.
func (rd *reader) content(body io.Reader) (io.Reader, error) {
	rd.buffered.Reset(body)
	magic, err := rd.buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != "\x1f\x8b" {
		return rd.buffered, nil
	}
	if rd.gunzip == nil {
		rd.gunzip = new(gzip.Reader)
	}
	z := &gunzipReader{gzip: rd.gunzip}
	if err := rd.gunzip.Reset(rd.buffered); err != nil {
		return nil, gunzipFailed(err)
	}
	return z, nil
}

// gunzipReader tells errors of the compression from errors of the source.
type gunzipReader struct {
	gzip *gzip.Reader
}

func (z *gunzipReader) Read(p []byte) (int, error) {
	n, err := z.gzip.Read(p)
	return n, gunzipFailed(err)
}

func gunzipFailed(err error) error {
	if err == nil || err == io.EOF || errors.As(err, new(*SourceError)) { //nolint:errorlint // io.EOF is never wrapped by a Reader
		return err
	}
	return &gzipError{err}
}

// limitedReader fails where io.LimitedReader would end.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
