package warehouse

import (
	"database/sql"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// batch makes batches of a query's rows.
type batch struct {
	*run
	table    *Table
	restorer *restorer
	doubts   doubts
	open     engine.Batch // nil: none
	entries  int
}

// batchRows is how many rows a batch has, unless the entries of a log object must be in
// one.
const batchRows = 1000

func (b *batch) take(row []sql.NullString) error {
	b.restorer.row = row
	if !b.mayBeRecord() {
		return nil
	}
	rec, weight, err := b.restorer.restore(row)
	if err != nil {
		return err
	}
	if rec == nil {
		b.skip(weight.Requests)
		return nil
	}
	if object, ok := b.object(); ok {
		b.doubts.readable[object] = true
	}
	b.count(rec, weight)
	if b.open == nil {
		b.open = b.sink.NewBatch()
	}
	account, _ := b.restorer.column(colAccount)
	region, _ := b.restorer.column(colRegion)
	if len(rec.AccountID) == 0 {
		rec.AccountID = []byte(account)
	}
	if len(rec.Region) == 0 {
		rec.Region = []byte(region)
	}
	path, _ := b.restorer.column(colPath)
	b.intake.Add(b.open, rec, weight, b.table.logObject(path))
	if b.entries++; b.entries < batchRows || b.question.Needs.Ordered {
		return nil
	}
	return b.end()
}

// mayBeRecord reports whether the row may be a record. It takes note of one that is none: of
// a log file that cannot be read, or of lines without their text.
func (b *batch) mayBeRecord() bool {
	object, bad := b.restorer.column(colBad)
	_, raw := b.restorer.column(colRaw)
	switch {
	case !bad || raw:
		return true
	case b.table.Log == record.CloudTrail:
		b.doubts.unread[object] = true
	default:
		b.doubts.malformed[object] = true
		b.summary.SkippedRecords[record.SkipMalformed] += b.restorer.number(colRequests, 1)
	}
	return false
}

// skip takes note of so many records that the decoder has skipped.
func (b *batch) skip(n int64) {
	reason := b.restorer.skipped()
	if reason == "" {
		return
	}
	b.summary.SkippedRecords[reason] += n
	if object, ok := b.object(); ok && reason == record.SkipMalformed {
		b.doubts.malformed[object] = true
	}
}

// object returns the log object of a row of which SQL is not sure.
func (b *batch) object() (path string, ok bool) {
	if path, ok = b.restorer.column(colBad); !ok {
		path, ok = b.restorer.column(colPath)
	}
	return path, ok && b.table.Log == record.ServerAccess
}

// end hands on the batch that is open.
func (b *batch) end() error {
	if b.open == nil {
		return nil
	}
	full := b.open
	b.open, b.entries = nil, 0
	full.Done()
	return b.sink.Take(full)
}
