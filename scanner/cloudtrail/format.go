package cloudtrail

import "github.com/s3access/s3_access_exporter/scanner/record"

// Format is the format that the Decoder reads: JSON documents with events. A record's
// raw bytes are an event from brace to brace.
const Format record.Format = "cloudtrail"
