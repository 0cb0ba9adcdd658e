package cloudwatch

import "github.com/s3access/s3_access_exporter/scanner/record"

// The formats that the Decoder and the ExportDecoder read. A record's raw bytes are those
// of a message, as package accesslogjson or cloudtrail has it, without the envelope.
const (
	Format       record.Format = "cloudwatch"
	ExportFormat record.Format = "cloudwatch_export"
)
