package reader

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// objectReader reads objects, many at once, with buffers that it keeps.
type objectReader struct {
	cfg       *Config
	flow      *flow
	unpackers *unpackers
	whole     buffers
	streams   sync.Pool // of *bufio.Reader
}

// maxWhole is how many stored bytes an object has at most that is fetched as a whole
// before it is unpacked.
const maxWhole = 1 << 20

// largeObject is how many stored bytes a large object has. Not more of them are read
// at once than there are cores, slow ones besides: more would need more memory, and no less
// time.
const largeObject = 8 << 20

func newObjectReader(cfg *Config) *objectReader {
	const buffer = 64 << 10
	return &objectReader{
		cfg: cfg, flow: newFlow(cfg), unpackers: newUnpackers(cfg),
		streams: sync.Pool{New: func() any { return bufio.NewReaderSize(nil, buffer) }},
	}
}

// object is the part of a Job that names what to read.
type object struct {
	source.Object
	location source.Location
	key      logkey.Key
	place    *place
}

// read fetches an object, decodes it to its end, and puts what it holds into out. Then
// it calls done, while it still occupies its core: whoever waits in there is not ahead
// by more objects than there are cores.
func (rd *objectReader) read(ctx context.Context, obj *object, out *Outcome, done func()) {
	out.Name = obj.Key
	ctx, watch := rd.flow.watch(ctx, obj)
	defer watch.end()
	in, err := rd.fetch(ctx, obj, watch)
	if err != nil {
		out.fail(obj, whyFailed(ctx, obj.Key, err))
		done()
		return
	}
	defer in.release()
	u, waited := rd.unpackers.get(in.whole)
	defer rd.unpackers.put(u, in.whole)
	rd.flow.arrived(in.took, waited)
	out.Tally = rd.cfg.NewTally(obj.location.Name, obj.Key)
	err = rd.decode(u, obj, in.stored, out)
	out.Weight = out.Tally.Done() + out.Events()/8
	if err != nil {
		out.fail(obj, whyFailed(ctx, obj.Key, err))
	}
	done()
}

// fail makes the Outcome that of an object that could not be read.
func (o *Outcome) fail(obj *object, err error) {
	o.Tally, o.Weight = nil, 0
	o.Err = &ObjectError{Location: obj.location.Name, Key: obj.Key, Reason: reasonOf(err), Err: err}
}

// fetched is an object whose bytes are there, or come.
type fetched struct {
	stored  storedBytes
	whole   bool          // they are there
	took    time.Duration // until then, if they are
	release func()        // gives back what stored is made of
}

// storedBytes are the bytes of an object as stored. Both kinds of readers that
// fetch returns are known to the decompressor, which takes bytes from them without
// a call for each.
type storedBytes interface {
	io.Reader
	io.ByteScanner
}

// fetch asks for an object, and waits for all of its bytes if it is small.
func (rd *objectReader) fetch(ctx context.Context, obj *object, watch *stopwatch) (*fetched, error) {
	if obj.Size > maxWhole {
		return rd.stream(ctx, obj, watch)
	}
	began := time.Now()
	watch.start()
	body, err := rd.open(ctx, obj)
	watch.answered()
	if err != nil {
		return nil, err
	}
	defer body.Close() // read to its end or given up: nothing is left to fail
	stored := rd.whole.get(obj.Size)
	watch.start()
	_, err = stored.ReadFrom(untilDone(ctx, body))
	watch.stop()
	rd.flow.fetched(obj.location.Source)
	if err != nil {
		rd.whole.put(stored)
		return nil, err
	}
	return &fetched{stored, true, time.Since(began), func() { rd.whole.put(stored) }}, nil
}

// stream returns a large object, whose bytes are still to come.
func (rd *objectReader) stream(ctx context.Context, obj *object, watch *stopwatch) (*fetched, error) {
	if obj.Size > largeObject {
		rd.flow.beginLarge(obj.place)
	}
	watch.start()
	body, err := rd.open(ctx, obj)
	watch.answered()
	rd.flow.fetched(obj.location.Source)
	if err != nil {
		return nil, err
	}
	watched := readFunc(func(p []byte) (int, error) {
		watch.start()
		defer watch.stop()
		return body.Read(p)
	})
	stored := rd.streams.Get().(*bufio.Reader) //nolint:errcheck // New makes nothing else
	stored.Reset(untilDone(ctx, watched))
	return &fetched{stored: stored, release: func() {
		_ = body.Close() // read to its end or given up: nothing is left to fail
		stored.Reset(nil)
		rd.streams.Put(stored)
	}}, nil
}

// firstPause is the first of the pauses after each of which an object is asked for again
// that the store refused as one too many. Each is twice the one before it.
const firstPause = time.Second

// open opens an object, as often as the Config has patience with its store.
func (rd *objectReader) open(ctx context.Context, obj *object) (io.ReadCloser, error) {
	for pause := firstPause; ; pause *= 2 {
		body, err := rd.openNow(ctx, obj)
		if err == nil || reasonOf(err) != source.ReasonThrottled {
			return body, err
		}
		rd.flow.refused()
		if pause > rd.cfg.Patience {
			return nil, err
		}
		select { // not all at the same time
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// openNow opens the object as it was listed. What was listed may be old, above all of an
// object that is tried again: one that changed since then is looked up once more, and so is
// one that is said to be gone, as somebody else than the store may say so. What is gone is
// not listed any more.
func (rd *objectReader) openNow(ctx context.Context, obj *object) (io.ReadCloser, error) {
	src := obj.location.Source
	body, err := src.Open(ctx, obj.Object)
	if err == nil {
		return body, nil
	}
	if why := reasonOf(err); why != source.ReasonChanged && why != source.ReasonGone {
		return nil, err
	}
	now, err := src.Stat(ctx, obj.Key)
	if err != nil {
		return nil, err
	}
	obj.Object = now
	body, err = src.Open(ctx, now)
	if err != nil && reasonOf(err) == source.ReasonGone {
		err = &source.Error{Op: "open", Key: obj.Key, Reason: source.ReasonRead, Err: fmt.Errorf("it is listed, and: %w", err)}
	}
	return body, err
}

func (rd *objectReader) decode(u *unpacker, obj *object, stored storedBytes, out *Outcome) error {
	err := rd.decodeStored(u, obj, stored, out)
	if err != nil && Permanent(reasonOf(err)) {
		// Bytes that changed on their way are not the object's. Whether they did, the
		// source reports at their end.
		if _, failed := io.Copy(io.Discard, io.LimitReader(stored, rd.cfg.MaxObjectSize)); failed != nil {
			return failed
		}
	}
	return err
}

func (rd *objectReader) decodeStored(u *unpacker, obj *object, stored storedBytes, out *Outcome) error {
	key := obj.key
	dec, skip, err := u.unpack(key, stored)
	if errors.Is(err, errPage) && isPage(obj.Key) {
		skip, err = logkey.SkipUnknown, nil
	}
	if err != nil || skip != "" {
		out.Skip = named(skip, obj.Key)
		return err
	}
	account, region := []byte(key.AccountID), []byte(key.Region)
	window, tally := rd.cfg.Window, out.Tally
	duplicates, otherForm := int64(0), int64(0)
	leave := obj.location.Leaves(key.Stream.Form())
	most := rd.cfg.Now().Add(Ahead).Unix()
	for dec.Next() {
		rec := dec.Record()
		if leave && rec.Log == record.ServerAccess {
			otherForm++
			continue
		}
		if len(rec.AccountID) == 0 {
			rec.AccountID = account
		}
		if len(rec.Region) == 0 {
			rec.Region = region
		}
		out.span(rec.Time, most)
		if window.Has(&out.Claim, rec) {
			duplicates++
			continue
		}
		tally.Add(rec)
		out.add(rec)
	}
	out.Skipped = dec.Skipped()
	if otherForm > 0 && out.Records+duplicates == 0 && out.Skipped == (record.Skipped{}) && dec.Err() == nil {
		out.Skip = logkey.SkipOtherForm
		return nil
	}
	out.Skipped.Duplicate, out.Skipped.OtherForm = duplicates, otherForm
	err = dec.Err()
	if key.Free() && (u.doubt != "" || reasonOf(err) == ReasonNotLog) || key.Stream.Layout == logkey.Export {
		err = out.recognise(err, cmp.Or(u.doubt, logkey.SkipUnknownLog))
	}
	return err
}

// buffers lends memory for objects that are fetched as a whole, by sizeClass. The zero
// value is ready. Its methods may be called from any goroutine.
type buffers struct {
	pools [classes]sync.Pool // of *bytes.Buffer
}

const classes = 22 // more than sizeClass(maxWhole)

func (b *buffers) get(size int64) *bytes.Buffer {
	class := sizeClass(size)
	if kept, ok := b.pools[class].Get().(*bytes.Buffer); ok {
		return kept
	}
	return bytes.NewBuffer(make([]byte, 0, 1<<class))
}

// put takes a buffer back, which may have grown if the object has.
func (b *buffers) put(used *bytes.Buffer) {
	used.Reset()
	if class := sizeClass(int64(used.Cap()) - bytes.MinRead); class < classes && used.Cap() == 1<<class {
		b.pools[class].Put(used)
	}
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
