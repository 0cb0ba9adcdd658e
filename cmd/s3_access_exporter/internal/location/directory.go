package location

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// directory is a dirsource.Source that is opened once the directory is there.
type directory struct {
	path   string
	settle time.Duration
	store  string // what was read is remembered under it, so it never changes

	mu     sync.Mutex
	opened *dirsource.Source // nil: not yet; guarded by mu
}

func newDirectory(path string, settle time.Duration) *directory {
	d := &directory{path: path, settle: settle, store: fileURL(realPath(path))}
	if src, err := d.open(); err == nil {
		d.store, d.opened = src.Store(), src
	}
	return d
}

// Store returns what source.Location wants.
func (d *directory) Store() string { return d.store }

// Check returns an error if the directory is not there.
func (d *directory) Check(context.Context, string) error {
	_, err := d.source()
	return err
}

func (d *directory) open() (*dirsource.Source, error) {
	return dirsource.New(d.path, dirsource.Settle(d.settle))
}

// source returns the Source once the directory is there.
func (d *directory) source() (*dirsource.Source, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil {
		return d.opened, nil
	}
	src, err := d.open()
	if err != nil {
		return nil, err
	}
	if src.Store() != d.store {
		return nil, fmt.Errorf("directory %s: it leads to %s, which it did not when this began: start anew", d.path, src.Store())
	}
	d.opened = src
	return src, nil
}

// List implements source.Source.
func (d *directory) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	src, err := d.source()
	if err != nil {
		return func(yield func(source.Object, error) bool) { yield(source.Object{}, failure("list", prefix, err)) }
	}
	return src.List(ctx, prefix, startAfter)
}

// Keep implements source.Keeper.
func (d *directory) Keep(prefix string) {
	if src, err := d.source(); err == nil {
		src.Keep(prefix)
	}
}

// Kept implements source.Keeper.
func (d *directory) Kept() []string {
	src, err := d.source()
	if err != nil {
		return nil
	}
	return src.Kept()
}

// Open implements source.Source.
func (d *directory) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	src, err := d.source()
	if err != nil {
		return nil, failure("open", obj.Key, err)
	}
	return src.Open(ctx, obj)
}

// Stat implements source.Source.
func (d *directory) Stat(ctx context.Context, key string) (source.Object, error) {
	src, err := d.source()
	if err != nil {
		return source.Object{}, failure("open", key, err)
	}
	return src.Stat(ctx, key)
}

func failure(op, key string, err error) error {
	reason := source.ReasonNoSuchBucket
	if errors.Is(err, fs.ErrPermission) {
		reason = source.ReasonAccessDenied
	}
	return &source.Error{Op: op, Key: key, Reason: reason, Err: err}
}
