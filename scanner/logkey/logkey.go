// Package logkey reads the keys of log objects: which log an object is of, which
// stream it belongs to, of which time it is, or why it is no log object. It knows the
// layouts in which S3 and CloudTrail deliver their logs, and nothing of what the
// objects hold.
//
// A stream is a run of objects whose keys sort by time: its prefix is everything
// before the date. As a date begins with a digit, the keys of a stream with prefix P
// lie between P and P + ":", so that a listing can pass over a stream.
package logkey

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Layout is the way in which the keys of a stream are built.
type Layout byte

// The layouts, after
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html and
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html.
const (
	// Simple: server access logs, PREFIX2006-01-02-15-04-05-UNIQUE.
	Simple Layout = 's'
	// Partitioned: server access logs,
	// PREFIXACCOUNT/REGION/BUCKET/2006/01/02/2006-01-02-15-04-05-UNIQUE.
	Partitioned Layout = 'p'
	// Trail: CloudTrail,
	// PREFIX/AWSLogs/[ORGANISATION/]ACCOUNT/CloudTrail/REGION/2006/01/02/ACCOUNT_CloudTrail_REGION_20060102T1504Z_UNIQUE.json.gz.
	Trail Layout = 't'
	// Foreign: anything else below folders 2006/01/02/, which is skipped.
	Foreign Layout = 'f'
)

// Name returns the layout's name as a Status has it; empty for a Foreign one.
func (l Layout) Name() string {
	switch l {
	case Simple:
		return "simple"
	case Partitioned:
		return "partitioned"
	case Trail:
		return "cloudtrail"
	case Foreign:
	}
	return ""
}

// Why an object is skipped: the values of the label "reason" of
// s3_access_exporter_skipped_objects_total.
const (
	SkipDigest          source.Reason = "digest"           // CloudTrail-Digest, the hashes of log files
	SkipInsight         source.Reason = "insight"          // CloudTrail-Insight
	SkipNetworkActivity source.Reason = "network_activity" // CloudTrail-NetworkActivity
	SkipAggregated      source.Reason = "aggregated"       // CloudTrail-Aggregated
	SkipFolder          source.Reason = "folder"           // the marker of a folder, a key that ends in a slash
	SkipNotALog         source.Reason = "not_a_log"        // the key is of no known form
)

// SkipReasons lists every reason for which an object is skipped.
func SkipReasons() []source.Reason {
	return []source.Reason{SkipDigest, SkipInsight, SkipNetworkActivity, SkipAggregated, SkipFolder, SkipNotALog}
}

// Stream is a run of objects whose keys sort by the time that they tell. It is
// comparable.
type Stream struct {
	Prefix string // everything before the date
	Layout Layout
	// File is what the names of a Trail's objects begin with, in front of the
	// time. It follows from Prefix, and is empty where Prefix does not tell the
	// account and the Region.
	File string
}

// ID returns a name for the stream that no other stream of a bucket has.
func (s Stream) ID() string { return string(s.Layout) + ":" + s.Prefix }

// Log returns the kind of log that the stream holds, 0 for a Foreign one.
func (s Stream) Log() record.Log {
	switch s.Layout {
	case Simple, Partitioned:
		return record.ServerAccess
	case Trail:
		return record.CloudTrail
	}
	return 0
}

// End returns a string above every key of the stream, and below every key that
// shares its prefix and has anything but a date behind it.
func (s Stream) End() string {
	if s.Layout == Simple {
		// Other streams may lie below the very prefix, under account IDs, which
		// are digits too. This bound leaves them out but for those from 20 on.
		return s.Prefix + "21"
	}
	return s.Prefix + ":"
}

// Beyond returns a string above the stream's keys of time t and as many more as
// can be passed over without passing over another stream: the keys of a whole
// stream, or of a year where other streams may lie among the stream's own.
func (s Stream) Beyond(t time.Time) string {
	if s.Layout == Simple {
		return s.Prefix + t.UTC().Format("2006-") + "1:" // months begin with 0 or 1
	}
	return s.End()
}

// Unordered reports whether keys of one day come in no order of time: their
// folders are a day's, and their names are anything.
func (s Stream) Unordered() bool {
	return s.Layout == Foreign || s.Layout == Trail && s.File == ""
}

// After returns a string to list after, for all keys of the stream that tell
// time t or a later one.
func (s Stream) After(t time.Time) string {
	t = t.UTC()
	switch s.Layout {
	case Simple:
		return s.Prefix + t.Format(fileTime)
	case Partitioned:
		return s.Prefix + t.Format(dayFolders+fileTime)
	case Trail:
		if s.File != "" {
			return s.Prefix + t.Format(dayFolders) + s.File + t.Format("20060102T1504")
		}
	}
	return s.Prefix + t.Format(dayFolders)
}

// Key is what an object's key says.
type Key struct {
	Stream Stream
	Time   time.Time // to the second in server access logs, to the minute in CloudTrail
	// ByEvent: the object holds requests of one day, and its key tells no more
	// than that day. Time is then the day's start. Such objects of one day are
	// delivered over many hours, and in no order.
	ByEvent bool
	// AccountID, Region and Bucket are those of a Partitioned key's source
	// bucket, AccountID and Region those of a Trail's key; empty if not told.
	AccountID, Region, Bucket string
	// Skip is why the object is not read; empty for a log object. Stream and
	// Time are then set if the key stands below folders of a day.
	Skip source.Reason
}

// Stray reports whether the object's folder does not tell what lies there: other
// streams may share its prefix and its days, or begin with account IDs in the same
// place.
func (k Key) Stray() bool {
	return k.Stream.Unordered() || k.Stream.Layout == Partitioned && k.AccountID == ""
}

// Beyond is Stream.Beyond where the key may be a stray one.
func (k Key) Beyond() string {
	if k.Stray() {
		return k.Stream.Prefix + k.Time.Format("2006/") + ":"
	}
	return k.Stream.Beyond(k.Time)
}

// Ahead returns a string to go on from to all keys with the same prefix that tell
// time t or a later one, without passing over another stream.
func (k Key) Ahead(t time.Time) string {
	s := k.Stream
	if s.Layout != Simple {
		s.Layout = Foreign // of which the folders count alone
	}
	return min(s.After(t), k.Beyond())
}

const (
	dayFolders = "2006/01/02/"
	fileTime   = "2006-01-02-15-04-05"
)

// Parse tells what an object is by its key.
func Parse(key string) Key {
	slash := strings.LastIndexByte(key, '/') + 1
	folder, name := key[:slash], key[slash:]
	if name == "" {
		return Key{Skip: SkipFolder}
	}
	if k, ok := parseTrail(folder, name); ok {
		return k
	}
	if k, ok := parseAccessLog(folder, name); ok {
		return k
	}
	return foreign(folder, skipReason(folder))
}

// foreign is the Key of an object that is skipped.
func foreign(folder string, why source.Reason) Key {
	prefix, day, ok := cutDay(folder)
	if !ok {
		return Key{Skip: why}
	}
	return Key{Stream: Stream{Prefix: prefix, Layout: Foreign}, Time: day, Skip: why}
}

// skipReason tells the siblings of CloudTrail's log files by their folder.
func skipReason(folder string) source.Reason {
	for kind, why := range map[string]source.Reason{
		"Digest": SkipDigest, "Insight": SkipInsight, "NetworkActivity": SkipNetworkActivity, "Aggregated": SkipAggregated,
	} {
		if strings.Contains("/"+folder, "/CloudTrail-"+kind+"/") {
			return why
		}
	}
	return SkipNotALog
}

// parseTrail parses ACCOUNT_CloudTrail_REGION_20060102T1504Z_UNIQUE.json.gz.
// AWS shows one such name without the last underscore.
func parseTrail(folder, name string) (Key, bool) {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, ".gz"), ".json")
	if !ok {
		return Key{}, false
	}
	account, rest, ok := strings.Cut(stem, "_CloudTrail_")
	if !ok || !isAccount(account) {
		return Key{}, false
	}
	region, rest, ok := strings.Cut(rest, "_")
	const stamp = "20060102T1504Z"
	if !ok || !record.IsRegion(region) || len(rest) <= len(stamp) {
		return Key{}, false
	}
	t, err := time.Parse(stamp, rest[:len(stamp)])
	unique := strings.TrimPrefix(rest[len(stamp):], "_")
	prefix, day, dated := cutDay(folder)
	if err != nil || !isAlphanumeric(unique) || !dated || !sameDay(day, t) {
		return Key{}, false
	}
	if why := skipReason(folder); why != SkipNotALog {
		return foreign(folder, why), true
	}
	k := Key{Stream: Stream{Prefix: prefix, Layout: Trail}, Time: t, AccountID: account, Region: region}
	if parts := strings.Split(prefix, "/"); len(parts) >= 4 {
		account, kind, region := parts[len(parts)-4], parts[len(parts)-3], parts[len(parts)-2]
		if isAccount(account) && kind == "CloudTrail" && record.IsRegion(region) {
			k.Stream.File = account + "_CloudTrail_" + region + "_"
		}
	}
	return k, true
}

// parseAccessLog parses [PREFIX]2006-01-02-15-04-05-UNIQUE. The unique part has
// no meaning, says AWS, and must not be relied on; it has been 16 digits and
// capitals so far.
func parseAccessLog(folder, name string) (Key, bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < len(fileTime) || len(name)-dash-1 < 8 || !isAlphanumeric(name[dash+1:]) {
		return Key{}, false
	}
	before, stamp := name[:dash-len(fileTime)], name[dash-len(fileTime):dash]
	t, err := time.Parse(fileTime, stamp)
	if err != nil || stamp < "2006" || stamp >= "21" { // S3 began in 2006; Stream.End counts on the rest
		return Key{}, false
	}
	prefix, day, dated := cutDay(folder)
	if !dated || before != "" || !sameDay(day, t) {
		return Key{Stream: Stream{Prefix: folder + before, Layout: Simple}, Time: t}, true
	}
	k := Key{Stream: Stream{Prefix: prefix, Layout: Partitioned}, Time: t, ByEvent: t.Equal(day)}
	if parts := strings.Split(prefix, "/"); len(parts) >= 4 {
		account, region, bucket := parts[len(parts)-4], parts[len(parts)-3], parts[len(parts)-2]
		// The configured prefix may end without a slash, right before the account.
		if n := len(account) - accountDigits; n >= 0 && isAccount(account[n:]) && record.IsRegion(region) {
			k.AccountID, k.Region, k.Bucket = account[n:], region, bucket
		}
	}
	return k, true
}

// cutDay cuts the folders of a day, "2006/01/02/", from the end of folder.
func cutDay(folder string) (prefix string, day time.Time, ok bool) {
	n := len(folder) - len(dayFolders)
	if n < 0 || n > 0 && folder[n-1] != '/' {
		return "", time.Time{}, false
	}
	day, err := time.Parse(dayFolders, folder[n:])
	return folder[:n], day, err == nil
}

func sameDay(day, t time.Time) bool { return t.Truncate(24 * time.Hour).Equal(day) }

const accountDigits = 12

func isAccount(s string) bool {
	return len(s) == accountDigits && strings.Trim(s, "0123456789") == ""
}

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return s != ""
}
