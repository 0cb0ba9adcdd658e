package logkey

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Layout is the way in which the keys of a stream are built. Its value stands in
// Stream.ID, which is kept in checkpoints.
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
	// Dated: any other name below folders PREFIX2006/01/02/[15/], as CloudWatch's log
	// delivery and Firehose make them. What lies there, its content shows.
	Dated Layout = 'd'
	// Hive is Dated with folders PREFIXyear=2006/month=01/day=02/[hour=15/]. A Stream's
	// Prefix ends in "year=".
	Hive Layout = 'y'
	// HiveDay is Dated with a folder PREFIXdt=2006-01-02/[hour=15/], or with date= or day=.
	// A Stream's Prefix ends in the sign.
	HiveDay Layout = 'h'
	// Export: an export task of CloudWatch Logs, PREFIX/TASK/LOGSTREAM/000000.gz. Such
	// objects have no time. They are skipped, for SkipExport, by whoever needs one.
	Export Layout = 'x'
	// Foreign: anything below folders 2006/01/02/ that is skipped for what its key shows.
	Foreign Layout = 'f'
)

const (
	dayFolders  = "2006/01/02/"
	hourFolder  = "15/"
	hiveFolders = "2006/month=01/day=02/"
	hiveHour    = "hour=15/"
	hiveYear    = "year=" // in front of hiveFolders
	hiveDay     = "2006-01-02/"

	fileTime  = "2006-01-02-15-04-05"
	trailTime = "20060102T1504"
)

// layout is a line of the table of layouts.
type layout struct {
	Layout
	name    string     // as a Status has it
	log     record.Log // 0: the key does not show it, or objects are skipped
	folders string     // of a day, below which objects lie; empty: they do not
	hours   string     // the folder of an hour that may follow; empty: none does
	named   bool       // in their names, Stream.File stands in front of the time
	stamp   string     // the time in their names; empty: names are in no order of time
	suffix  string     // what their names end in, but for .gz behind it; may be empty
	// parse returns the Key of an object of this layout, by its folder and its name
	// without the suffix, or false if it is of another one; nil: none is asked for.
	parse func(l *layout, folder, stem string) (Key, bool)
}

// layouts has one line for each layout, in the order in which Parse tries them.
var layouts = [...]layout{
	{Trail, "cloudtrail", record.CloudTrail, dayFolders, "", true, trailTime, ".json", parseTrail},
	{Partitioned, "partitioned", record.ServerAccess, dayFolders, "", false, fileTime, "", parsePartitioned},
	{Simple, "simple", record.ServerAccess, "", "", false, fileTime, "", parseSimple},
	{Dated, "dated", 0, dayFolders, hourFolder, false, "", "", parseDated},
	{Hive, "hive", 0, hiveFolders, hiveHour, false, "", "", parseDated},
	{HiveDay, "hive_day", 0, hiveDay, hiveHour, false, "", "", parseDated},
	{Export, "export", 0, "", "", false, "", "", parseExport},
	{Foreign, "", 0, dayFolders, "", false, "", "", nil},
}

// line returns the layout's line in the table; that of Foreign for no Layout.
func (l Layout) line() *layout {
	for i := range layouts {
		if layouts[i].Layout == l {
			return &layouts[i]
		}
	}
	return &layouts[len(layouts)-1]
}

// Name returns the layout's name as a Status has it; empty for a Foreign one.
func (l Layout) Name() string { return l.line().name }

// read returns the Key of an object if it is of this layout.
func (l *layout) read(folder, name string) (Key, bool) {
	if l.parse == nil {
		return Key{}, false
	}
	if l.suffix == "" {
		return l.parse(l, folder, name)
	}
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, ".gz"), l.suffix)
	if !ok {
		return Key{}, false
	}
	return l.parse(l, folder, stem)
}

// parseTrail parses ACCOUNT_CloudTrail_REGION_20060102T1504Z_UNIQUE. AWS shows one such
// name without the last underscore.
func parseTrail(l *layout, folder, stem string) (Key, bool) {
	account, rest, ok := strings.Cut(stem, "_CloudTrail_")
	if !ok || !isAccount(account) {
		return Key{}, false
	}
	region, rest, ok := strings.Cut(rest, "_")
	const stamp = trailTime + "Z"
	if !ok || !record.IsRegion(region) || len(rest) <= len(stamp) {
		return Key{}, false
	}
	t, err := time.Parse(stamp, rest[:len(stamp)])
	unique := strings.TrimPrefix(rest[len(stamp):], "_")
	prefix, day, dated := cutDay(folder)
	if err != nil || !isAlphanumeric(unique) || !dated || !sameDay(day, t) {
		return Key{}, false
	}
	if why := skipReason(folder); why != SkipUnknown {
		return foreign(folder, why), true
	}
	s := Stream{Prefix: prefix, Layout: l.Layout, File: trailFile(prefix)}
	return Key{Stream: s, Time: t, AccountID: account, Region: region}, true
}

// trailFile returns the File of the Trail with that prefix.
func trailFile(prefix string) string {
	account, kind, region, ok := cutThree(prefix)
	if !ok || !isAccount(account) || kind != "CloudTrail" || !record.IsRegion(region) {
		return ""
	}
	return account + "_CloudTrail_" + region + "_"
}

// parsePartitioned parses 2006-01-02-15-04-05-UNIQUE below the folders of the same day.
func parsePartitioned(l *layout, folder, stem string) (Key, bool) {
	prefix, day, dated := cutDay(folder)
	if !dated {
		return Key{}, false
	}
	before, t, unique, ok := cutStamp(stem)
	if !ok || before != "" || !sameDay(day, t) {
		return Key{}, false
	}
	k := Key{Stream: Stream{Prefix: prefix, Layout: l.Layout}, Time: t, ByEvent: t.Equal(day)}
	if account, region, bucket, ok := cutThree(prefix); ok {
		// The configured prefix may end without a slash, right before the account.
		if n := len(account) - accountDigits; n >= 0 && isAccount(account[n:]) && !isCephAccount(account) && record.IsRegion(region) {
			k.AccountID, k.Region, k.Bucket = account[n:], region, bucket
		}
	}
	k.Local = k.AccountID == "" && isCeph(unique)
	return k, true
}

// parseSimple parses [PREFIX]2006-01-02-15-04-05-UNIQUE.
func parseSimple(l *layout, folder, stem string) (Key, bool) {
	before, t, unique, ok := cutStamp(stem)
	if !ok {
		return Key{}, false
	}
	return Key{Stream: Stream{Prefix: folder + before, Layout: l.Layout}, Time: t, Local: isCeph(unique)}, true
}

// cutStamp cuts the time and the unique part from the end of a server access log's name.
// The unique part has no meaning, AWS writes, and must not be relied on; it has been 16
// digits and capitals so far.
func cutStamp(name string) (before string, t time.Time, unique string, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < len(fileTime) || len(name)-dash-1 < 8 || !isAlphanumeric(name[dash+1:]) {
		return "", time.Time{}, "", false
	}
	before, stamp := name[:dash-len(fileTime)], name[dash-len(fileTime):dash]
	t, err := time.Parse(fileTime, stamp)
	// S3 began in 2006; Stream.End counts on the rest.
	return before, t, name[dash+1:], err == nil && "2006" <= stamp && stamp < "21"
}

// isCeph reports whether the unique part of a name is one of Ceph's: a number of ten digits
// that counts the objects from 0 on, and six digits and capitals up to Y, or 16 of these at
// random. See new_logging_object in
// https://github.com/ceph/ceph/blob/main/src/rgw/rgw_bucket_logging.cc. AWS's have no capitals
// behind F so far, but one of a hundred thousand of them looks like a number, too.
func isCeph(unique string) bool {
	const length, beyondHex = 16, "GHIJKLMNOPQRSTUVWXY"
	counted := strings.HasPrefix(unique, "000") && len(unique) == length && strings.Trim(unique[:10], "0123456789") == ""
	return counted || len(unique) == length && strings.ContainsAny(unique, beyondHex) && isUnique(unique)
}

// isCephAccount reports whether a folder ends in the ID of one of Ceph's accounts: RGW and 17
// digits. Elsewhere Ceph has names of users in that place. See
// https://docs.ceph.com/en/latest/radosgw/account/.
func isCephAccount(folder string) bool {
	const name, digits = "RGW", 17
	n := len(folder) - digits
	return n >= len(name) && folder[n-len(name):n] == name && strings.Trim(folder[n:], "0123456789") == ""
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

// BeforeDay returns what stands in front of the first folders of a day in a prefix of keys,
// or false if it has none.
func BeforeDay(prefix string) (before string, ok bool) {
	for at := range max(len(prefix)-len(dayFolders)+1, 0) {
		if _, ok := dayAt(prefix, at, dayFolders); ok {
			return prefix[:at], true
		}
	}
	return "", false
}

// BeforeDate returns what stands in front of that in a prefix of keys which begins like the
// date of a server access log's name, or all of it if nothing does.
func BeforeDate(prefix string) string {
	const month = "2006-0"
	for at := range max(len(prefix)-len(month)+1, 0) {
		year, rest := prefix[at:at+4], prefix[at+4:]
		if "2006" <= year && year < "21" && strings.Trim(year, "0123456789") == "" && (rest[:2] == "-0" || rest[:2] == "-1") {
			return prefix[:at]
		}
	}
	return prefix
}

// cutThree returns the last three folders of a prefix that ends in a slash.
func cutThree(prefix string) (first, second, third string, ok bool) {
	parts := strings.Split(prefix, "/")
	n := len(parts) - 1
	if n < 3 {
		return "", "", "", false
	}
	return parts[n-3], parts[n-2], parts[n-1], true
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
