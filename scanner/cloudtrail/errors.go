package cloudtrail

import (
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// errNotLog is the error of input that is valid JSON but no log file: a document in
// it is not an object that has a Records array. So it is with a digest file.
var errNotLog = fmt.Errorf("no Records array: %w", record.ErrNotLog)

// SyntaxError is the error of input that is not valid JSON, or that ends too early,
// when it wraps io.ErrUnexpectedEOF. It never quotes the input.
type SyntaxError struct {
	Offset int64  // of the first wrong byte, from 0
	Msg    string // what is wrong
	err    error
}

// Error implements error. It is one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Msg)
}

// Unwrap returns io.ErrUnexpectedEOF if the input ends too early, else nil.
func (e *SyntaxError) Unwrap() error { return e.err }
