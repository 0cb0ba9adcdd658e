package record

import "fmt"

// Skipped counts the records that a decoder read but did not hand out.
type Skipped struct {
	Malformed  int64 // could not be understood, or longer than the decoder's limit
	NotS3      int64 // a CloudTrail event of another service
	NotRequest int64 // an event of S3 that is no single request: aggregated, Insight, network activity
	OtherLog   int64 // a record of another log, where many logs are written to one place
	// First is the first malformed record, nil if there was none.
	First *MalformedError
}

// MalformedError is where a record that could not be understood stands in
// the decompressed object, and why it was not understood. It never quotes the
// record: the log is hostile.
type MalformedError struct {
	Number int64 // the line or the event, from 1
	Offset int64 // of the record's first byte, from 0
	Reason string
}

// Error implements error.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed record %d at byte %d: %s", e.Number, e.Offset, e.Reason)
}
