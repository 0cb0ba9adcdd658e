package reader

import (
	"errors"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// format is how objects are decoded.
type format struct {
	name       record.Format
	layouts    []logkey.Layout // of the keys of such objects
	newDecoder func() Decoder
	// reason returns the reason of an error of the decoder's own, empty for any other
	// error; nil if there are none.
	reason func(err error) source.Reason
}

// formats returns all formats, each in one line.
func formats() []format {
	return []format{
		{accesslog.Format, []logkey.Layout{logkey.Simple, logkey.Partitioned}, func() Decoder { return accesslog.NewDecoder(nil) }, nil},
		{cloudtrail.Format, []logkey.Layout{logkey.Trail}, func() Decoder { return cloudtrail.NewDecoder(nil) }, cloudTrailReason},
	}
}

// Decoder decodes the decompressed objects of a format, one after the other.
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
