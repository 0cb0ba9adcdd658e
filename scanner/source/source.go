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

// Object is one stored object as a listing shows it. Key, Size and what the store
// has of ETag and LastModified make up the object's version.
type Object struct {
	Key          string    // the whole key, from the bucket's root
	Size         int64     // bytes as stored
	LastModified time.Time // as finely as the store shows it; a directory, in nanoseconds where the file system has them
	// ETag is S3's, just as listed, quotes included. It is empty where the store
	// has none, as a directory, and where it is not known any more.
	ETag string
	// Special is whether it is no file, but a pipe, a socket or a device in a directory. It
	// is not to be opened: that would wait for whoever is at the other end.
	Special bool
	// Unfinished is whether it is passed over, as its name shows that a tool has not finished it,
	// or hides it: a file or a folder of a directory. The key of a folder ends in a slash, and
	// nothing that lies in it is listed. There is nothing else known of it, and nothing to be opened.
	Unfinished bool
	// Seen is when it was seen so, by the clock of this process, where all else does not show
	// that it is complete, as of a file in a directory that was modified not long ago: Open
	// waits until it has been like that for long enough. Zero: Open does not wait.
	Seen time.Time
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
	// Open returns the bytes of a listed object as stored, decompressed by nobody.
	// What arrives is held against obj. If the store has another version by now,
	// Open or the body fails with ReasonChanged; if just not as many bytes come as
	// were listed, with ReasonLength. An ETag that is empty, as of an object that is
	// remembered and not listed anew, is held against nothing: then another size
	// means another version. The caller reads to io.EOF, which vouches for the
	// whole object, or to an error, and closes it.
	Open(ctx context.Context, obj Object) (io.ReadCloser, error)
	// Stat returns the object of that key as a listing would show it now. It
	// fails with ReasonGone if there is none, and that is for sure: an answer of
	// somebody else than the store, or a directory that is not there, is another reason.
	Stat(ctx context.Context, key string) (Object, error)
}

// Keeper is a Source in which there are several keys for one object, of which listings have
// but one.
type Keeper interface {
	// Keep makes listings have the keys below prefix, as long as they lead to objects. Of
	// two prefixes that stand for the same objects, the one counts that was kept first, or
	// listed.
	Keep(prefix string)
	// Kept returns prefixes that listings have by now, and will have if they are kept: one
	// for all keys that stand for the same objects. They are sorted.
	Kept() []string
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
	ReasonRedirect     Reason = "redirect"       // to another host than the one that was asked, which is not followed
	ReasonListing      Reason = "bad_listing"    // an answer that is no listing, or one without end
	ReasonThrottled    Reason = "throttled"      // SlowDown and its like, of S3 or KMS
	ReasonServerError  Reason = "server_error"   // any other 5xx
	ReasonTimeout      Reason = "timeout"        // no answer, or one that comes too slowly
	ReasonNetwork      Reason = "network"        // connection refused, reset or closed early; name not found
	ReasonChecksum     Reason = "checksum"       // the bytes do not match the checksum that S3 keeps
	ReasonChanged      Reason = "changed"        // another version than was listed, replaced while it was read, or a file that is still being written
	// ReasonLength is for an answer that is not the whole object although, by the
	// store, it has not changed: fewer or more bytes than listed, or a status
	// other than 200.
	ReasonLength   Reason = "wrong_length"
	ReasonArchived Reason = "archived" // in a storage class that must be restored first
	ReasonRead     Reason = "read"     // anything else
)

// Reasons lists the reasons that a Source gives. The slice is the caller's.
func Reasons() []Reason {
	return []Reason{
		ReasonGone, ReasonAccessDenied, ReasonCredentials, ReasonNoSuchBucket, ReasonRedirect, ReasonListing, ReasonThrottled,
		ReasonServerError, ReasonTimeout, ReasonNetwork, ReasonChecksum, ReasonChanged, ReasonLength, ReasonArchived, ReasonRead,
	}
}

// Error is a failed call of a Source.
type Error struct {
	Op     string // "list", "open" or "read"
	Key    string // the object's key, or the listing's prefix
	Reason Reason
	Err    error
	// Requests is how many requests the store has answered to a listing that failed, as far
	// as the Source counts them: each is billed.
	Requests int
}

// Error implements error. It is one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %q: %v", e.Op, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
