package reader

import (
	"errors"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/cloudwatch"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// format is how objects are decoded.
type format struct {
	name       record.Format
	layouts    []logkey.Layout // of the keys of such objects
	newDecoder func() record.Decoder
	// reason returns the reason of an error of the decoder's own, empty for any other
	// error; nil if there are none.
	reason func(err error) source.Reason
}

// formats returns all formats, each in one line.
func formats() []format {
	return []format{
		{accesslog.Format, []logkey.Layout{logkey.Simple, logkey.Partitioned}, func() record.Decoder { return accesslog.NewDecoder(nil) }, nil},
		{cloudtrail.Format, []logkey.Layout{logkey.Trail}, func() record.Decoder { return cloudtrail.NewDecoder(nil) }, jsonReason},
		{cloudwatch.Format, []logkey.Layout{logkey.Dated, logkey.Hive, logkey.HiveDay}, func() record.Decoder { return cloudwatch.NewDecoder(nil) }, jsonReason},
		{cloudwatch.ExportFormat, []logkey.Layout{logkey.Export}, func() record.Decoder { return cloudwatch.NewExportDecoder(nil) }, nil},
	}
}

func jsonReason(err error) source.Reason {
	if errors.As(err, new(*jsonscan.SyntaxError)) {
		return ReasonJSON
	}
	return ""
}
