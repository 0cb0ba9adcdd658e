package jsonscan

import "fmt"

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
