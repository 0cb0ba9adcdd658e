package reader

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"unicode"

	"github.com/s3access/s3_access_exporter/scanner/internal/inflate"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// unpackers are what readers share to unpack objects. Objects that have been fetched as
// a whole wait for nothing but a core, so of them no more are unpacked at once than
// there are cores: more would keep more memory busy than the cores' caches hold.
type unpackers struct {
	cores chan struct{}
	pool  sync.Pool // of *unpacker
}

func newUnpackers(cfg *Config) *unpackers {
	return &unpackers{
		cores: make(chan struct{}, runtime.GOMAXPROCS(0)),
		pool:  sync.Pool{New: func() any { return newUnpacker(cfg) }},
	}
}

// get returns an unpacker for an object, which is given back by put, and whether a core
// had nothing else to do.
func (u *unpackers) get(whole bool) (_ *unpacker, idle bool) {
	if whole {
		select {
		case u.cores <- struct{}{}:
			idle = true
		default:
			u.cores <- struct{}{}
		}
	}
	return u.pool.Get().(*unpacker), idle //nolint:errcheck // New makes nothing else
}

func (u *unpackers) put(used *unpacker, whole bool) {
	u.pool.Put(used)
	if whole {
		<-u.cores
	}
}

// unpacker decompresses and decodes objects, one after the other.
type unpacker struct {
	limit    int64 // of an object's decompressed bytes
	gunzip   inflate.Reader
	cfg      *Config
	formats  []format
	decoders []record.Decoder // of formats; nil before they are needed

	// For free keys:
	inner inflate.Reader // of what is compressed twice
	head  *bufio.Reader
	doubt logkey.SkipReason // why the object is skipped if nothing behind its beginning is of a log; empty: it is a log
}

func newUnpacker(cfg *Config) *unpacker {
	known := formats()
	return &unpacker{limit: cfg.MaxObjectSize, cfg: cfg, formats: known, decoders: make([]record.Decoder, len(known))}
}

// decoder returns the decoder of a format.
func (u *unpacker) decoder(which int) record.Decoder {
	if u.decoders[which] == nil {
		f := &u.formats[which]
		u.decoders[which] = f.newDecoder()
		setPrefilter(u.decoders[which], f.name, u.cfg.Prefilter)
	}
	return u.decoders[which]
}

// setPrefilter sets the prefilter of a decoder: where records of several formats lie in one
// object, that of each.
func setPrefilter(d record.Decoder, name record.Format, candidate func(format record.Format, raw []byte) bool) {
	several, ok := d.(interface {
		PrefilterByFormat(candidate func(format record.Format, raw []byte) bool)
	})
	switch {
	case candidate == nil:
	case ok:
		several.PrefilterByFormat(candidate)
	default:
		d.Prefilter(func(raw []byte) bool { return candidate(name, raw) })
	}
}

// formatOf returns the format of objects whose keys show it.
func (u *unpacker) formatOf(layout logkey.Layout) int {
	return slices.IndexFunc(u.formats, func(f format) bool { return slices.Contains(f.layouts, layout) })
}

// unpack returns the decoder of an object's records, which is valid until the next call,
// or why the object is skipped.
func (u *unpacker) unpack(key logkey.Key, stored storedBytes) (record.Decoder, logkey.SkipReason, error) {
	var content io.Reader
	var skip logkey.SkipReason
	var err error
	if u.doubt = ""; key.Free() {
		content, skip, err = u.recognised(stored)
	} else if content, err = u.content(stored); err == nil {
		content = u.limited(content)
	}
	if err != nil || skip != "" {
		return nil, skip, err
	}
	dec := u.decoder(u.formatOf(key.Stream.Layout))
	dec.Reset(content)
	return dec, "", nil
}

// recognised returns the decompressed bytes of an object that shows itself what it is, or why
// it is skipped. Behind JSON of other logs, and behind text, there may be more than its
// beginning shows.
func (u *unpacker) recognised(stored storedBytes) (io.Reader, logkey.SkipReason, error) {
	content, err := u.freeContent(stored)
	if err != nil {
		return nil, "", err
	}
	isLog, skip, err := recognise(content)
	switch {
	case err != nil || isLog:
	case skip == "": // it is empty
		skip = logkey.SkipUnknown
	case skip == logkey.SkipUnknownLog, skip == logkey.SkipUnknown && goesOnAsText(content):
		u.doubt, skip = skip, ""
	}
	return content, skip, err
}

// goesOnAsText reports whether content is longer than what shows what it is, and that is text.
func goesOnAsText(content *bufio.Reader) bool {
	const escape = '\x1b'             // of the colours in applications' logs
	head, _ := content.Peek(headSize) // an error comes again
	return len(head) == headSize && !bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !unicode.IsSpace(r) && r != escape })
}

// freeContent returns the decompressed bytes of an object that may be compressed twice:
// what CloudWatch Logs sends is compressed, and Firehose compresses it once more if it is
// told to.
func (u *unpacker) freeContent(stored storedBytes) (*bufio.Reader, error) {
	content, err := u.content(stored)
	if err != nil {
		return nil, err
	}
	if u.head == nil {
		u.head = bufio.NewReaderSize(nil, headSize)
	}
	u.head.Reset(u.limited(content))
	if first, err := u.head.Peek(1); err != nil || first[0] != '\x1f' {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return u.head, nil
	}
	if err := u.inner.Reset(u.head); err != nil {
		return nil, gunzipFailed(err)
	}
	return bufio.NewReaderSize(u.limited(&gunzipReader{gzip: &u.inner}), headSize), nil
}

// limited returns r, which fails behind as many bytes as an object may have.
func (u *unpacker) limited(r io.Reader) io.Reader {
	return &limitedReader{r: r, limit: u.limit, left: u.limit}
}

// content returns the decompressed bytes of an object. Its first byte shows whether it
// is compressed, as no text begins with that: S3 may decompress on its way, and a copy
// of a bucket may have been decompressed.
func (u *unpacker) content(stored storedBytes) (io.Reader, error) {
	first, err := stored.ReadByte()
	if errors.Is(err, io.EOF) {
		return stored, nil
	}
	if err == nil {
		err = stored.UnreadByte()
	}
	if err != nil || first != '\x1f' {
		return stored, err
	}
	if err := u.gunzip.Reset(stored); err != nil {
		return nil, gunzipFailed(err)
	}
	return &gunzipReader{gzip: &u.gunzip}, nil
}

// gunzipReader marks errors of the compression, as opposed to those of the source.
type gunzipReader struct {
	gzip *inflate.Reader
}

func (z *gunzipReader) Read(p []byte) (int, error) {
	n, err := z.gzip.Read(p)
	return n, gunzipFailed(err)
}

func gunzipFailed(err error) error {
	if err == nil || err == io.EOF || errors.As(err, new(*source.Error)) { //nolint:errorlint // io.EOF is never wrapped by a Reader
		return err
	}
	return &gzipError{err}
}

// limitedReader fails where io.LimitedReader would end.
type limitedReader struct {
	r           io.Reader
	limit, left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, &TooLargeError{Limit: l.limit}
	}
	return n, err
}
