package record

import (
	"fmt"
	"iter"
)

// SkipReason is why a record is not counted: a bounded set of short names, the values of
// the label "reason" of s3_access_exporter_skipped_records_total.
type SkipReason string

// Why records are skipped.
const (
	SkipDuplicate  SkipReason = "duplicate"   // an event that counts already, delivered again
	SkipMalformed  SkipReason = "malformed"   // could not be understood, or longer than the decoder's limit
	SkipNotRequest SkipReason = "not_request" // an event of S3 that is no single request: aggregated, Insight, network activity
	SkipNotS3      SkipReason = "not_s3"      // a CloudTrail event of another service
	SkipOtherLog   SkipReason = "other_log"   // a record of another log, where several logs are written to one place
	// SkipOtherForm: a record of a server access log in a Form that is not read in its
	// location.
	SkipOtherForm SkipReason = "other_format"
)

// Skipped counts records that are not counted, by SkipReason. Decoders leave Duplicate and
// OtherForm at 0: they are for whoever knows other objects, or what is asked for.
type Skipped struct {
	Duplicate, Malformed, NotRequest, NotS3, OtherLog, OtherForm int64
	// First is the first malformed record, nil if there was none.
	First *MalformedError
}

// All returns the number of records for every SkipReason, also where it is 0, in the
// order of the reasons.
func (s Skipped) All() iter.Seq2[SkipReason, int64] {
	return func(yield func(SkipReason, int64) bool) {
		_ = yield(SkipDuplicate, s.Duplicate) && yield(SkipMalformed, s.Malformed) &&
			yield(SkipNotRequest, s.NotRequest) && yield(SkipNotS3, s.NotS3) &&
			yield(SkipOtherLog, s.OtherLog) && yield(SkipOtherForm, s.OtherForm)
	}
}

// MalformedError shows where a record that could not be understood stands in the
// decompressed object, and why it was not understood. It never quotes the record: the
// log is hostile.
type MalformedError struct {
	Number int64 // the line or the event, from 1
	Offset int64 // of the record's first byte, from 0
	Reason string
}

// Error implements error.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed record %d at byte %d: %s", e.Number, e.Offset, e.Reason)
}
