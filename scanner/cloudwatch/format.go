package cloudwatch

import "github.com/s3access/s3_access_exporter/scanner/record"

// The formats that the Decoder and the ExportDecoder read. The formats of their records are
// accesslogjson.Format and cloudtrail.Format, also in messages.
const (
	Format       record.Format = "cloudwatch"
	ExportFormat record.Format = "cloudwatch_export"
)
