package accesslogjson

import "github.com/s3access/s3_access_exporter/scanner/record"

// Format is the format that the Decoder reads: JSON objects, one a request. A record's raw
// bytes are an object from brace to brace.
const Format record.Format = "accesslogjson"
