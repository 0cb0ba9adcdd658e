package dirsource

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

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
	keep       bool // it is none, and the prefix is to be kept
}

// entry is a file or a directory. The key of a directory ends in a slash, so
// entries that are sorted by key are in the order of all keys below them: in
// byte order "a-b" and "a.b" come before "a/b", and "a0" after it.
type entry struct {
	key    string
	dir    *directory // nil of a file, and of what is passed over
	passed bool       // over, for its name
}

// directory is what a walk knows of a directory.
type directory struct {
	real   string // its path without symbolic links
	link   bool   // a symbolic link leads to it
	linked string // where the last link to it, or to what it lies in, leads; empty if there is none
}

// list yields the objects of the walk, and its error. It begins in the deepest
// directory that the prefix names.
func (w *walk) list(ctx context.Context, yield func(source.Object, error) bool) {
	if err := w.source.leads(); err != nil {
		yield(source.Object{}, absent("list", w.prefix, err))
		return
	}
	base, ok, err := w.base()
	if ok {
		err = w.directory(ctx, base, func(o source.Object) bool { return yield(o, nil) })
	}
	if err != nil && !errors.Is(err, errStopped) {
		yield(source.Object{}, err)
	}
}

// base returns the deepest directory that the prefix names, and whether there is one
// that is listed under that name.
func (w *walk) base() (entry, bool, error) {
	at := entry{dir: &directory{real: w.source.links.root}}
	for at.key != w.prefix[:strings.LastIndexByte(w.prefix, '/')+1] {
		name, _, _ := strings.Cut(w.prefix[len(at.key):], "/")
		if !possibleFolder(name) {
			return at, false, nil
		}
		info, err := os.Lstat(w.source.path(at.key + name))
		if err != nil {
			return at, false, w.failure(err)
		}
		below, ok, err := w.entry(at, name, info.Mode().Type())
		if err != nil || !ok || below.dir == nil || !w.visits(below) {
			return at, false, err
		}
		at = below
	}
	return at, true, nil
}

// directory yields what lies in a directory.
func (w *walk) directory(ctx context.Context, dir entry, yield func(source.Object) bool) error {
	entries, err := w.entries(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case e.passed:
			if !yield(source.Object{Key: e.key, Unfinished: true}) {
				err = errStopped
			}
		case e.dir == nil:
			err = w.file(ctx, e.key, yield)
		case w.visits(e):
			err = w.directory(ctx, e, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visits reports whether a directory is listed under this key.
func (w *walk) visits(e entry) bool {
	switch {
	case e.dir.link && w.keep:
		return w.source.links.claim(e.key, e.dir.real)
	case e.dir.link:
		return w.source.links.follow(e.key, e.dir.real)
	case e.dir.linked != "":
		return !w.source.links.taken(e.dir.real)
	}
	return true
}

// file yields the file of that key unless it is not to be listed now.
func (w *walk) file(ctx context.Context, key string, yield func(source.Object) bool) error {
	info, err := w.stat(key)
	if err != nil {
		return w.failure(err)
	}
	// What was a file a moment ago may be a directory now.
	if info.IsDir() {
		return nil
	}
	if !w.source.settled(info) {
		source.LeftOut(ctx, key)
		return nil
	}
	if !yield(w.source.object(key, info)) {
		return errStopped
	}
	return nil
}

// entries returns what may be visited in a directory, in order. It is not to be changed.
func (w *walk) entries(ctx context.Context, dir entry) ([]entry, error) {
	r := w.source.folder.begin(dir.key)
	defer r.end()
	if r.done {
		return w.wanted(r.entries), nil
	}
	f, err := os.Open(w.source.path(dir.key))
	if err != nil {
		return nil, w.failure(err)
	}
	defer func() { _ = f.Close() }()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch, err := f.ReadDir(readBatch)
		for _, d := range batch {
			e, ok, err := w.entry(dir, d.Name(), d.Type())
			if err != nil {
				return nil, err
			}
			if d.Type()&fs.ModeSymlink != 0 {
				r.refuse(w.wants)
			}
			if ok && (r.all || w.wants(e)) {
				r.entries = append(r.entries, e)
			}
		}
		if r.grown(w.wants); r.done { // somebody else has read it meanwhile
			return w.wanted(r.entries), nil
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, w.failure(err)
		}
	}
	if r.all && len(r.entries) < largeFolder {
		r.all, r.entries = false, slices.DeleteFunc(r.entries, func(e entry) bool { return !w.wants(e) })
	}
	slices.SortFunc(r.entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	if r.all {
		r.folder.keep(dir.key, r.entries)
		return w.wanted(r.entries), nil
	}
	return r.entries, nil
}

// entry returns what a name in a directory stands for, and whether it may be listed.
func (w *walk) entry(parent entry, name string, kind fs.FileMode) (entry, bool, error) {
	e := entry{key: parent.key + name}
	switch {
	case hidden(name) && kind.IsDir():
		return entry{key: e.key + "/", passed: true}, true, nil
	case hidden(name):
		e.passed = true
		return e, true, nil
	case kind&fs.ModeSymlink != 0:
		return w.target(e)
	case kind.IsDir():
		return entry{key: e.key + "/", dir: &directory{real: filepath.Join(parent.dir.real, name), linked: parent.dir.linked}}, true, nil
	}
	e.passed = unfinished(name)
	return e, true, nil
}

// target returns what the symbolic link e leads to, and whether it may be listed. What cannot
// be reached, or is not there any more, may be a directory full of logs.
func (w *walk) target(e entry) (entry, bool, error) {
	if !w.wants(e) && !w.wants(entry{key: e.key + "/", dir: &directory{}}) {
		return e, false, nil
	}
	e.passed = unfinished(path.Base(e.key)) // if it is a file
	canonical, err := filepath.EvalSymlinks(w.source.path(e.key))
	info, statErr := os.Stat(w.source.path(e.key)) // whose errors are the system's
	err = cmp.Or(statErr, err)
	nowhere := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
	switch {
	case err == nil && info.IsDir():
		return entry{key: e.key + "/", dir: &directory{real: canonical, link: true, linked: canonical}}, true, nil
	case err == nil:
		return e, e.passed || !w.source.links.listed(canonical, possible), nil
	case nowhere && !w.source.links.isExpected(e.key+"/"):
		return e, true, nil // listed, so that opening it reports what is wrong
	}
	return e, false, absent("list", e.key, err)
}

// wants reports whether e is, or may hold, an object that was asked for.
func (w *walk) wants(e entry) bool {
	if strings.HasPrefix(e.key, w.prefix) || e.dir != nil && strings.HasPrefix(w.prefix, e.key) {
		return e.key > w.startAfter || e.dir != nil && strings.HasPrefix(w.startAfter, e.key)
	}
	return false
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
	err = w.source.failure("list", w.prefix, err)
	var failed *source.Error
	if errors.As(err, &failed) && failed.Reason == source.ReasonGone {
		return nil
	}
	return err
}
