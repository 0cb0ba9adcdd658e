package dirsource

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// The causes of errors with source.ReasonChanged.
var (
	errChanged   = errors.New("the file was modified while it was read")
	errReplaced  = errors.New("the file was modified since it was listed")
	errUnsettled = errors.New("the file was modified just now, and may be still written")
)

// body reads a file to its end and vouches that it stayed the same meanwhile.
type body struct {
	file   *os.File
	whole  io.Reader // of file
	key    string
	before fs.FileInfo // the file before it was opened
}

func newBody(f *os.File, obj source.Object, before fs.FileInfo) *body {
	return &body{file: f, whole: source.Whole(f, obj), key: obj.Key, before: before}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.whole.Read(p)
	if err == nil {
		return n, nil
	}
	if changed := b.unchanged(); changed != nil {
		err = changed
	}
	var known *source.Error
	if errors.Is(err, io.EOF) || errors.As(err, &known) {
		return n, err
	}
	return n, sourceError("read", b.key, err)
}

// Close implements io.Closer.
func (b *body) Close() error { return b.file.Close() }

// unchanged compares the open file with what it was before.
func (b *body) unchanged() error {
	now, err := b.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, b.before) || now.Size() != b.before.Size() || !now.ModTime().Equal(b.before.ModTime()) {
		return errChanged
	}
	return nil
}
