package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// tableID is the number of a table.
type tableID int

const (
	tableMeta tableID = iota
	tableSeries
	tableEvents
	tablePrefixes
	tableStreams
	tableFailures
	tableMarks
	tablePacked
	tableCount
)

var tableNames = [tableCount]string{
	"meta", "series", "events", "prefixes", "streams", "failures", "marks", "packed",
}

// Tx is a transaction. It belongs to one goroutine.
//
// Everything that a transaction changes goes through table.put and table.delete, as
// keys and values of a table: a log of the changes is all that it takes to make them
// elsewhere, too.
type Tx struct {
	bolt   *bbolt.Tx
	tables [tableCount]*table
	arena  []byte   // memory for values that are written
	log    *changes // gets all that put and delete change; nil: nobody wants to know

	written int // bytes that were put
}

// Written returns how many bytes of keys and values the transaction has put so far: by
// which one that puts very much ends in time.
func (tx *Tx) Written() int { return tx.written }

// table returns a table of the file.
func (tx *Tx) table(id tableID) *table {
	if tx.tables[id] == nil {
		name := tableNames[id]
		tx.tables[id] = &table{
			tx: tx, id: id, bucket: tx.bolt.Bucket([]byte(name)),
			seed: crc32.Checksum([]byte(name), castagnoli),
		}
	}
	return tx.tables[id]
}

// castagnoli is the polynomial of the checksums: it finds every error of up to three
// bits in entries of this size, and processors compute it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumSize is how many bytes of a stored value are its checksum, the last ones.
const checksumSize = 4

// table is a table within a transaction. The stored value of an entry is the value
// and a CRC-32C over the table's name, the key's length, the key and the value.
type table struct {
	tx     *Tx
	id     tableID
	bucket *bbolt.Bucket
	seed   uint32 // checksum of the table's name
	total  total
	known  bool // total was read
	dirty  bool // total is to be written
}

// total is what all entries of a table come to, so that one that is lost shows, and
// one that stands as it was before.
type total struct {
	entries uint64
	sum     uint64 // of the checksums, as numbers
}

func (t *total) add(checksum uint32)    { t.entries, t.sum = t.entries+1, t.sum+uint64(checksum) }
func (t *total) remove(checksum uint32) { t.entries, t.sum = t.entries-1, t.sum-uint64(checksum) }

const totalSize = 16

func (t *total) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, t.entries), t.sum)
}

func parseTotal(value []byte) (t total, ok bool) {
	if len(value) != totalSize {
		return total{}, false
	}
	return total{entries: binary.BigEndian.Uint64(value), sum: binary.BigEndian.Uint64(value[8:])}, true
}

// totalKey returns the key of a table's total in the table meta.
func totalKey(name string) []byte { return []byte("total " + name) }

// checksum returns the checksum of an entry of the table whose name has that seed.
func checksum(seed uint32, key, value []byte) uint32 {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(key)))
	sum := crc32.Update(seed, castagnoli, size[:])
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

// open returns the value of a stored one, and its checksum, or false if that does
// not fit.
func openValue(seed uint32, key, stored []byte) (value []byte, sum uint32, ok bool) {
	n := len(stored) - checksumSize
	if n < 0 {
		return nil, 0, false
	}
	sum = binary.BigEndian.Uint32(stored[n:])
	return stored[:n:n], sum, checksum(seed, key, stored[:n]) == sum
}

// entryError is an entry that is not as it was written.
func entryError(table string, key []byte) error {
	return fmt.Errorf("%w: entry %.100q of %s", ErrDamaged, key, table)
}

// open is openValue for an entry of the table.
func (t *table) open(key, stored []byte) ([]byte, uint32, error) {
	value, sum, ok := openValue(t.seed, key, stored)
	if !ok {
		return nil, 0, entryError(tableNames[t.id], key)
	}
	return value, sum, nil
}

// get returns the value of a key, nil if there is none.
func (t *table) get(key []byte) ([]byte, error) {
	stored := t.bucket.Get(key)
	if stored == nil {
		return nil, nil
	}
	value, _, err := t.open(key, stored)
	return value, err
}

// put stores a copy of value under key.
func (t *table) put(key, value []byte) error {
	t.tx.log.put(t.id, key, value)
	return t.store(key, value)
}

// store is put of what a copy of the checkpoint works out by itself.
func (t *table) store(key, value []byte) error {
	if err := t.replace(key); err != nil {
		return err
	}
	sum := checksum(t.seed, key, value)
	t.total.add(sum)
	t.tx.written += len(key) + len(value)
	return t.bucket.Put(key, t.tx.stored(value, sum))
}

// delete removes a key; that it is not there is no error.
func (t *table) delete(key []byte) error {
	t.tx.log.delete(t.id, key)
	if err := t.replace(key); err != nil {
		return err
	}
	return t.bucket.Delete(key)
}

// replace takes the entry of a key, if there is one, off the total.
func (t *table) replace(key []byte) error {
	if t.id == tableMeta {
		return nil
	}
	if !t.known {
		if err := t.readTotal(); err != nil {
			return err
		}
	}
	t.dirty = true
	stored := t.bucket.Get(key)
	if stored == nil {
		return nil
	}
	_, sum, err := t.open(key, stored)
	t.total.remove(sum)
	return err
}

func (t *table) readTotal() error {
	name := tableNames[t.id]
	value, err := t.tx.table(tableMeta).get(totalKey(name))
	if err != nil {
		return err
	}
	var ok bool
	if t.total, ok = parseTotal(value); !ok {
		return entryError(tableNames[tableMeta], totalKey(name))
	}
	t.known = true
	return nil
}

// putTotals writes the totals of the tables that have changed.
func (tx *Tx) putTotals() error {
	meta := tx.table(tableMeta)
	for id, t := range tx.tables {
		if t == nil || !t.dirty {
			continue
		}
		if err := meta.store(totalKey(tableNames[id]), t.total.bytes()); err != nil {
			return err
		}
	}
	return nil
}

// stored returns value with its checksum, in memory that stays until the transaction
// is over: bbolt does not copy values.
func (tx *Tx) stored(value []byte, sum uint32) []byte {
	const block = 64 << 10
	if need := len(value) + checksumSize; need > cap(tx.arena)-len(tx.arena) {
		tx.arena = make([]byte, 0, max(block, need))
	}
	begin := len(tx.arena)
	tx.arena = append(tx.arena, value...)
	tx.arena = binary.BigEndian.AppendUint32(tx.arena, sum)
	return tx.arena[begin:len(tx.arena):len(tx.arena)]
}

// scan calls fn with the entries from key from on in the order of their keys, until
// fn returns false or an error. The table must not be changed meanwhile.
func (t *table) scan(from []byte, fn func(key, value []byte) (more bool, err error)) error {
	c := t.bucket.Cursor()
	for k, stored := c.Seek(from); k != nil; k, stored = c.Next() {
		value, _, err := t.open(k, stored)
		if err != nil {
			return err
		}
		if more, err := fn(k, value); !more || err != nil {
			return err
		}
	}
	return nil
}

// each calls fn with the entries whose keys begin with prefix, as scan does.
func (t *table) each(prefix []byte, fn func(key, value []byte) error) error {
	return t.scan(prefix, func(key, value []byte) (bool, error) {
		if !bytes.HasPrefix(key, prefix) {
			return false, nil
		}
		return true, fn(key, value)
	})
}

// all calls fn with all entries, in the order of their keys, and then fails if they are not
// those that were written: what was damaged since the file was opened may have lost some.
func (t *table) all(fn func(key, value []byte) error) error {
	var got total
	err := t.each(nil, func(key, value []byte) error {
		got.add(checksum(t.seed, key, value))
		return fn(key, value)
	})
	if err != nil || t.id == tableMeta {
		return err
	}
	if !t.known {
		err = t.readTotal()
	}
	if err == nil && got != t.total {
		err = fmt.Errorf("%w: table %s has other entries than were written", ErrDamaged, tableNames[t.id])
	}
	return err
}

// before returns the last entry whose key is less than key, nil if there is none.
func (t *table) before(key []byte) (k, value []byte, err error) {
	c := t.bucket.Cursor()
	k, _ = c.Seek(key)
	var stored []byte
	if k == nil {
		k, stored = c.Last()
	} else {
		k, stored = c.Prev()
	}
	if k == nil {
		return nil, nil, nil
	}
	value, _, err = t.open(k, stored)
	return k, value, err
}

// lengthen returns a text with its length before it, which no other text begins with.
func lengthen(text string) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(text))), text...)
}

// cutText cuts a text that was lengthened off the beginning of b.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	return string(b[size:][:n]), b[size:][n:], true
}
