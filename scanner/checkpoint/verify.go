package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"time"

	berrors "go.etcd.io/bbolt/errors"
)

// Verify looks at all of the checkpoint at path, changes nothing, and reports what it
// holds. It waits a little for a process that has the checkpoint open. Its errors are
// those of Open; that of a damaged file names the first thing that is not as it was
// written.
func Verify(path string) (*Report, error) {
	report, err := inspect(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	report.Path = path
	return report, nil
}

// inspect is Verify, with errors that do not name the file.
func inspect(path string) (*Report, error) {
	// It is looked at before it is opened, as to open a pipe is to wait for who writes, and
	// again once nobody writes, as it may have grown meanwhile.
	info, err := os.Stat(path)
	if err != nil {
		return nil, openError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: no regular file; choose another path", ErrForeign)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(err)
	}
	defer func() { _ = f.Close() }() // only read; this unlocks it, too
	if err := lockShared(f, lockTimeout); err != nil {
		return nil, openError(err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, openError(err)
	}
	report, err := verify(f, info)
	switch {
	case err == nil:
		return report, nil
	case errors.Is(err, ErrForeign):
		return nil, fmt.Errorf("%w: choose another path", ErrForeign)
	case errors.Is(err, ErrOlder), errors.Is(err, ErrNewer):
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w; move it away to start anew", ErrDamaged, err)
}

// lockShared waits until no process has the file for writing, as bbolt does.
func lockShared(f *os.File, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		if locked, err := tryLockShared(f); locked || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return berrors.ErrTimeout
		}
	}
}

// damagedError means an entry that is not as it was written, in a page that is.
type damagedError struct {
	table string
	key   []byte
}

func (e *damagedError) Error() string { return fmt.Sprintf("entry %.100q of %s", e.key, e.table) }

// verify checks all pages and all entries of a checkpoint.
func verify(f *os.File, info fs.FileInfo) (*Report, error) {
	if info.Size() == 0 {
		return nil, errors.New("the file is empty")
	}
	p, meta, err := openPages(f, info.Size())
	if err != nil {
		return nil, err
	}
	buckets := make(map[string][]byte)
	err = p.tree(meta.root, func(l leaf) error {
		if !l.bucket {
			return ErrForeign
		}
		buckets[string(l.key)] = append([]byte(nil), l.value...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	totals, stored, err := p.readMeta(buckets[tableNames[tableMeta]])
	if err != nil {
		return nil, err
	}
	if len(buckets) > int(tableCount) {
		return nil, fmt.Errorf("it has %d tables", len(buckets))
	}
	r := newReporter(info.Size())
	r.report.MetaDamaged = p.metaDamaged
	if err := r.meta(stored); err != nil {
		return nil, err
	}
	for id := tableMeta + 1; id < tableCount; id++ {
		name := tableNames[id]
		if err := p.readTable(id, buckets[name], totals[name], r.take); err != nil {
			return nil, err
		}
	}
	return r.finish(), p.freelist(meta.freelist)
}

// readMeta reads the table meta, given how its bucket is stored, and returns the
// totals of the other tables, and all entries as they are stored.
func (p *pages) readMeta(bucket []byte) (totals map[string]total, stored map[string][]byte, err error) {
	if bucket == nil {
		return nil, nil, ErrForeign
	}
	stored = make(map[string][]byte)
	err = p.bucket(bucket, func(l leaf) error {
		stored[string(l.key)] = append([]byte(nil), l.value...)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if err := checkFormat(stored[string(formatKey)], stored[string(versionKey)]); err != nil {
		return nil, nil, err
	}
	name := tableNames[tableMeta]
	seed := crc32.Checksum([]byte(name), castagnoli)
	totals = make(map[string]total)
	for key, value := range stored {
		if _, _, ok := openValue(seed, []byte(key), value); !ok {
			return nil, nil, &damagedError{table: name, key: []byte(key)}
		}
	}
	for id := tableMeta + 1; id < tableCount; id++ {
		key := totalKey(tableNames[id])
		value, _, _ := openValue(seed, key, stored[string(key)])
		t, ok := parseTotal(value)
		if !ok {
			return nil, nil, &damagedError{table: name, key: key}
		}
		totals[tableNames[id]] = t
	}
	return totals, stored, nil
}

// checkFormat tells a checkpoint of this format from others by what stands under the
// keys format and version of the table meta. Of older ones the values have no
// checksum.
func checkFormat(name, number []byte) error {
	if len(name) < len(format) || string(name[:len(format)]) != format || len(number) < 4 {
		return ErrForeign
	}
	switch got := binary.BigEndian.Uint32(number); {
	case got < version:
		return fmt.Errorf("%w (format %d, this one knows %d): move it away to start anew", ErrOlder, got, version)
	case got > version:
		return fmt.Errorf("%w (format %d, this one knows %d): upgrade the program, or choose another path", ErrNewer, got, version)
	}
	return nil
}

// readTable calls take with the entries of a table, given how its bucket is stored,
// and checks that they are those that were written.
func (p *pages) readTable(id tableID, bucket []byte, want total, take func(id tableID, key, value []byte) bool) error {
	name := tableNames[id]
	if bucket == nil {
		return fmt.Errorf("table %s is missing", name)
	}
	seed := crc32.Checksum([]byte(name), castagnoli)
	var got total
	err := p.bucket(bucket, func(l leaf) error {
		value, sum, ok := openValue(seed, l.key, l.value)
		if l.bucket || !ok || !take(id, l.key, value) {
			return &damagedError{table: name, key: append([]byte(nil), l.key...)}
		}
		got.add(sum)
		return nil
	})
	switch {
	case err != nil:
		return err
	case got.entries != want.entries:
		return fmt.Errorf("table %s has %d entries in place of %d", name, got.entries, want.entries)
	case got != want:
		return fmt.Errorf("table %s has entries of different commits", name)
	}
	return nil
}
