package main

import (
	"slices"
	"strconv"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// reportTable says what a table of a report tells.
type reportTable struct {
	name   string
	title  string          // empty: it is the only table
	fields []query.Field   // requests are grouped by them
	traits classify.Traits // requests with one of them count; empty: every request does
	// rank returns what groups are ordered by, the largest first.
	rank func(sums) int64
	// derived is a column that follows from the fields' values; nil: there is none.
	derived *derivedColumn
}

// derivedColumn is a column of text behind those of the fields.
type derivedColumn struct {
	name  string
	value func(fields []rows.Cell) rows.Cell
}

func byRequests(s sums) int64 { return s.requests }

func byBytes(s sums) int64 { return addCapped(max(s.sent, 0), max(s.received, 0)) }

// overview returns the tables of a report that is not told what to group by. Each
// keeps the two logs apart, as both may record one request.
func overview() []reportTable {
	return []reportTable{
		{
			name:   "sigv2",
			title:  "Requests signed with Signature Version 2, by requester and client",
			fields: []query.Field{query.Log, query.Requester, query.Client, query.ClientVersion},
			traits: classify.NewTraits(classify.TraitSigV2),
			rank:   byRequests,
		},
		{
			name:   "anonymous",
			title:  "Requests without credentials, by bucket and source IP",
			fields: []query.Field{query.Log, query.Bucket, query.SourceIP, query.Outcome},
			traits: classify.NewTraits(classify.TraitAnonymous),
			rank:   byRequests,
		},
		{
			name:   "objects",
			title:  "Requests for objects, by operation and bucket",
			fields: []query.Field{query.Log, query.Operation, query.Bucket},
			traits: classify.NewTraits(classify.TraitObject),
			rank:   byRequests,
		},
		{
			name:    "outdated_clients",
			title:   "Clients that do not sign with Signature Version 4 by default, and the first version that does",
			fields:  []query.Field{query.Log, query.Client, query.ClientVersion},
			traits:  classify.NewTraits(classify.TraitOutdatedClient),
			rank:    byRequests,
			derived: &derivedColumn{name: "sigv4_since", value: sigv4Since},
		},
		{
			name:   "bytes",
			title:  "Bytes, by source IP",
			fields: []query.Field{query.Log, query.SourceIP},
			traits: classify.NewTraits(classify.TraitSent, classify.TraitReceived),
			rank:   byBytes,
		},
	}
}

// sigv4Since returns the version that would mend a client, the second field.
func sigv4Since(fields []rows.Cell) rows.Cell {
	version, ok := classify.SigV4Since(fields[1].Text)
	return rows.Cell{Text: version, Known: ok}
}

// keyColumns returns the columns of what requests are grouped by.
func (t *reportTable) keyColumns() []rows.Column {
	var columns []rows.Column
	for _, f := range t.fields {
		columns = append(columns, rows.ColumnOf(f))
	}
	if t.derived != nil {
		columns = append(columns, rows.Column{Name: t.derived.name, Kind: query.KindText})
	}
	return columns
}

// sumColumns returns the columns of what is added up.
func (t *reportTable) sumColumns() []rows.Column {
	var columns []rows.Column
	for _, s := range t.summed() {
		columns = append(columns, s.Column)
	}
	return columns
}

// summed is such a column.
type summed struct {
	rows.Column
	of func(sums) int64
}

// summed returns what is added up, but for what requests are grouped by.
func (t *reportTable) summed() []summed {
	all := []summed{
		{rows.Column{Name: "requests", Kind: query.KindNumber}, func(s sums) int64 { return s.requests }},
		{rows.Column{Name: query.SentBytes.String(), Kind: query.KindBytes}, func(s sums) int64 { return s.sent }},
		{rows.Column{Name: query.ReceivedBytes.String(), Kind: query.KindBytes}, func(s sums) int64 { return s.received }},
		{rows.Column{Name: "first_seen", Kind: query.KindTime}, func(s sums) int64 { return s.first }},
		{rows.Column{Name: "last_seen", Kind: query.KindTime}, func(s sums) int64 { return s.last }},
	}
	return slices.DeleteFunc(all, func(s summed) bool {
		return slices.ContainsFunc(t.fields, func(f query.Field) bool { return f.String() == s.Name })
	})
}

// row returns a group as a row of the table.
func (t *reportTable) row(values []string, s sums) []rows.Cell {
	var row []rows.Cell
	for _, value := range values {
		row = append(row, rows.Cell{Text: value, Known: value != ""})
	}
	if t.derived != nil {
		row = append(row, t.derived.value(row))
	}
	for _, column := range t.summed() {
		row = append(row, column.cell(s))
	}
	return row
}

func (c *summed) cell(s sums) rows.Cell {
	n := c.of(s)
	switch {
	case c.Kind == query.KindTime:
		return rows.Cell{Text: time.Unix(n, 0).UTC().Format(time.RFC3339), Known: true}
	case n == record.Unknown:
		return rows.Cell{}
	}
	return rows.Cell{Text: strconv.FormatInt(n, 10), Known: true}
}
