package cloudwatch

import (
	"bytes"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// The names of members that matter, in the order in which AWS writes them, with those
// between them.
const (
	messageType = iota
	owner
	logGroup
	logStream
	filters
	logEvents // an array: of an envelope
	account   // EventBridge's
	detail    // an object: of EventBridge's envelope
	records   // an array: of a log file of CloudTrail

	schemaVersion // of a record of a server access log, as the next three
	bucketARN
	bucketName
	requestTime
	eventVersion // of an event of CloudTrail
	eventSource
)

// The first of the members of which each shows what an object is.
const (
	firstOfRecord = schemaVersion
	firstOfEvent  = eventVersion
)

var names = jsonscan.NamesOf("messageType", "owner", "logGroup", "logStream", "subscriptionFilters", "logEvents",
	"account", "detail", "Records", "schema_version_id", "bucket_arn", "bucket_name", "request_time", "eventVersion", "eventSource")

const (
	eventID = iota
	timestamp
	message
)

var eventNames = jsonscan.NamesOf("id", "timestamp", "message")

// IsLog reports whether an object with these members, of which there may be more, is likely to
// be a record, an event, an envelope or a log file that a Decoder reads.
func IsLog(members []string) bool {
	has := func(name string) bool { return slices.Contains(members, name) }
	return accesslogjson.IsRecord(members) || cloudtrail.IsEvent(members) || cloudtrail.IsLogFile(members) ||
		has("messageType") && (has("logGroup") || has("owner")) || has("detail-type") && has("detail")
}

// ShowsLog reports whether text may hold records, or envelopes, of a log that is read,
// wherever they begin.
func ShowsLog(text []byte) bool {
	has := func(name string) bool { return bytes.Contains(text, []byte(name)) }
	return has(`"schema_version_id"`) || has(`"eventVersion"`) && has(`"eventID"`) || has(`"logEvents"`) && has(`"messageType"`)
}
