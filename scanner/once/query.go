package once

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Query is what to read. The zero Query is everything.
//
// It spares listing and reading, but chooses no records: objects hold more than
// was asked for, so which of their records count is the Consumer's decision. All
// that a Query asks for is read, as long as Slack is true.
type Query struct {
	// Since and Until are the times of the requests that are wanted: from Since on
	// and before Until. Zero: from the first, to the last.
	Since, Until time.Time
	// Slack is how long after a request the object that holds it may have been
	// delivered. It costs as much as it is longer: objects that were delivered up
	// to Until + Slack are read.
	Slack time.Duration
	// Wanted reports whether objects with such a Key may hold what is asked for;
	// nil: all may. It decides by the Stream's log, AccountID, Region and Bucket, of
	// which what is empty is not known and speaks against nothing; Time and ByEvent
	// are not set. Where it refuses an object whose whole stream has the same in its
	// keys, the listing passes over the stream. It is called from many goroutines at once.
	Wanted func(logkey.Key) bool
	// Prefilter reports whether a record may be asked for, by its bytes as they stand
	// in the log; see the Format of each decoder. Others are neither decoded nor counted
	// as anything, not even as malformed. Nil: all may. The bytes are valid during the
	// call. It is called from many goroutines at once.
	Prefilter func(format record.Format, raw []byte) bool
	// Progress, if not nil, shows how far the pass is. It serves one pass.
	Progress *Progress
}

// keySkew is how much later than the time in an object's key a request in it may
// have come: keys of CloudTrail have minutes, and clocks differ.
const keySkew = 15 * time.Minute

const day = 24 * time.Hour

// ahead and behind are how far the clocks of time zones are before and after UTC. Free
// keys may have the time of any zone, which nothing in them shows.
const (
	ahead  = 14 * time.Hour
	behind = 12 * time.Hour
)

// longest is how long after the time in its key an object may go on that is named after its
// beginning: Ceph's ObjectRollTime is five minutes unless somebody sets another one.
const longest = day

// narrow reports whether the query leaves out objects.
func (q *Query) narrow() bool {
	return !q.Since.IsZero() || !q.Until.IsZero() || q.Wanted != nil
}

// Reads reports whether a pass reads the object with a key, if that is no other than it
// looks.
func (q *Query) Reads(k logkey.Key) bool {
	read, _ := q.choose(k)
	return read
}

// choose reports whether the object with a key that is listed is to be read.
// Where goOn is not empty, none of the keys up to it is.
func (q *Query) choose(k logkey.Key) (read bool, goOn string) {
	switch {
	case !q.narrow() || k.Stream.Layout == 0 || k.Time.IsZero(): // the latter: it belongs to no stream, or has no time
		return k.Skip == "", ""
	case q.over(k):
		return false, k.Beyond()
	case q.early(k):
		back := margin(k)
		if sharesFolders(k) {
			back = max(back, widest)
		}
		return false, k.Ahead(q.Since.Add(-back))
	case k.Skip.Whole():
		return false, k.Stream.End()
	case k.Skip != "":
		return false, ""
	case !q.wants(k) && !k.Stray():
		return false, k.Beyond()
	}
	return !q.delivered(exact(k)) && q.wants(k), ""
}

// exact returns the time of an object's key, or the earliest that it may mean.
func exact(k logkey.Key) time.Time {
	if k.Free() || k.Local {
		return k.Time.Add(-ahead)
	}
	return k.Time
}

func (q *Query) wants(k logkey.Key) bool {
	k.Time, k.ByEvent = time.Time{}, false
	return q.Wanted == nil || q.Wanted(k)
}

// margin is how long before a request the time in the key of an object may be that holds
// it.
func margin(k logkey.Key) time.Duration {
	switch {
	case k.Free():
		return keySkew + k.Grain + behind
	case k.Local:
		return keySkew + longest + behind
	}
	return keySkew
}

// widest is the margin of whatever may lie in a folder of a day.
const widest = keySkew + day + behind

// sharesFolders reports whether objects with free keys may lie in the key's folder of a day,
// as they do among server access logs: their time is that of the folder, in any zone.
func sharesFolders(k logkey.Key) bool {
	return k.Free() || k.Stray() || k.Stream.Layout == logkey.Partitioned || k.Stream.Layout == logkey.Foreign
}

// early reports whether all requests of the object came before Since.
func (q *Query) early(k logkey.Key) bool {
	end := k.Time.Add(margin(k))
	if k.ByEvent && !k.Local {
		end = k.Time.Add(day)
	}
	return !end.After(q.Since)
}

// over reports whether all requests of the object, and of those behind it in its
// stream, came after Until.
func (q *Query) over(k logkey.Key) bool {
	if sharesFolders(k) {
		return q.delivered(k.Time.Truncate(day).Add(-ahead))
	}
	return q.delivered(exact(k))
}

// delivered reports whether all that is wanted was delivered before an object
// whose key has time t. If that is the first second of a day, the object may hold
// the requests of that day, or be one that was delivered just then.
func (q *Query) delivered(t time.Time) bool {
	return !q.Until.IsZero() && !t.Before(q.Until.Add(q.Slack))
}
