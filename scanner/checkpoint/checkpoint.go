// Package checkpoint keeps the exporter's durable state in one bbolt file: for
// every stream of log objects how far it was read, which objects were counted
// and which could not be read; and the stored counters, which the package
// knows only as keys and values.
//
// All of it changes in transactions: marking an object as counted and adding
// its increments to the counters is one commit, so that after a crash at any
// moment the counters hold exactly the objects that are marked. The layout of
// the file:
//
//	meta                       format, version
//	series                     key → value, the collector's
//	events                     number of a commit → IDs of the events in it
//	locations/NAME             state → LocationState
//	                           newest → time of the newest request, by log
//	locations/NAME/STREAM      watermark → key
//	                           seen/TIME,HASH → LastModified
//	                           trouble/KEY → Failure
//
// A stream's state stands alone below its own name, so that streams can later
// be moved between files.
package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	format  = "s3_access_exporter checkpoint"
	version = 1

	// lockTimeout is how long Open waits for another process to let go of the
	// file: long enough for a restart to overlap, short enough to be told.
	lockTimeout = 2 * time.Second
)

var (
	metaBucket      = []byte("meta")
	seriesBucket    = []byte("series")
	eventsBucket    = []byte("events")
	locationsBucket = []byte("locations")

	formatKey  = []byte("format")
	versionKey = []byte("version")
)

// Errors of Open. They come wrapped in a message that names the file.
var (
	ErrLocked  = errors.New("in use by another process")
	ErrForeign = errors.New("not a checkpoint of s3_access_exporter")
	ErrNewer   = errors.New("written by a newer version of s3_access_exporter")
	ErrDamaged = errors.New("damaged")
)

// File is an open checkpoint. Its methods may be called from many goroutines at
// once; updates wait for each other.
type File struct {
	db *bbolt.DB
}

// Open opens the checkpoint at path, or creates it where there is no file, and
// locks it against other processes until Close. A file that is no checkpoint, or
// of a newer format, or damaged, is left as it is and reported.
func Open(path string) (*File, error) {
	db, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return &File{db: db}, nil
}

func open(path string) (*bbolt.DB, error) {
	if err := precheck(path); err != nil {
		return nil, err
	}
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		if isNew && !errors.Is(err, berrors.ErrTimeout) {
			_ = os.Remove(path) // on a full disk it has come to half of an empty file, which is a damaged one
		}
		return nil, openError(err)
	}
	// What is complete is not written to: a full disk keeps nobody from reading it.
	if err = checkFormat(db); err == nil && !isComplete(db) {
		err = db.Update(create)
	}
	if err != nil {
		// What Close would add says nothing to whoever chose the file.
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// precheck verifies an existing file while no other process has it.
func precheck(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return openError(err)
	}
	defer func() { _ = f.Close() }() // only read; this unlocks it, too
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%w: no regular file; give another --checkpoint.path", ErrForeign)
	}
	if err := lockShared(f, lockTimeout); err != nil {
		return openError(err)
	}
	if err := verify(f); errors.Is(err, ErrForeign) {
		return openError(err)
	} else if err != nil {
		return fmt.Errorf("%w: %w; move it away to start anew", ErrDamaged, err)
	}
	return nil
}

// lockShared waits until no process has the file for writing, as bbolt does.
func lockShared(f *os.File, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if time.Now().After(deadline) {
			return berrors.ErrTimeout
		}
	}
}

func openError(err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: stop that one, or give this one another --checkpoint.path", ErrLocked)
	}
	// What else there is to say is about the file's content.
	return fmt.Errorf("%w: give another --checkpoint.path", ErrForeign)
}

// checkFormat tells a checkpoint, or an empty file, from anything else.
func checkFormat(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			if k, _ := tx.Cursor().First(); k == nil {
				return nil
			}
			return ErrForeign
		}
		if string(meta.Get(formatKey)) != format {
			return ErrForeign
		}
		v := meta.Get(versionKey)
		if len(v) != 4 {
			return ErrForeign
		}
		if got := binary.BigEndian.Uint32(v); got > version {
			return fmt.Errorf("%w (format %d, this one knows %d): upgrade the program, or give another --checkpoint.path", ErrNewer, got, version)
		}
		return nil
	})
}

// buckets are those that every checkpoint has, besides meta.
func buckets() [][]byte { return [][]byte{seriesBucket, eventsBucket, locationsBucket} }

// isComplete reports whether a checkpoint of a known format has all that create
// creates.
func isComplete(db *bbolt.DB) bool {
	complete := false
	// View fails only on a closed file.
	_ = db.View(func(tx *bbolt.Tx) error {
		missing := func(name []byte) bool { return tx.Bucket(name) == nil }
		complete = !missing(metaBucket) && !slices.ContainsFunc(buckets(), missing)
		return nil
	})
	return complete
}

func create(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	for _, name := range buckets() {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return errors.Join(
		meta.Put(formatKey, []byte(format)),
		meta.Put(versionKey, binary.BigEndian.AppendUint32(nil, version)))
}

// Close unlocks and closes the file.
func (f *File) Close() error { return f.db.Close() }

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

// Update runs fn in a transaction that is durable, or void, when Update returns.
// An error of fn voids it. The Tx is valid only within fn.
func (f *File) Update(fn func(*Tx) error) error {
	return f.db.Update(func(tx *bbolt.Tx) error { return fn(&Tx{tx: tx}) })
}

// View runs fn with a consistent view of the last commit. The Tx, and all bytes
// that come from it, are valid only within fn, which should return soon: the file
// cannot shrink or grow while it runs.
func (f *File) View(fn func(*Tx) error) error {
	return f.db.View(func(tx *bbolt.Tx) error { return fn(&Tx{tx: tx}) })
}

// Tx is a transaction. It belongs to one goroutine.
type Tx struct {
	tx *bbolt.Tx
}

// Series returns the stored counters.
func (tx *Tx) Series() *Series {
	return &Series{b: tx.tx.Bucket(seriesBucket)}
}

// Series is the part of a transaction that holds the stored counters.
type Series struct {
	b *bbolt.Bucket
}

// Put stores value under key, which must not be empty.
func (s *Series) Put(key, value []byte) error { return s.b.Put(key, value) }

// Delete removes key; that it is not there is no error.
func (s *Series) Delete(key []byte) error { return s.b.Delete(key) }

// Each calls fn with every key and value in the order of the keys, until fn
// returns an error. The bytes are valid only within the transaction.
func (s *Series) Each(fn func(key, value []byte) error) error { return s.b.ForEach(fn) }

// AppendEvents stores the IDs of a commit's events behind those of the commits
// before.
func (tx *Tx) AppendEvents(ids []byte) error {
	b := tx.tx.Bucket(eventsBucket)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	return b.Put(binary.BigEndian.AppendUint64(nil, n), ids)
}

// DropEvents removes the IDs of the n oldest commits that have some.
func (tx *Tx) DropEvents(n int) error {
	b := tx.tx.Bucket(eventsBucket)
	for range n {
		oldest, _ := b.Cursor().First()
		if oldest == nil {
			return nil
		}
		if err := b.Delete(oldest); err != nil {
			return err
		}
	}
	return nil
}

// EachEvents calls fn with what AppendEvents stored, the oldest first. The bytes
// are valid only within the transaction.
func (tx *Tx) EachEvents(fn func(ids []byte) error) error {
	return tx.tx.Bucket(eventsBucket).ForEach(func(_, ids []byte) error { return fn(ids) })
}
