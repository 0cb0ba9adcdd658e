package logkey

import "strings"

// SkipReason is why an object is not read: a bounded set of short names, the values of the
// label "reason" of s3_access_exporter_skipped_objects_total. It is no source.Reason:
// nothing has failed.
type SkipReason string

// Why objects are skipped, as their keys show it.
const (
	SkipDigest          SkipReason = "digest"           // CloudTrail-Digest, the hashes of log files
	SkipInsight         SkipReason = "insight"          // CloudTrail-Insight
	SkipNetworkActivity SkipReason = "network_activity" // CloudTrail-NetworkActivity
	SkipAggregated      SkipReason = "aggregated"       // CloudTrail-Aggregated
	SkipLakeResult      SkipReason = "lake_result"      // what a query of CloudTrail Lake has found
	SkipParquet         SkipReason = "parquet"          // logs may be delivered as Parquet, which is not read
	SkipORC             SkipReason = "orc"              // and as ORC
	SkipCompressed      SkipReason = "compressed"       // and compressed in another way than by gzip
	SkipFailed          SkipReason = "failed_delivery"  // what Firehose could not transform or deliver
	SkipExport          SkipReason = "export_task"      // of CloudWatch Logs; a pass reads it, a tailer does not
	SkipFolder          SkipReason = "folder"           // the marker of a folder, a key that ends in a slash
	SkipSpecial         SkipReason = "special_file"     // a pipe, a socket or a device, whatever its key
	SkipUnfinished      SkipReason = "unfinished"       // a file or folder with the name of what is hidden, or not finished, in a directory
	SkipOtherForm       SkipReason = "other_format"     // a log in a form that is not read in its location
	SkipRenamed         SkipReason = "renamed_log"      // a log object under another name, or in another place, than it was written to
	SkipUnknown         SkipReason = "not_a_log"        // the key has no known layout, or the content no known format
)

// Why objects are skipped whose keys show nothing, as their content shows it.
const (
	SkipUnknownLog SkipReason = "unknown_log"   // JSON objects, of which none is of a known log
	SkipOtherLog   SkipReason = "other_log"     // messages of CloudWatch Logs, all of them of other logs
	SkipUnreadable SkipReason = "not_looked_at" // the object that was to show it could not be read
)

// SkipReasons lists every SkipReason. The slice is the caller's.
func SkipReasons() []SkipReason {
	return []SkipReason{
		SkipDigest, SkipInsight, SkipNetworkActivity, SkipAggregated, SkipLakeResult, SkipParquet, SkipORC, SkipCompressed, SkipFailed, SkipExport,
		SkipFolder, SkipSpecial, SkipUnfinished, SkipOtherForm, SkipRenamed, SkipUnknown, SkipUnknownLog, SkipOtherLog, SkipUnreadable,
	}
}

// skippedEndings are those of names below folders of days, as Firehose and who copies logs
// write them, of objects that are skipped, by the reason.
var skippedEndings = map[string]SkipReason{
	".orc": SkipORC, ".zip": SkipCompressed, ".snappy": SkipCompressed, ".hsnappy": SkipCompressed, ".zst": SkipCompressed,
}

// folders of objects that are skipped, by the reason.
var skippedFolders = map[string]SkipReason{
	"CloudTrail-Digest": SkipDigest, "CloudTrail-Insight": SkipInsight, "CloudTrail-NetworkActivity": SkipNetworkActivity,
	"CloudTrail-Aggregated": SkipAggregated, "CloudTrail-Lake": SkipLakeResult,
	"processing-failed": SkipFailed, "decompression-failed": SkipFailed, "format-conversion-failed": SkipFailed,
}

// skipReason recognises the siblings of log files by a folder that they lie in.
func skipReason(folder string) SkipReason {
	for part := range strings.SplitSeq(folder, "/") {
		if why, ok := skippedFolders[part]; ok {
			return why
		}
	}
	return SkipUnknown
}

// MayHoldRequests reports whether somebody may miss what is skipped for this reason.
func (r SkipReason) MayHoldRequests() bool {
	switch r {
	case SkipParquet, SkipORC, SkipCompressed, SkipFailed, SkipExport, SkipRenamed, SkipUnknownLog, SkipOtherLog:
		return true
	}
	return false
}

// Whole reports whether objects that are skipped for this reason lie in folders of their
// own, in which there is nothing else.
func (r SkipReason) Whole() bool {
	switch r {
	case SkipDigest, SkipInsight, SkipNetworkActivity, SkipAggregated, SkipLakeResult:
		return true
	}
	return false
}
