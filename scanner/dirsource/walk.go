package dirsource

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// readBatch is how many names are read from a directory at once. Those that
// were not asked for are dropped batch by batch.
const readBatch = 1024

// errStopped ends a walk whose consumer has had enough.
var errStopped = errors.New("stopped")

// walk is one listing.
type walk struct {
	source     *Source
	prefix     string
	startAfter string
}

// entry is a file or a directory. The key of a directory ends in a slash, so
// entries that are sorted by key are in the order of all keys below them: in
// byte order "a-b" and "a.b" come before "a/b", and "a0" after it.
type entry struct {
	key string
	dir bool
}

// list yields the objects of the walk, and its error. It begins in the deepest
// directory that the prefix names.
func (w *walk) list(ctx context.Context, yield func(source.Object, error) bool) {
	base := w.prefix[:strings.LastIndexByte(w.prefix, '/')+1]
	if base != "" && !possible(strings.TrimSuffix(base, "/")) {
		return
	}
	err := w.directory(ctx, base, func(o source.Object) bool { return yield(o, nil) })
	if err != nil && !errors.Is(err, errStopped) {
		yield(source.Object{}, err)
	}
}

// directory yields what lies in the directory of that key.
func (w *walk) directory(ctx context.Context, key string, yield func(source.Object) bool) error {
	entries, err := w.entries(ctx, key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.dir {
			err = w.directory(ctx, e.key, yield)
		} else {
			err = w.file(e.key, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file yields the file of that key unless it is not to be listed now.
func (w *walk) file(key string, yield func(source.Object) bool) error {
	info, err := w.stat(key)
	if err != nil {
		return w.failure(err)
	}
	// What was a file a moment ago may be a directory now.
	if info.IsDir() || !w.source.settled(info) {
		return nil
	}
	if !yield(object(key, info)) {
		return errStopped
	}
	return nil
}

// entries returns what is to be visited in the directory of that key, in order.
func (w *walk) entries(ctx context.Context, key string) ([]entry, error) {
	f, err := os.Open(w.source.path(key))
	if err != nil {
		return nil, w.failure(err)
	}
	defer func() { _ = f.Close() }()
	var entries []entry
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch, err := f.ReadDir(readBatch)
		for _, d := range batch {
			if e, ok := w.entry(key, d); ok && w.wants(e) {
				entries = append(entries, e)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, w.failure(err)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return entries, nil
}

// entry returns what a name in the directory of the key parent stands for, and
// whether it is listed at all.
func (w *walk) entry(parent string, d fs.DirEntry) (entry, bool) {
	e := entry{key: parent + d.Name()}
	if hidden(d.Name()) {
		return e, false
	}
	kind := d.Type()
	if kind&fs.ModeSymlink != 0 {
		target, err := os.Stat(w.source.path(e.key))
		if err != nil {
			return e, true // listed, so that opening it tells what is wrong
		}
		if target.IsDir() && w.within(parent, target) {
			return e, false
		}
		kind = target.Mode().Type()
	}
	if kind.IsDir() {
		return entry{key: e.key + "/", dir: true}, true
	}
	return e, kind.IsRegular()
}

// wants reports whether e is, or may hold, an object that was asked for.
func (w *walk) wants(e entry) bool {
	if strings.HasPrefix(e.key, w.prefix) || e.dir && strings.HasPrefix(w.prefix, e.key) {
		return e.key > w.startAfter || e.dir && strings.HasPrefix(w.startAfter, e.key)
	}
	return false
}

// within reports whether the directory of that key is target or lies below it.
func (w *walk) within(key string, target fs.FileInfo) bool {
	for dir := path.Clean(key); ; dir = path.Dir(dir) {
		info, err := os.Stat(w.source.path(dir))
		if err == nil && os.SameFile(info, target) {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// stat returns what a symbolic link leads to; of one that leads nowhere, what
// it is itself.
func (w *walk) stat(key string) (fs.FileInfo, error) {
	info, err := os.Stat(w.source.path(key))
	if err != nil {
		return os.Lstat(w.source.path(key))
	}
	return info, nil
}

// failure returns the listing's error for an error of the file system. There is
// none for a file or directory that has vanished.
func (w *walk) failure(err error) error {
	why := reason(err)
	if why == source.ReasonGone {
		if err = check(w.source.dir); err == nil {
			return nil
		}
		if why = reason(err); why == source.ReasonGone {
			why = source.ReasonNoSuchBucket
		}
	}
	return &source.Error{Op: "list", Key: w.prefix, Reason: why, Err: err}
}
