package scanner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// The reasons why an object that could be fetched gave no records. They do not
// pass by themselves.
const (
	ReasonGzip   source.Reason = "gzip"      // broken or truncated compression
	ReasonJSON   source.Reason = "json"      // broken or truncated JSON
	ReasonNotLog source.Reason = "not_a_log" // JSON without records, text without a line of a log
	ReasonSize   source.Reason = "too_large" // larger than Config.MaxObjectSize
)

// ReasonShared means that some of the object's events were left to another object
// that could not be read. It is read again.
const ReasonShared source.Reason = "shared"

// ErrorReasons lists every reason for which an object may not be read.
func ErrorReasons() []source.Reason {
	return []source.Reason{
		source.ReasonGone, source.ReasonAccessDenied, source.ReasonCredentials, source.ReasonNoSuchBucket, source.ReasonThrottled, source.ReasonServerError,
		source.ReasonTimeout, source.ReasonNetwork, source.ReasonChecksum, source.ReasonChanged, source.ReasonArchived, source.ReasonRead,
		ReasonGzip, ReasonJSON, ReasonNotLog, ReasonSize, ReasonShared,
	}
}

// errTooLarge ends the reading of an object that is too large.
var errTooLarge = errors.New("larger than --scan.max-object-size when decompressed")

// reasonOf names the reason of an error that ended the reading of an object.
func reasonOf(err error) source.Reason {
	var failure *source.Error
	var syntax *cloudtrail.SyntaxError
	switch {
	case errors.As(err, &failure):
		return failure.Reason
	case errors.Is(err, errTooLarge):
		return ReasonSize
	case errors.Is(err, record.ErrNotLog):
		return ReasonNotLog
	case errors.As(err, &syntax):
		return ReasonJSON
	case errors.As(err, new(*gzipError)):
		return ReasonGzip
	case errors.Is(err, context.DeadlineExceeded):
		return source.ReasonTimeout
	}
	return source.ReasonRead
}

// permanent reports whether trying again is pointless.
func permanent(r source.Reason) bool {
	switch r {
	case ReasonGzip, ReasonJSON, ReasonNotLog, ReasonSize:
		return true
	}
	return false
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

const (
	// Pending objects are tried again after firstRetry, then ever later up to
	// lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = 30 * time.Minute
	// An object that is pending for so long is quarantined: what has kept it
	// from being read for days will not end by itself.
	pendingFor = 7 * 24 * time.Hour
)

// trouble returns what to keep of an object that could not be read, given what
// was kept before, the zero Trouble at first.
func trouble(before checkpoint.Failure, r *result, now time.Time) checkpoint.Failure {
	t := checkpoint.Failure{
		Reason:       string(r.err.Reason),
		Error:        r.err.Err.Error(),
		Attempts:     before.Attempts + 1,
		Since:        before.Since,
		Size:         r.obj.Size,
		LastModified: r.obj.LastModified,
	}
	if t.Since.IsZero() {
		t.Since = now
	}
	if before.Quarantined || permanent(r.err.Reason) || now.Sub(t.Since) > pendingFor {
		t.Quarantined = true
		return t
	}
	wait := min(lastRetry, firstRetry<<min(t.Attempts-1, 20))
	wait += rand.N(wait / 2) // so that many objects do not come back at once
	t.NextTry = now.Add(wait)
	return t
}
