// Package report counts requests in groups.
//
// A Report is an engine.Sink: it adds up entries by the fields of its Tables
// (report.go). What is finished is put in order (ranking.go) and printed (print.go). It
// takes bounded memory, however many groups there are.
package report

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort/sums"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// The memory that the groups of a table take: of one batch, and of all that was read.
// What is more goes to temporary files.
const (
	batchMemory = 1 << 20
	totalMemory = 16 << 20
)

// Report adds up entries in the groups of some Tables.
type Report struct {
	tables []Table
	totals []*sums.Sums // of each table
	pool   extsort.Pool
}

var _ engine.Sink = (*Report)(nil)

// New returns a Report in which nothing was counted.
func New(tables []Table) *Report {
	r := &Report{tables: tables}
	r.totals = r.newSums(totalMemory)
	return r
}

// newSums returns sums for each table.
func (r *Report) newSums(memory int) []*sums.Sums {
	all := make([]*sums.Sums, len(r.tables))
	for i := range all {
		all[i] = sums.New(sums.Config{Columns: columns(), Memory: memory, Pool: &r.pool})
	}
	return all
}

// Needs returns what the Report looks at in an entry, save for the detail of labels.
func (r *Report) Needs() engine.Needs {
	var needs engine.Needs
	for i := range r.tables {
		for _, f := range r.tables[i].Fields {
			if !slices.Contains(needs.Fields, f) {
				needs.Fields = append(needs.Fields, f)
			}
		}
		needs.Traits |= r.tables[i].Traits
	}
	return needs
}

// batch is the groups of one batch.
type batch struct {
	report *Report
	groups []*sums.Sums // of each table
	key    []byte
	err    error // of a temporary file
}

// NewBatch implements engine.Sink.
func (r *Report) NewBatch() engine.Batch { return &batch{report: r, groups: r.newSums(batchMemory)} }

// Add implements engine.Batch.
func (b *batch) Add(e *query.Entry) {
	for i := range b.groups {
		table := &b.report.tables[i]
		if b.err != nil || table.Traits != 0 && !e.Class.Traits.HasAny(table.Traits) {
			continue
		}
		if table.Each == nil {
			b.add(i, e)
			continue
		}
		one, class := *e, *e.Class
		one.Class = &class
		for f := range table.Each(e.Class.Traits).All() {
			class.Traits = classify.NewTraits(f.Trait())
			b.add(i, &one)
		}
	}
}

// add adds an entry to its group in a table.
func (b *batch) add(table int, e *query.Entry) {
	if b.err == nil {
		row := rowOf(e.Weight)
		b.key = appendKey(b.key[:0], b.report.tables[table].Fields, e)
		b.err = b.groups[table].Add(b.key, row[:])
	}
}

// Done implements engine.Batch.
func (b *batch) Done() int {
	held := 0
	for _, g := range b.groups {
		held += g.Keys()
	}
	return held
}

// Take implements engine.Sink.
func (r *Report) Take(taken engine.Batch) error {
	b := taken.(*batch) //nolint:errcheck // every batch is from NewBatch
	if b.err != nil {
		return b.err
	}
	for i, groups := range b.groups {
		if err := groups.AddTo(r.totals[i]); err != nil {
			return err
		}
	}
	return nil
}

// Close removes the temporary files.
func (r *Report) Close() { r.pool.Close() }

// The values in a group's key stand with this byte between them, so that keys sort
// as their values do. In values it becomes U+FFFD.
const separator = "\x00"

// appendKey appends the key of the group that an entry belongs to.
func appendKey(dst []byte, fields []query.Field, e *query.Entry) []byte {
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, separator...)
		}
		start := len(dst)
		dst, _ = f.Append(dst, e)
		if value := dst[start:]; bytes.Contains(value, []byte(separator)) {
			dst = append(dst[:start], bytes.ReplaceAll(value, []byte(separator), []byte(string(utf8.RuneError)))...)
		}
	}
	return dst
}
