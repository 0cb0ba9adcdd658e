package checkpoint

import (
	"encoding/binary"
	"fmt"
)

// changes are what a transaction changes, in its order: of each entry that is put, or
// deleted,
//
//	number of the table (a varint), twice that if put, twice that and one if deleted
//	length of the key (a varint), key
//	length of the value (a varint), value; if put
//
// A nil *changes takes no note of anything.
type changes struct{ encoded []byte }

func (c *changes) put(id tableID, key, value []byte) {
	if c == nil {
		return
	}
	c.encoded = binary.AppendUvarint(c.encoded, uint64(id)<<1)
	c.encoded = appendBytes(appendBytes(c.encoded, key), value)
}

func (c *changes) delete(id tableID, key []byte) {
	if c == nil {
		return
	}
	c.encoded = binary.AppendUvarint(c.encoded, uint64(id)<<1|1)
	c.encoded = appendBytes(c.encoded, key)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// replay makes changes once more, as they are encoded.
func (tx *Tx) replay(encoded []byte) error {
	for len(encoded) > 0 {
		head, size := binary.Uvarint(encoded)
		id := tableID(head >> 1)
		if size <= 0 || head>>1 >= uint64(tableCount) {
			return errChanges
		}
		key, rest, ok := cutBytes(encoded[size:])
		if !ok || len(key) == 0 {
			return errChanges
		}
		encoded = rest
		if head&1 != 0 {
			if err := tx.table(id).delete(key); err != nil {
				return err
			}
			continue
		}
		value, rest, ok := cutBytes(encoded)
		if !ok {
			return errChanges
		}
		encoded = rest
		if err := tx.table(id).put(key, value); err != nil {
			return err
		}
	}
	return nil
}

var errChanges = fmt.Errorf("%w: it holds what are no changes", ErrDamaged)

// cutBytes cuts what appendBytes has appended off the beginning of b.
func cutBytes(b []byte) (cut, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return b[size:end:end], b[end:], true
}
