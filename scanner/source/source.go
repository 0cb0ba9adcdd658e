// Package source is the seam between the scanner and where logs are stored: Source
// is what a store has to offer, Object what it lists, Error how it fails. Walk lists
// a Source and passes over runs of keys. Subpackage sourcetest has the suite that
// every Source must pass.
package source

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"
)

// Object is one stored object as a listing tells it.
type Object struct {
	Key          string // the whole key, from the bucket's root
	Size         int64  // bytes as stored
	LastModified time.Time
}

// Source gives access to the objects of one bucket, or of a directory that
// stands for one. Its methods may be called from many goroutines at once.
// Errors are *Error, or the context's error once that has ended.
type Source interface {
	// List yields the objects whose keys start with prefix and sort after
	// startAfter, in the order of the keys' UTF-8 bytes. startAfter need not be
	// a key, and may lie outside of prefix. An error ends the sequence and is
	// its last element; a sequence without one is complete. List calls the
	// store only as far as the sequence is consumed.
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[Object, error]
	// Open returns the object's bytes as stored, decompressed by nobody. The
	// caller reads to io.EOF, which vouches for the whole object, or to an
	// error, and closes it.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Reason is why something could not be read: a bounded set of short names, used
// as the value of the label "reason".
type Reason string

// The reasons that a Source gives. The scanner has more, for what it finds
// inside an object.
const (
	ReasonGone         Reason = "gone"           // the object is not there any more
	ReasonAccessDenied Reason = "access_denied"  // no permission on the bucket, the object or its KMS key
	ReasonCredentials  Reason = "credentials"    // no credentials, or S3 refuses them
	ReasonNoSuchBucket Reason = "no_such_bucket" // also: no such directory
	ReasonThrottled    Reason = "throttled"      // SlowDown and its like, of S3 or KMS
	ReasonServerError  Reason = "server_error"   // any other 5xx
	ReasonTimeout      Reason = "timeout"
	ReasonNetwork      Reason = "network"  // connection refused, reset or closed early; name not found
	ReasonChecksum     Reason = "checksum" // the bytes do not match the checksum that S3 keeps
	ReasonChanged      Reason = "changed"  // a file that is still being written, or was replaced while it was read
	ReasonArchived     Reason = "archived" // in a storage class that must be restored first
	ReasonRead         Reason = "read"     // anything else
)

// Error is a failed call of a Source.
type Error struct {
	Op     string // "list", "open" or "read"
	Key    string // the object's key, or the listing's prefix
	Reason Reason
	Err    error
}

// Error implements error. It is one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %q: %v", e.Op, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
