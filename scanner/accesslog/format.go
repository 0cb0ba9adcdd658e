package accesslog

import "github.com/s3access/s3_access_exporter/scanner/record"

// Format is the format that the Decoder reads: lines of fields with spaces between them.
// A record's raw bytes are a line without its line feed.
const Format record.Format = "accesslog"
