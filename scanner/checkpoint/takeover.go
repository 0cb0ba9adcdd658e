package checkpoint

import (
	"encoding/binary"
	"time"
)

// takeoverKey is where the table meta of a journal keeps the Takeover of the process that
// opened last: its ID, and the nanoseconds. That is what its opening changes, and those of
// versions before this one do not know what it means.
var takeoverKey = []byte("takeover")

// putTakeover returns the changes of an opening by a process with this Takeover.
func putTakeover(writer writerID, takeover time.Duration) []byte {
	c := new(changes)
	c.put(tableMeta, takeoverKey, binary.BigEndian.AppendUint64(writer[:], uint64(takeover)))
	return c.encoded
}

// takeover returns the Takeover of a writer, 0 if it is not known.
func (tx *Tx) takeover(writer writerID) (time.Duration, error) {
	value, err := tx.table(tableMeta).get(takeoverKey)
	if err != nil || len(value) != len(writer)+8 || writerID(value) != writer {
		return 0, err
	}
	return time.Duration(binary.BigEndian.Uint64(value[len(writer):])), nil
}

// silence returns how long the journal does not move until this process takes over: the
// longer one of its own Takeover and that of the process that writes, which may show what it
// has committed for half of that.
func (j *Journal) silence() (own, active, longer time.Duration, err error) {
	own = j.cfg.Takeover
	err = j.local.view(func(tx *Tx) (err error) {
		active, err = tx.takeover(j.at.writer)
		return err
	})
	return own, active, max(own, active), err
}
