// Package logkey reads the keys of log objects: which log an object is of, which
// stream it belongs to, what time it has, or why it is no log object. It knows the
// layouts in which S3 and CloudTrail deliver their logs (layouts.go), and nothing of
// what the objects hold.
//
// A stream is a run of objects whose keys sort by time (stream.go): its prefix is
// everything before the date. As a date begins with a digit, the keys of a stream with
// prefix P lie between P and P + ":", so that a listing can pass over a stream.
package logkey

import (
	"strings"
	"time"
)

// SkipReason is why an object is not read, as far as its key shows: a bounded set of
// short names, the values of the label "reason" of
// s3_access_exporter_skipped_objects_total. It is no source.Reason: nothing has failed.
type SkipReason string

// Why objects are skipped.
const (
	SkipDigest          SkipReason = "digest"           // CloudTrail-Digest, the hashes of log files
	SkipInsight         SkipReason = "insight"          // CloudTrail-Insight
	SkipNetworkActivity SkipReason = "network_activity" // CloudTrail-NetworkActivity
	SkipAggregated      SkipReason = "aggregated"       // CloudTrail-Aggregated
	SkipFolder          SkipReason = "folder"           // the marker of a folder, a key that ends in a slash
	SkipUnknown         SkipReason = "not_a_log"        // the key has no known layout
)

// SkipReasons lists every SkipReason. The slice is the caller's.
func SkipReasons() []SkipReason {
	return []SkipReason{SkipDigest, SkipInsight, SkipNetworkActivity, SkipAggregated, SkipFolder, SkipUnknown}
}

// Key is what an object's key shows. It is comparable.
type Key struct {
	Stream Stream
	Time   time.Time // to the second in server access logs, to the minute in CloudTrail
	// ByEvent: the object holds requests of one day, and its key has no more than that
	// day. Time is then the day's start. Such objects of one day are delivered over many
	// hours, and in no order.
	ByEvent bool
	// AccountID, Region and Bucket are those of a Partitioned key's source bucket,
	// AccountID and Region those of a Trail's key; empty where the key has none.
	AccountID, Region, Bucket string
	// Skip is why the object is not read; empty for a log object. Stream and Time are
	// then set if the key stands below folders of a day.
	Skip SkipReason
}

// Parse returns what the key of an object shows.
func Parse(key string) Key {
	slash := strings.LastIndexByte(key, '/') + 1
	folder, name := key[:slash], key[slash:]
	if name == "" {
		return Key{Skip: SkipFolder}
	}
	for i := range layouts {
		if k, ok := layouts[i].read(folder, name); ok {
			return k
		}
	}
	return foreign(folder, skipReason(folder))
}

// foreign is the Key of an object that is skipped.
func foreign(folder string, why SkipReason) Key {
	prefix, day, ok := cutDay(folder)
	if !ok {
		return Key{Skip: why}
	}
	return Key{Stream: Stream{Prefix: prefix, Layout: Foreign}, Time: day, Skip: why}
}

// skipReason recognises the siblings of CloudTrail's log files by their folder.
func skipReason(folder string) SkipReason {
	for kind, why := range map[string]SkipReason{
		"Digest": SkipDigest, "Insight": SkipInsight, "NetworkActivity": SkipNetworkActivity, "Aggregated": SkipAggregated,
	} {
		if strings.Contains("/"+folder, "/CloudTrail-"+kind+"/") {
			return why
		}
	}
	return SkipUnknown
}

// Stray reports whether the object's folder does not show what lies there: other
// streams may share its prefix and its days, or begin with account IDs where these days
// stand.
func (k Key) Stray() bool {
	return k.Stream.Unordered() || k.Stream.line().folders && k.AccountID == ""
}

// Beyond is Stream.Beyond where the key may be a stray one.
func (k Key) Beyond() string {
	if k.Stray() {
		return k.Stream.Prefix + k.Time.Format("2006/") + ":"
	}
	return k.Stream.Beyond(k.Time)
}

// Ahead returns a string to go on from to all keys with the same prefix that have time t
// or a later one, without passing over another stream.
func (k Key) Ahead(t time.Time) string {
	s := k.Stream
	if s.line().folders {
		s.Layout = Foreign // of which the folders count alone
	}
	return min(s.After(t), k.Beyond())
}
