// Package dirsource reads a directory as if it were a bucket: a copy of a log
// bucket, made by "aws s3 sync" and its like, or one that is being filled.
//
// The key of a file is its path below the directory, with slashes. Names are
// taken as the bytes they are, UTF-8 or not. A listing comes in the order in
// which S3 would list the same keys, and reads a directory only when it gets
// there and only if it can hold keys that were asked for: what is older than
// startAfter costs nothing.
//
// Symbolic links are followed, but a directory is listed under one key alone,
// however many of them lead to it, and so circles end:
//
//   - A link to what lies in the location is passed over, for that is listed as
//     what it is.
//   - Of several links to one directory elsewhere, or to one that lies in another's,
//     the first that a listing or Keep comes across is followed, as long as it leads there.
//     The others are passed over.
//   - A link that leads nowhere is listed and cannot be opened. If it has led to a directory
//     before, or what it leads to cannot be reached, the listing fails: its volume may be away.
//
// A directory is the same if its path without symbolic links is. What is mounted
// twice are two. A location whose own links lead to another directory than at the start
// is not listed: what lies there is another store's.
//
// A file is an object under each of its names: one with several hard links, or to
// which several links lead from elsewhere, counts as often, as its copies in a bucket
// would. So a location is one copy of a bucket, and never a folder of snapshots that
// "cp -al" or "rsync --link-dest" has made: name the newest of them.
//
// Sockets, pipes and devices are listed as what they are, and never opened. So are the files and
// directories with names that copying tools and editors give to what is not finished; what lies in
// such a directory is not listed: see hidden and unfinished.
package dirsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// DefaultSettle is the settle time for a directory that is read while others
// write into it.
const DefaultSettle = 2 * time.Second

// Source is a directory as a source.Source.
type Source struct {
	name   string // the absolute path by which the directory was named
	links  links
	settle time.Duration
	folder folder
}

// Option changes how a Source behaves.
type Option func(*Source)

// skew is how far apart the clocks of a file server and of this process may be. Of a file that
// was modified longer ago, or is to be by more than that, no clock shows that it is being written.
const skew = time.Hour

// Settle makes listings leave out files that were modified less than d ago, or will be in less
// than d (source.LeftOut), as they may be still written; a later listing has them. As the clock
// that has set a file's time may be a server's, Open waits until a file has had the same size and
// time for d after it was listed, if that time is an hour away at most. Listings that begin within
// half of d may share what was read of a large folder. Without this option all files are listed,
// and opened at once: who reads a directory once must not miss what has just been copied there.
func Settle(d time.Duration) Option {
	return func(s *Source) { s.settle, s.folder.long = d, d/2 }
}

// New returns a Source for the directory dir. It fails if there is no such
// directory or it cannot be opened.
func New(dir string, options ...Option) (*Source, error) {
	if err := check(dir); err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, fmt.Errorf("directory %s: %w", dir, err)
	}
	name, canonical, err := realPath(dir)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", dir, err)
	}
	s := &Source{name: name, links: links{root: canonical}}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// Store names the directory for source.Location, whatever symbolic links or relative
// path lead to it: "file:///DIRECTORY".
func (s *Source) Store() string {
	return "file://" + path.Join("/", filepath.ToSlash(s.links.root))
}

// realPath returns the absolute path of a directory, and that without symbolic links.
func realPath(dir string) (absolute, canonical string, err error) {
	if absolute, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	canonical, err = filepath.EvalSymlinks(absolute)
	return absolute, canonical, err
}

var errElsewhere = errors.New("and leads to another directory now: restart to read that one, as a store of its own")

// leads returns an error if the directory's name leads elsewhere by now, or nowhere.
func (s *Source) leads() error {
	if s.name == s.links.root {
		return nil
	}
	now, err := os.Stat(s.name)
	if err != nil {
		return err
	}
	then, err := os.Stat(s.links.root)
	if err == nil && !os.SameFile(now, then) {
		return fmt.Errorf("%s led to %s at the start, %w", s.name, s.links.root, errElsewhere)
	}
	return err
}

// check opens dir as a listing would.
func check(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return f.Close()
}

// List implements source.Source. Directories and files that vanish while the
// listing is under way are left out. A directory that cannot be read ends the
// listing with an error, as S3 knows no bucket that can be listed in part.
func (s *Source) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		w := walk{source: s, prefix: prefix, startAfter: startAfter}
		w.list(ctx, yield)
	}
}

// Keep implements source.Keeper: links on the way to prefix are followed, and others to the
// same directories are not.
func (s *Source) Keep(prefix string) {
	s.links.expect(prefix)
	w := walk{source: s, prefix: prefix, keep: true}
	if at, ok, err := w.base(); ok && err == nil && at.dir.linked != "" { // it has decided about each link
		s.links.keep(at.dir.real, at.dir.linked)
	}
}

// Kept implements source.Keeper: it returns the links that are followed to directories
// elsewhere.
func (s *Source) Kept() []string { return s.links.followed() }

// Open implements source.Source. Size and modification time are a file's version:
// one that is modified after it was listed, and before its last byte was read, ends
// in an error with source.ReasonChanged instead of io.EOF.
func (s *Source) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	if err := s.wait(ctx, obj.Seen); err != nil {
		return nil, err
	}
	info, err := s.file(ctx, obj.Key) // before it is opened, for opening a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	if info.Size() != obj.Size || !obj.LastModified.IsZero() && !info.ModTime().Equal(obj.LastModified) {
		return nil, sourceError("open", obj.Key, errReplaced)
	}
	f, err := os.Open(s.path(obj.Key))
	if err != nil {
		return nil, s.failure("open", obj.Key, err)
	}
	b := newBody(f, obj, info)
	if err := b.unchanged(); err != nil {
		_ = f.Close()
		return nil, sourceError("open", obj.Key, err)
	}
	return b, nil
}

// Stat implements source.Source. A file that is not settled fails with
// source.ReasonChanged.
func (s *Source) Stat(ctx context.Context, key string) (source.Object, error) {
	info, err := s.file(ctx, key)
	if err != nil {
		return source.Object{}, err
	}
	if !s.settled(info) {
		return source.Object{}, sourceError("open", key, errUnsettled)
	}
	return s.object(key, info), nil
}

// file returns what is known of the file of a key.
func (s *Source) file(ctx context.Context, key string) (fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !possible(key) {
		return nil, sourceError("open", key, fs.ErrNotExist)
	}
	info, err := os.Stat(s.path(key))
	if err != nil {
		return nil, s.failure("open", key, err)
	}
	if !info.Mode().IsRegular() {
		return nil, sourceError("open", key, fs.ErrNotExist)
	}
	return info, nil
}

// settled reports whether the file is likely to be complete.
func (s *Source) settled(info fs.FileInfo) bool {
	return time.Since(info.ModTime()).Abs() >= s.settle
}

// wait waits until a file that was seen at that time may be opened.
func (s *Source) wait(ctx context.Context, seen time.Time) error {
	if seen.IsZero() {
		return nil
	}
	enough := time.NewTimer(time.Until(seen.Add(s.settle)))
	defer enough.Stop()
	select {
	case <-enough.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// object is a file as it is listed.
func (s *Source) object(key string, info fs.FileInfo) source.Object {
	const special = fs.ModeNamedPipe | fs.ModeSocket | fs.ModeDevice | fs.ModeIrregular
	o := source.Object{Key: key, Size: info.Size(), LastModified: info.ModTime(), Special: info.Mode()&special != 0}
	if now := time.Now(); s.settle > 0 && now.Sub(o.LastModified).Abs() <= skew {
		o.Seen = now
	}
	return o
}

// path returns the file of a key; of the empty key, the directory itself.
func (s *Source) path(key string) string {
	return s.links.path(key)
}

// failure is sourceError, but that nothing is gone from a directory that is not there.
func (s *Source) failure(op, key string, err error) error {
	if reason(err) == source.ReasonGone {
		if missing := check(s.links.root); missing != nil {
			return absent(op, key, missing)
		}
	}
	return sourceError(op, key, err)
}

// absent is sourceError for what is wrong with the directory itself.
func absent(op, key string, err error) error {
	why := reason(err)
	if why == source.ReasonGone || errors.Is(err, errElsewhere) {
		why = source.ReasonNoSuchBucket
	}
	return &source.Error{Op: op, Key: key, Reason: why, Err: err}
}

// sourceError gives an error of the file system its reason.
func sourceError(op, key string, err error) error {
	return &source.Error{Op: op, Key: key, Reason: reason(err), Err: err}
}

func reason(err error) source.Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return source.ReasonAccessDenied
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return source.ReasonGone
	case errors.Is(err, errChanged), errors.Is(err, errReplaced), errors.Is(err, errUnsettled):
		return source.ReasonChanged
	}
	return source.ReasonRead
}
