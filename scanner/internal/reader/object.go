package reader

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// objectReader reads objects, one after the other, with buffers that it keeps.
type objectReader struct {
	cfg       *Config
	unpackers *unpackers
	stored    bytes.Buffer  // a whole object, or the beginning of one
	buffered  *bufio.Reader // a large one
}

// maxWhole is how many stored bytes an object has at least that is not fetched as
// a whole before it is unpacked.
const maxWhole = 1 << 20

func newObjectReader(cfg *Config, u *unpackers) *objectReader {
	return &objectReader{cfg: cfg, unpackers: u, buffered: bufio.NewReaderSize(nil, 64<<10)}
}

// object is the part of a Job that names what to read.
type object struct {
	source.Object
	location source.Location
	key      logkey.Key
}

// read opens an object, decodes it to its end, and puts what it holds into out.
func (rd *objectReader) read(ctx context.Context, obj *object, out *Outcome) {
	out.Name = obj.Key
	out.Tally = rd.cfg.NewTally(obj.location.Name, obj.Key)
	err := rd.decode(ctx, obj, out)
	out.Weight = out.Tally.Done() + out.Events()/8
	if err != nil {
		out.Tally, out.Weight = nil, 0
		out.Err = &ObjectError{Location: obj.location.Name, Key: obj.Key, Reason: reasonOf(err), Err: err}
	}
}

func (rd *objectReader) decode(ctx context.Context, obj *object, out *Outcome) error {
	body, err := rd.open(ctx, obj)
	if err != nil {
		return err
	}
	defer body.Close() // read to its end or given up: nothing is left to fail
	stored, whole, err := rd.fetch(untilDone(ctx, body))
	if err != nil {
		return err
	}
	err = rd.decodeStored(obj.key, stored, whole, out)
	if err != nil && Permanent(reasonOf(err)) {
		// Bytes that changed on their way are not the object's. Whether they did, the
		// source reports at their end.
		if _, failed := io.Copy(io.Discard, io.LimitReader(stored, rd.cfg.MaxObjectSize)); failed != nil {
			return failed
		}
	}
	return err
}

// open opens the object as it was listed. What was listed may be old, above all of an
// object that is tried again: one that changed since then is looked up once more.
func (rd *objectReader) open(ctx context.Context, obj *object) (io.ReadCloser, error) {
	src := obj.location.Source
	body, err := src.Open(ctx, obj.Object)
	if err == nil || reasonOf(err) != source.ReasonChanged {
		return body, err
	}
	now, err := src.Stat(ctx, obj.Key)
	if err != nil {
		return nil, err
	}
	obj.Object = now
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
func (rd *objectReader) fetch(body io.Reader) (stored storedBytes, whole bool, err error) {
	rd.stored.Reset()
	n, err := rd.stored.ReadFrom(io.LimitReader(body, maxWhole))
	if err != nil || n < maxWhole {
		return &rd.stored, true, err
	}
	rd.buffered.Reset(io.MultiReader(&rd.stored, body))
	return rd.buffered, false, nil
}

func (rd *objectReader) decodeStored(key logkey.Key, stored storedBytes, whole bool, out *Outcome) error {
	u := rd.unpackers.get(whole)
	defer rd.unpackers.put(u, whole)
	dec, skip, err := u.unpack(key, stored)
	if err != nil || skip != "" {
		out.Skip = skip
		return err
	}
	account, region := []byte(key.AccountID), []byte(key.Region)
	window, tally := rd.cfg.Window, out.Tally
	for dec.Next() {
		rec := dec.Record()
		if len(rec.AccountID) == 0 {
			rec.AccountID = account
		}
		if len(rec.Region) == 0 {
			rec.Region = region
		}
		out.span(rec.Time)
		if window.Has(&out.Claim, rec) {
			out.Duplicates++
			continue
		}
		tally.Add(rec)
		out.add(rec)
	}
	out.Skipped = dec.Skipped()
	err = dec.Err()
	if key.Free() {
		err = out.recognise(err)
	}
	return err
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
