package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
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

// create makes an empty checkpoint where a path leads at which there is none. It is there
// whole or not at all: a file that was left half made would be a damaged one at the next
// start. Where another process is quicker, its file stays, and created is false.
func create(path string) (created bool, err error) {
	file := target(path)
	if created, err = createFile(file); err != nil {
		err = openError(err)
		if file != path {
			err = fmt.Errorf("it is a link to %s: %w", file, err)
		}
	}
	return created, err
}

// createFile is create for a path that is no link.
func createFile(path string) (created bool, err error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	temporary, err := os.CreateTemp(dir, name+".new-*")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // by then the file has its other name
	if err := temporary.Close(); err != nil {
		return false, err
	}
	db, err := bbolt.Open(temporary.Name(), 0o600, nil)
	if err != nil {
		return false, err
	}
	if err := errors.Join(db.Update(initialise), db.Close()); err != nil {
		return false, err
	}
	if created, err = publish(temporary.Name(), path); err != nil || !created {
		return false, err
	}
	return true, syncDirectory(dir)
}

// publish gives a file its name unless there is another one of that name, and reports
// whether it did.
func publish(temporary, path string) (done bool, err error) {
	err = os.Link(temporary, path)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	return true, os.Rename(temporary, path) // the file system has no links
}

// maxLinks is how many symbolic links in a row are followed; systems follow up to 40.
const maxLinks = 40

// target returns where a path leads that may be a symbolic link: the file need not be there,
// which is why filepath.EvalSymlinks does not do. Nothing of a path is made shorter: what
// comes before a .. may be a link itself.
func target(path string) string {
	for range maxLinks {
		link, err := os.Readlink(path)
		if err != nil {
			return path // it is no link, or there is nothing
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path)
			link = dir + link
		}
		path = link
	}
	return path
}

// withoutCreating opens a file as bbolt asks for, which would else make one without tables.
func withoutCreating(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag&^os.O_CREATE, perm)
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
