package record

import (
	"errors"
	"fmt"
	"io"
)

// Decoder turns the decompressed bytes of a log object into Records, one after the
// other, as a bufio.Scanner does with lines:
//
//	d.Reset(object)
//	for d.Next() {
//		use(d.Record())
//	}
//	if err := d.Err(); err != nil {
//		return err // nothing that use was given may count
//	}
//	report(d.Skipped())
//
// A Decoder does no I/O but reading, starts no goroutine, and logs nothing. Its memory
// does not grow with the object. It is for one goroutine at a time. Package decodertest
// holds an implementation against this contract.
type Decoder interface {
	// Reset makes the Decoder read from r, the beginning of an object, as if it were
	// new. It may be called at any time. Buffers and the prefilter stay.
	Reset(r io.Reader)

	// Prefilter sets what Next asks of the raw bytes of each record: of those that
	// candidate returns false for, no Record is made, and they count among nothing
	// that is Skipped. All else stays as it is, so a log has the same error with a
	// prefilter as without. nil, the default, is no prefilter.
	//
	// raw is a record as it stands in the log. It is valid during the call only.
	Prefilter(candidate func(raw []byte) bool)

	// Next reads up to the next Record and reports whether there is one. It passes
	// over what is no record, or cannot be understood, and counts that. Next allocates
	// nothing for a record, and calls no more than r and candidate.
	Next() bool

	// Record returns the Record that Next found. It and all that it points to are
	// valid until the next call of Next or Reset. Its fields may be changed, the bytes
	// that they point to may not.
	Record() *Record

	// Err returns why Next is false: nil at the end of a log, else the reader's error
	// as it is, an error that wraps ErrNotLog, or one of the format. Then the Records
	// before are not reliable: an object counts as a whole or not at all.
	Err() error

	// Skipped returns what was no Record since Reset.
	Skipped() Skipped
}

// ErrNotLog is the error of an object that was read to its end, is not empty, and is no
// log: a digest in place of a trail's log file, an HTML page in place of a server access
// log. To read the same bytes again is pointless. An object with nothing in it is a log
// where the format allows that, and so is one of which all records are skipped as no
// requests, or as none to S3.
var ErrNotLog = errors.New("not a log")

// ErrOtherLog is the ErrNotLog of an object that is sound, and in which every record is one
// of another log than a Decoder reads.
var ErrOtherLog = fmt.Errorf("records of other logs alone: %w", ErrNotLog)
