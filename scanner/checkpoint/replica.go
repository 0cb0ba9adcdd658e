package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
)

// replica is the local copy of what a journal holds up to some position: a checkpoint
// like that of a File, whose table meta knows the position besides. Nothing is lost with
// it, so it is never synced: the journal is what is durable.
type replica struct {
	db    *bbolt.DB
	guard *guard
	path  string
	dir   string // a directory for it alone, empty if its path was chosen by somebody
}

// The keys of the table meta that only a replica has.
var (
	positionKey = []byte("journal position")
	fencesKey   = []byte("journal fences")
)

// openReplica opens the copy at path, or makes an empty one: where there is none, and
// where it cannot be used as it is. An empty path is one that nobody else knows, and that
// is gone with the process.
func openReplica(path string) (*replica, error) {
	if path == "" {
		return newTemporaryReplica()
	}
	r := &replica{path: target(path)} // it may be renewed, which a link must outlive
	_, err := inspect(path)
	switch {
	case errors.Is(err, ErrLocked):
		return nil, fmt.Errorf("local copy %s: %w", path, err)
	case err == nil:
		err = r.open()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrDamaged), errors.Is(err, ErrOlder):
		err = r.renew()
	}
	if err != nil {
		return nil, fmt.Errorf("local copy %s: %w", path, err)
	}
	if _, known, err := r.position(); err == nil && known {
		return r, nil
	}
	err = fmt.Errorf("local copy %s: %w: it is a checkpoint of its own; choose another path", path, ErrForeign)
	return nil, errors.Join(err, r.closeFile())
}

func newTemporaryReplica() (*replica, error) {
	dir, err := os.MkdirTemp("", "s3_access_exporter-")
	if err != nil {
		return nil, fmt.Errorf("local copy: %w", openError(err))
	}
	r := &replica{path: filepath.Join(dir, "checkpoint.db"), dir: dir}
	if err := r.renew(); err != nil {
		return nil, fmt.Errorf("local copy %s: %w", r.path, err)
	}
	return r, nil
}

func (r *replica) open() error {
	db, err := openUnsynced(r.path)
	if err != nil {
		return openError(err)
	}
	db.AllocSize = growth
	g, err := newGuard(r.path, db.Info().PageSize)
	if err != nil {
		return errors.Join(openError(err), db.Close())
	}
	r.db, r.guard = db, g
	return nil
}

func (r *replica) closeFile() error { return errors.Join(r.db.Close(), r.guard.close()) }

func openUnsynced(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoSync: true, NoGrowSync: true,
	})
}

// renew makes it an empty copy: of the beginning of a journal.
func (r *replica) renew() error {
	if r.db != nil {
		if err := r.closeFile(); err != nil {
			return err
		}
		r.db = nil
	}
	if r.dir != "" {
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return openError(err)
		}
	}
	if err := createUnsynced(r.path); err != nil {
		return openError(err)
	}
	if err := r.open(); err != nil {
		return err
	}
	if r.dir != "" {
		// Where an open file can be removed, nothing is left of it however the process ends.
		_ = os.RemoveAll(r.dir)
	}
	return nil
}

// createUnsynced makes a new copy at path. It is there whole, or not at all.
func createUnsynced(path string) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openUnsynced(temporary)
	if err != nil {
		return err
	}
	err = db.Update(func(bolt *bbolt.Tx) error {
		return errors.Join(initialise(bolt), (&Tx{bolt: bolt}).putPosition(position{}, false))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func (r *replica) close() error {
	err := r.closeFile()
	if r.dir != "" {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	return err
}

// update changes the copy. What is changed is not in the journal by that.
func (r *replica) update(fn func(*Tx) error) error {
	if err := r.guard.begin(); err != nil {
		return err
	}
	err := r.db.Update(func(bolt *bbolt.Tx) error {
		tx := &Tx{bolt: bolt}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.putTotals()
	})
	return errors.Join(err, r.guard.end())
}

// commit commits a transaction.
func (r *replica) commit(bolt *bbolt.Tx) error {
	if err := r.guard.begin(); err != nil {
		return err
	}
	return errors.Join(bolt.Commit(), r.guard.end())
}

func (r *replica) view(fn func(*Tx) error) error {
	if err := r.guard.check(); err != nil {
		return fmt.Errorf("local copy %s: %w", r.path, err)
	}
	err := r.db.View(func(bolt *bbolt.Tx) error { return fn(&Tx{bolt: bolt}) })
	if errors.Is(err, ErrDamaged) {
		err = r.failure(err)
	}
	return err
}

// failure returns an error of the copy with its path.
func (r *replica) failure(err error) error {
	err = fmt.Errorf("local copy %s: %w", r.path, openError(err))
	if errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w; %w", err, ErrLocal)
	}
	return err
}

// apply makes the changes of segments that follow each other.
func (r *replica) apply(segments ...segment) error {
	last := segments[len(segments)-1]
	err := r.update(func(tx *Tx) error {
		var fences []uint64
		for _, s := range segments {
			if s.opening {
				fences = append(fences, s.sequence)
			}
			if err := tx.replay(s.changes); err != nil {
				return fmt.Errorf("%s: %w", segmentKey(s.sequence), err)
			}
		}
		return errors.Join(tx.addFences(fences), tx.putPosition(last.position, false))
	})
	if err != nil && !errors.Is(err, errChanges) { // which the segments' checksums rule out
		return r.failure(err)
	}
	return err
}

// position returns which part of the journal the copy holds, or false if it is none.
func (r *replica) position() (p kept, known bool, err error) {
	err = r.view(func(tx *Tx) (err error) {
		p, known, err = tx.position()
		return err
	})
	return p, known, err
}

// kept is the position of a replica.
type kept struct {
	position
	own bool // the segment was written by the process that had the replica open
}

// putPosition makes the position that of the transaction's end.
func (tx *Tx) putPosition(p position, own bool) error {
	value := binary.BigEndian.AppendUint64(nil, p.sequence)
	value = append(value, p.writer[:]...)
	value = append(value, toByte(p.closed), toByte(own))
	return tx.table(tableMeta).store(positionKey, append(value, p.name...))
}

func toByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (tx *Tx) position() (p kept, known bool, err error) {
	value, err := tx.table(tableMeta).get(positionKey)
	if err != nil || value == nil {
		return p, false, err
	}
	const size = 8 + len(p.writer) + 2
	if len(value) < size {
		return p, false, entryError(tableNames[tableMeta], positionKey)
	}
	p.sequence = binary.BigEndian.Uint64(value)
	copy(p.writer[:], value[8:])
	p.closed, p.own, p.name = value[size-2] != 0, value[size-1] != 0, string(value[size:])
	return p, true, nil
}

// fences returns the sequences of the segments that opened.
func (tx *Tx) fences() ([]uint64, error) {
	value, err := tx.table(tableMeta).get(fencesKey)
	var fences []uint64
	for ; len(value) >= 8; value = value[8:] {
		fences = append(fences, binary.BigEndian.Uint64(value))
	}
	return fences, err
}

func (tx *Tx) addFences(more []uint64) error {
	if len(more) == 0 {
		return nil
	}
	fences, err := tx.fences()
	if err != nil {
		return err
	}
	var value []byte
	for _, sequence := range slices.Compact(slices.Sorted(slices.Values(append(fences, more...)))) {
		value = binary.BigEndian.AppendUint64(value, sequence)
	}
	return tx.table(tableMeta).store(fencesKey, value)
}
