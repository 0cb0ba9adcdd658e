package scanner

import (
	"math/rand/v2"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
)

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
		Reason:       string(r.Err.Reason),
		Error:        r.Err.Err.Error(),
		Attempts:     before.Attempts + 1,
		Since:        before.Since,
		Size:         r.Object.Size,
		LastModified: r.Object.LastModified,
	}
	if t.Since.IsZero() {
		t.Since = now
	}
	if before.Quarantined || reader.Permanent(r.Err.Reason) || now.Sub(t.Since) > pendingFor {
		t.Quarantined = true
		return t
	}
	wait := min(lastRetry, firstRetry<<min(t.Attempts-1, 20))
	wait += rand.N(wait / 2) // so that many objects do not come back at once
	t.NextTry = now.Add(wait)
	return t
}
