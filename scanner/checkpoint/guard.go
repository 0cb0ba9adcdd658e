package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// guard shows whether a file of bbolt's is as this process has left it. bbolt takes that
// for granted: it maps the file into memory, and keeps in mind which of its pages are free.
// Whoever copies another checkpoint over the file, such as a backup, changes all of that
// below it, while the path leads to the same file as before.
//
// The two meta pages show it: every commit writes one of them, with its number and where
// its tables are.
type guard struct {
	file     *os.File
	pageSize int64
	mu       sync.Mutex // held while the file is written
	left     atomic.Pointer[imprint]
}

// imprint is what the meta pages of a file hold.
type imprint [2][metaSize]byte

// newGuard returns a guard of the file at path as it is now.
func newGuard(path string, pageSize int) (*guard, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	g := &guard{file: file, pageSize: int64(pageSize)}
	if err := g.leave(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return g, nil
}

func (g *guard) close() error { return g.file.Close() }

// read returns what the meta pages hold. It does not look at them in memory: where the file
// is shorter by now, that would end the process.
func (g *guard) read() (now imprint, err error) {
	for i := range now {
		if _, err := g.file.ReadAt(now[i][:], int64(i)*g.pageSize+pageHeader); err != nil {
			return now, err
		}
	}
	return now, nil
}

// leave takes note that the file is now as this process has left it.
func (g *guard) leave() error {
	now, err := g.read()
	if err == nil {
		g.left.Store(&now)
	}
	return err
}

// same returns an error, which is ErrReplaced where that is known, unless the file is as
// this process has left it.
func (g *guard) same() error {
	left := g.left.Load()
	now, err := g.read()
	switch {
	case err == nil && now == *left:
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return ErrReplaced
	}
	return fmt.Errorf("read: %w", openError(err))
}

// check returns an error unless the file may be read.
func (g *guard) check() error {
	if g.same() == nil {
		return nil
	}
	g.mu.Lock() // this process may just be writing it
	defer g.mu.Unlock()
	return g.same()
}

// begin returns an error unless the file may be written. If it may, end is to be called
// once it was, or was not.
func (g *guard) begin() error {
	g.mu.Lock()
	err := g.same()
	if err != nil {
		g.mu.Unlock()
	}
	return err
}

// end takes note of how the file was left.
func (g *guard) end() error {
	defer g.mu.Unlock()
	return g.leave()
}
