package checkpoint

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

var (
	formatKey  = []byte("format")
	versionKey = []byte("version")
)

// create makes an empty checkpoint at path. It is there whole or not at all: a file
// that was left half made would be a damaged one at the next start. Where another
// process is quicker, its file stays.
func create(path string) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	temporary, err := os.CreateTemp(dir, name+".new-*")
	if err != nil {
		return openError(err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // by then the file has its other name
	if err := temporary.Close(); err != nil {
		return openError(err)
	}
	db, err := bbolt.Open(temporary.Name(), 0o600, nil)
	if err != nil {
		return openError(err)
	}
	if err := errors.Join(db.Update(initialise), db.Close()); err != nil {
		return openError(err)
	}
	if err := publish(temporary.Name(), path); err != nil {
		return openError(err)
	}
	return openError(syncDirectory(dir))
}

// publish gives a file its name unless there is another one of that name.
func publish(temporary, path string) error {
	err := os.Link(temporary, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.Rename(temporary, path) // the file system has no links
}

// syncDirectory makes the names in a directory durable. Windows does so by itself, and
// opens no directory for it.
func syncDirectory(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// initialise makes all that a checkpoint has.
func initialise(bolt *bbolt.Tx) error {
	for _, name := range tableNames {
		if _, err := bolt.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	tx := &Tx{bolt: bolt}
	for id := tableMeta + 1; id < tableCount; id++ {
		t := tx.table(id)
		t.known, t.dirty = true, true
	}
	meta := tx.table(tableMeta)
	return errors.Join(
		meta.put(formatKey, []byte(format)),
		meta.put(versionKey, binary.BigEndian.AppendUint32(nil, version)),
		tx.putTotals())
}
