package reader

import (
	"errors"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Format is how the objects of one log are decoded.
type Format struct {
	Log        record.Log
	NewDecoder func() Decoder
	// Reason returns the reason of an error of the decoder's own, empty for any other
	// error; nil if there are none.
	Reason func(err error) source.Reason
}

// Formats returns the formats of all logs, each in one line.
func Formats() []Format {
	return []Format{
		{record.ServerAccess, func() Decoder { return accesslog.NewDecoder(nil) }, nil},
		{record.CloudTrail, func() Decoder { return cloudtrail.NewDecoder(nil) }, cloudTrailReason},
	}
}

// Decoder decodes the decompressed objects of a log, one after the other.
type Decoder interface {
	Reset(r io.Reader)
	Prefilter(candidate func(raw []byte) bool)
	Next() bool
	Record() *record.Record
	Err() error
	Skipped() record.Skipped
}

func cloudTrailReason(err error) source.Reason {
	switch {
	case errors.Is(err, cloudtrail.ErrNotLog):
		return ReasonNotLog
	case errors.As(err, new(*cloudtrail.SyntaxError)):
		return ReasonJSON
	}
	return ""
}
