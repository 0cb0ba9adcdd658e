package dirsource

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// errChanged is the cause of an error with source.ReasonChanged.
var errChanged = errors.New("the file was modified while it was read")

// body reads a file to its end and vouches that it stayed the same meanwhile.
type body struct {
	file   *os.File
	key    string
	before fs.FileInfo // the file before it was opened
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.file.Read(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		if err = b.unchanged(); err == nil {
			return n, io.EOF
		}
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
