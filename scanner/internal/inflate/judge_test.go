package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	kgzip "github.com/klauspost/compress/gzip"
)

// gunzipper is what all decompressors are here.
type gunzipper interface {
	io.Reader
	Reset(src io.Reader) error
}

// gunzip returns what a decompressor makes of src, read in pieces of size bytes.
func gunzip(z gunzipper, src io.Reader, size int) verdict {
	if err := z.Reset(src); err != nil {
		return verdict{err: err}
	}
	var plain bytes.Buffer
	p := make([]byte, size)
	for {
		n, err := z.Read(p)
		plain.Write(p[:n])
		if err != nil {
			return verdict{plain.String(), err}
		}
	}
}

// jury is the Reader and the libraries that it is compared with. It keeps their buffers.
type jury struct {
	reader    Reader
	standard  gzip.Reader
	klauspost kgzip.Reader
}

// judge fails the test unless the Reader makes of data what the reference makes of it, to the byte where an error is,
// however data comes and is read, and unless the two libraries make the same of it. It returns that.
func (j *jury) judge(tb testing.TB, data []byte) verdict {
	tb.Helper()
	z := &j.reader
	want, about := gunzipSlowly(data)
	for name, src := range map[string]io.Reader{
		"whole":          bytes.NewBuffer(data),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(data)),
		"in pieces":      &pieces{data: data},
		"with its end":   iotest.DataErrReader(bytes.NewReader(data)),
		"with a failure": io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errBroken)),
	} {
		want := want
		if name == "with a failure" && (same(want.err, io.EOF) || same(want.err, io.ErrUnexpectedEOF)) {
			want.err = errBroken
		}
		if got := gunzip(z, src, 1+len(data)%64*64); got != want {
			tb.Fatalf("%s: of %d bytes (%.40x…) comes %s, want %s", name, len(data), data, got, want)
		}
		if !same(z.err, io.ErrUnexpectedEOF) && !same(z.err, errBroken) && z.in.offset() != int64(about.offset()) {
			tb.Fatalf("%s: took %d of %d bytes, want %d", name, z.in.offset(), len(data), about.offset())
		}
	}
	// What a library is known to treat in a way of its own, the other one decides.
	if !about.reserved {
		judgeLibrary(tb, "compress/gzip", &j.standard, data, want)
	}
	if !about.textCut && !about.emptyCode {
		judgeLibrary(tb, "klauspost/compress/gzip", &j.klauspost, data, want)
	}
	return want
}

// judgeLibrary fails the test unless a library makes of data what is wanted.
func judgeLibrary(tb testing.TB, name string, library gunzipper, data []byte, want verdict) {
	tb.Helper()
	got := gunzip(library, bytes.NewBuffer(data), 64<<10)
	// Before the libraries decode the last bits they want to see some that come behind these.
	if same(got.err, io.ErrUnexpectedEOF) && !same(want.err, io.EOF) {
		if !strings.HasPrefix(want.plain, got.plain) {
			tb.Fatalf("%s: of %d bytes (%.40x…) comes %s, which %s does not begin with", name, len(data), data, got, want)
		}
		if same(want.err, io.ErrUnexpectedEOF) {
			return
		}
		got = gunzip(library, bytes.NewBuffer(append(bytes.Clone(data), make([]byte, 64)...)), 64<<10)
	}
	if got.plain != want.plain || !same(kind(got.err), kind(want.err)) {
		tb.Fatalf("%s: of %d bytes (%.40x…) comes %s, want %s", name, len(data), data, got, want)
	}
}

// same reports whether an error is the wanted one itself, not one that wraps it.
func same(err, want error) bool {
	return err == want //nolint:errorlint // that is the point
}

var errBroken = errors.New("broken pipe")

// pieces is a source that returns pieces of many lengths, and at times nothing.
type pieces struct {
	data []byte
	n    int
}

func (s *pieces) Read(p []byte) (n int, err error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	s.n = (s.n*5 + 3) % 61
	n = copy(p, s.data[:min(s.n, len(s.data))])
	s.data = s.data[n:]
	return n, nil
}

// kind returns what errors of a kind have in common. Where an input is corrupt the libraries see a few bytes apart.
func kind(err error) error {
	if errors.As(err, new(flate.CorruptInputError)) {
		return flate.CorruptInputError(0)
	}
	return err
}

func (v verdict) String() string {
	return fmt.Sprintf("%d bytes (%.20q…) and %v", len(v.plain), v.plain[max(0, len(v.plain)-20):], v.err)
}
