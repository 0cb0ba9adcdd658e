package reader

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// ObjectError is a log object that could not be read.
type ObjectError struct {
	Location string // the Location's name
	Key      string
	Reason   source.Reason // one of Reasons
	Err      error
}

// Error implements error. It is one line.
func (e *ObjectError) Error() string {
	return fmt.Sprintf("%s: object %q: %s: %v", e.Location, e.Key, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// The reasons why an object that could be fetched gives no records. They do not pass
// by themselves.
const (
	ReasonGzip   source.Reason = "gzip"      // broken or truncated compression
	ReasonJSON   source.Reason = "json"      // broken or truncated JSON
	ReasonNotLog source.Reason = "not_a_log" // JSON without records, text without a line of a log
	ReasonSize   source.Reason = "too_large" // larger than Config.MaxObjectSize
)

// ReasonShared means that some of the object's events were left to another object
// that could not be read. The object itself is sound, and is to be read again.
const ReasonShared source.Reason = "shared"

// Reasons lists every reason for which an object may not be read.
func Reasons() []source.Reason {
	return append(source.Reasons(), ReasonGzip, ReasonJSON, ReasonNotLog, ReasonSize, ReasonShared)
}

// Permanent reports whether reading an object again is pointless that could not be
// read for the reason.
func Permanent(r source.Reason) bool {
	switch r {
	case ReasonGzip, ReasonJSON, ReasonNotLog, ReasonSize:
		return true
	}
	return false
}

// reasonOf returns the reason of an error that ended the reading of an object.
func reasonOf(err error) source.Reason {
	var failure *source.Error
	if errors.As(err, &failure) {
		return failure.Reason
	}
	for _, f := range formats() {
		if f.reason != nil {
			if reason := f.reason(err); reason != "" {
				return reason
			}
		}
	}
	switch {
	case errors.Is(err, record.ErrNotLog):
		return ReasonNotLog
	case errors.As(err, new(*TooLargeError)):
		return ReasonSize
	case errors.As(err, new(*gzipError)):
		return ReasonGzip
	case errors.Is(err, context.DeadlineExceeded):
		return source.ReasonTimeout
	}
	return source.ReasonRead
}

// TooLargeError means that an object has more decompressed bytes than it may have.
type TooLargeError struct {
	Limit int64 // Config.MaxObjectSize
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("larger than %d bytes when decompressed", e.Limit)
}

// gzipError is an error of the compression, as opposed to one of the source.
type gzipError struct{ err error }

func (e *gzipError) Error() string {
	if errors.Is(e.err, gzip.ErrHeader) {
		return "gzip: invalid header, or other data behind the compressed"
	}
	return fmt.Sprintf("decompress: %v", e.err)
}
func (e *gzipError) Unwrap() error { return e.err }
