package report

import (
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Table describes a table of a Report.
type Table struct {
	Name   string
	Title  string          // empty: it is the only table
	Fields []query.Field   // requests are grouped by them
	Traits classify.Traits // requests with one of them count; empty: every request does
	Rank   Rank
	// SigV4Since adds a column to the fields Client and ClientVersion: the first version
	// of the client that signs with Signature Version 4 by default.
	SigV4Since bool
	// Each returns the features that AWS turns off for each of which a request counts once,
	// with that one alone as its Feature. So nothing is added up over groups. nil: a request
	// counts once.
	Each func(classify.Traits) classify.Features
}

// Rank is what the groups of a Table are ordered by, the largest first.
type Rank uint8

// The Ranks.
const (
	ByRequests Rank = iota
	ByBytes         // sent and received
)

// of returns a group's rank.
func (r Rank) of(s Sum) int64 {
	if r == ByBytes {
		return s.bytes()
	}
	return s.Requests
}

// By returns the one Table of a Report that groups by some fields.
func By(fields []query.Field) []Table { return []Table{{Name: "groups", Fields: fields}} }

// Overview returns the Tables of a Report that groups by nothing in particular. Each
// keeps the two logs apart, as both may record one request.
func Overview() []Table {
	return []Table{
		{
			Name:   "sigv2",
			Title:  "Requests signed with Signature Version 2, by requester and client",
			Fields: []query.Field{query.Log, query.Requester, query.Client, query.ClientVersion},
			Traits: classify.NewTraits(classify.TraitSigV2),
		},
		{
			Name:   "legacy",
			Title:  "Requests with features that AWS turns off, by feature and client; one request may have several",
			Fields: []query.Field{query.Log, query.Feature, query.Requester, query.Client, query.ClientVersion},
			Traits: classify.FeatureTraits(),
			Each:   classify.Traits.Features,
		},
		{
			Name:   "legacy_undetermined",
			Title:  "Requests of which the log does not show whether they have such a feature: that none was found proves nothing of these",
			Fields: []query.Field{query.Log, query.Feature},
			Traits: classify.UndeterminedTraits(),
			Each:   classify.Traits.Undetermined,
		},
		{
			Name:   "anonymous",
			Title:  "Requests without credentials, by bucket and source IP",
			Fields: []query.Field{query.Log, query.Bucket, query.SourceIP, query.Outcome},
			Traits: classify.NewTraits(classify.TraitAnonymous),
		},
		{
			Name:   "objects",
			Title:  "Requests for objects, by operation and bucket",
			Fields: []query.Field{query.Log, query.Operation, query.Bucket},
			Traits: classify.NewTraits(classify.TraitObject),
		},
		{
			Name:       "outdated_clients",
			Title:      "Clients that do not sign with Signature Version 4 by default, and the first version that does",
			Fields:     []query.Field{query.Log, query.Client, query.ClientVersion},
			Traits:     classify.NewTraits(classify.TraitOutdatedClient),
			SigV4Since: true,
		},
		{
			Name:   "bytes",
			Title:  "Bytes, by source IP",
			Fields: []query.Field{query.Log, query.SourceIP},
			Traits: classify.NewTraits(classify.TraitSent, classify.TraitReceived),
			Rank:   ByBytes,
		},
	}
}

// keyColumns returns the columns of what requests are grouped by.
func (t *Table) keyColumns() []rows.Column {
	var columns []rows.Column
	for _, f := range t.Fields {
		columns = append(columns, rows.ColumnOf(f))
	}
	if t.SigV4Since {
		columns = append(columns, rows.Column{Name: "sigv4_since", Kind: query.KindText})
	}
	return columns
}

// keyCells returns the cells of these columns, of the fields' values.
func (t *Table) keyCells(values []string) []rows.Cell {
	var row []rows.Cell
	client := ""
	for i, value := range values {
		row = append(row, rows.Cell{Text: value, Known: value != ""})
		if t.Fields[i] == query.Client {
			client = value
		}
	}
	if t.SigV4Since {
		version, known := classify.SigV4Since(client)
		row = append(row, rows.Cell{Text: version, Known: known})
	}
	return row
}

// sumColumns returns the columns of what is added up, but for the fields that requests
// are grouped by.
func (t *Table) sumColumns() []rows.Column {
	all := []rows.Column{
		requests:      {Name: "requests", Kind: query.KindNumber},
		sentBytes:     rows.ColumnOf(query.SentBytes),
		receivedBytes: rows.ColumnOf(query.ReceivedBytes),
		firstSeen:     {Name: "first_seen", Kind: query.KindTime},
		lastSeen:      {Name: "last_seen", Kind: query.KindTime},
	}
	var columns []rows.Column
	for i, c := range all {
		if !t.groupsBy(column(i)) {
			columns = append(columns, c)
		}
	}
	return columns
}

// sumCells returns the cells of these columns.
func (t *Table) sumCells(s Sum) []rows.Cell {
	var row []rows.Cell
	for i, n := range s.row() {
		if !t.groupsBy(column(i)) {
			row = append(row, column(i).cell(n))
		}
	}
	return row
}

// groupsBy reports whether a column of sums is a field that requests are grouped by.
func (t *Table) groupsBy(c column) bool {
	for _, f := range t.Fields {
		if c == sentBytes && f == query.SentBytes || c == receivedBytes && f == query.ReceivedBytes {
			return true
		}
	}
	return false
}
