// Package checkpoint keeps the exporter's durable state, in one file or in a store of
// objects: of every stream of log objects how far it was read, which of its objects were counted and which
// could not be read; and the stored counters, which the package knows as keys and
// values only.
//
// All of it changes in transactions: marking an object as counted and adding its
// increments to the counters is one commit, so that after a crash at any moment the
// counters hold exactly the objects that are marked.
//
// # Layout
//
// The file is one of bbolt's. It holds these tables, which are buckets of its top
// level; what they hold is said where each is read and written.
//
//	meta      format, version, and of every other table how many entries it has and
//	          the sum of their checksums
//	series    the collector's key → value                       (series.go)
//	events    number of a commit → IDs of the events in it      (series.go)
//	prefixes  store, prefix → Prefix                            (stream.go)
//	streams   store, stream → Stream                            (stream.go)
//	failures  stream, object's key → Failure                    (failure.go)
//	marks     day, stream, part → marks of some objects         (marks.go)
//	packed    day, first stream, part → marks of many streams   (pack.go)
//
// Every entry carries a checksum over its table, key and value (table.go). Open and
// Verify look at all of them, and at the pages around them, before bbolt does.
//
// # A stream stands alone
//
// What is kept of a stream is found by its StreamID, which says in which bucket of
// which store it lies, and nothing of how a location is spelled. So a stream's state can
// move to another checkpoint as it is (Tx.CopyStream).
//
// # The journal
//
// A Journal is the same state in a store of objects, such as a bucket in S3. Each commit
// is a segment, an object with the next number, which holds the entries that it puts and
// deletes (segment.go, changes.go). It is written only if there is none of that number,
// and the commit is durable once that has succeeded: nothing of it is shown before. The
// entries lie in a local file as well, which may be lost at any time: it is made anew of
// the newest snapshot and the segments behind it (snapshot.go, load.go).
//
// The number is the fence, and no clock. Who finds it taken reads what lies there: its own
// segment, of which the answer was lost, or that of another process, and then it commits
// nothing any more. A snapshot stands in for the segments before it, which are deleted, but
// for the first one of each writer: whoever was fenced by that, and was asleep since, would
// else find the number free. A process that follows takes over when the journal has not moved for
// the time of a takeover, and at once behind a segment that closes it.
package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	format  = "s3_access_exporter checkpoint"
	version = 2

	// lockTimeout is how long Open waits for another process to let go of the
	// file: long enough for a restart to overlap, short enough to be told.
	lockTimeout = 2 * time.Second

	// growth is by how many bytes the file grows at least once it is larger.
	growth = 4 << 20
)

// Errors of Open, Verify and Update. They come wrapped in a message of one line that
// names the file.
var (
	ErrLocked  = errors.New("in use by another process")
	ErrForeign = errors.New("not a checkpoint of s3_access_exporter")
	ErrOlder   = errors.New("written by an older version of s3_access_exporter")
	ErrNewer   = errors.New("written by a newer version of s3_access_exporter")
	ErrDamaged = errors.New("damaged")
	ErrMissing = errors.New("there is none, and it must exist")
	// ErrReplaced means that the path leads to another file than the open one, or to
	// none, so that nobody would find again what would be written now; or that the file, or
	// the journal, holds something else than this process has written.
	ErrReplaced = errors.New("moved, replaced or deleted while it was in use; nothing can be counted until a restart")
)

// File is an open checkpoint. Its methods may be called from many goroutines at
// once; updates wait for each other.
type File struct {
	db       *bbolt.DB
	guard    *guard
	path     string
	identity fs.FileInfo // device and inode of the open file
	created  bool
	meta     bool        // one of its meta pages was damaged
	replaced atomic.Bool // the path has led elsewhere: it does so for good
}

// Option changes how Open works.
type Option func(*options)

type options struct{ mustExist bool }

// MustExist makes Open fail with ErrMissing where there is no checkpoint, in place of
// beginning a new one.
func MustExist() Option { return func(o *options) { o.mustExist = true } }

// Open opens the checkpoint at path, or creates it where there is no file, and locks
// it against other processes until Close. A path that is a symbolic link to a file that is
// not there yet is one where there is none: the file is created where the link leads. Created reports which. A file that is no
// checkpoint, or of another format, or damaged, empty ones included, is left as it is
// and reported.
func Open(path string, opts ...Option) (*File, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	f, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return f, nil
}

func open(path string, o options) (*File, error) {
	created := false
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if o.mustExist {
			return nil, ErrMissing
		}
		if created, err = create(path); err != nil {
			return nil, err
		}
	}
	found, err := inspect(path)
	if err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, OpenFile: withoutCreating,
	})
	if err != nil {
		return nil, openError(err)
	}
	db.AllocSize = growth
	f := &File{db: db, path: path, created: created, meta: found.MetaDamaged}
	if f.guard, err = newGuard(path, db.Info().PageSize); err != nil {
		return nil, errors.Join(openError(err), db.Close())
	}
	if f.identity, err = f.guard.file.Stat(); err == nil {
		err = f.View(refuseReplica)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, openError(err)
	}
	return f, nil
}

// refuseReplica returns an error if the file is the local copy of a journal, whose
// counters are elsewhere.
func refuseReplica(tx *Tx) error {
	_, known, err := tx.position()
	if known {
		return fmt.Errorf("%w of its own: it is the local copy of a journal; choose another path", ErrForeign)
	}
	return err
}

func openError(err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: stop that one, or choose another path", ErrLocked)
	}
	return err
}

// Created reports whether Open has created the file: all counters begin at 0.
func (f *File) Created() bool { return f.created }

// MetaDamaged reports whether Open has found one of the two pages damaged that show where
// a commit is, which the next commit repairs. A crash leaves such a page if it comes while
// that is written: then the commit was not durable, and nothing of it was shown. Otherwise the
// page may have been that of the last commit, and what is here is the one before: its
// objects are not marked and count again, and counters that were shown may fall by as much.
func (f *File) MetaDamaged() bool { return f.meta }

// Run calls lead, and returns its error: whoever has the file open is the only one.
func (f *File) Run(ctx context.Context, lead func(ctx context.Context) error) error { return lead(ctx) }

// Close unlocks and closes the file.
func (f *File) Close() error { return errors.Join(f.db.Close(), f.guard.close()) }

// Size returns the file's size in bytes.
func (f *File) Size() int64 {
	var size int64
	// View fails only on a closed file, whose size is nobody's concern.
	_ = f.db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	return size
}

// Update runs fn in a transaction that is durable, or void, when Update returns. An
// error of fn voids it. The Tx is valid only within fn.
//
// Once the path does not lead to the open file any more, or another process has written
// it, Update fails with ErrReplaced for good, and so does the one in which the path came to
// lead elsewhere: its changes must not be relied on.
func (f *File) Update(fn func(*Tx) error) error {
	if err := f.present(); err != nil {
		return err
	}
	if err := f.guard.begin(); err != nil {
		return f.refuse(err)
	}
	err := f.db.Update(func(bolt *bbolt.Tx) error {
		tx := &Tx{bolt: bolt}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.putTotals()
	})
	if left := f.guard.end(); err == nil && left != nil {
		err = f.refuse(left)
	}
	if err != nil {
		return err
	}
	return f.present()
}

// refuse returns the error because of which the file cannot be used.
func (f *File) refuse(err error) error {
	if errors.Is(err, ErrReplaced) {
		f.replaced.Store(true)
	}
	return fmt.Errorf("checkpoint %s: %w", f.path, err)
}

// present returns an error unless the path leads to the open file.
func (f *File) present() error {
	now, err := os.Stat(f.path)
	if err == nil && !os.SameFile(now, f.identity) || errors.Is(err, fs.ErrNotExist) {
		f.replaced.Store(true)
	}
	if f.replaced.Load() {
		return f.refuse(ErrReplaced)
	}
	if err != nil {
		return f.refuse(openError(err))
	}
	return nil
}

// View runs fn with a consistent view of the last commit. The Tx, and all bytes
// that come from it, are valid only within fn, which should return soon: the file
// cannot shrink or grow while it runs. It fails with ErrReplaced if another process has
// written the file.
func (f *File) View(fn func(*Tx) error) error {
	if err := f.guard.check(); err != nil {
		return f.refuse(err)
	}
	return f.db.View(func(bolt *bbolt.Tx) error { return fn(&Tx{bolt: bolt}) })
}
