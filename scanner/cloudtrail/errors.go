package cloudtrail

import (
	"errors"
	"fmt"
)

// ErrNotLog says that the input is valid JSON but no log file: a document in it
// is not an object that has a Records array. So is a digest file. To read it
// again is pointless.
var ErrNotLog = errors.New("not a CloudTrail log: no Records array")

// SyntaxError says that the input is not valid JSON, or that it ends too early,
// and then it wraps io.ErrUnexpectedEOF. It never quotes the input.
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
