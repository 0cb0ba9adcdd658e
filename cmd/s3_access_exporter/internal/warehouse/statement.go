package warehouse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// needs is what decides on a question: what its sink looks at, and its filter.
type needs struct {
	fields    []query.Field
	traits    classify.Traits
	durations bool
	sessions  bool // of assumed roles
	single    bool // every request by itself
	ordered   bool
	limit     int // of requests, where SQL can decide which they are; 0: none
}

func needsOf(q *engine.Question) *needs {
	n := &needs{
		fields:    append(q.Filter.Fields(), q.Needs.Fields...),
		traits:    q.Filter.Traits() | q.Needs.Traits,
		durations: q.Needs.Durations,
		single:    q.Needs.Single,
		ordered:   q.Needs.Ordered,
	}
	if n.single && q.Filter.TimeAlone() {
		n.limit = q.Needs.Limit
	}
	// Of the features, what decides on the signature is always there.
	if others := classify.FeatureTraits() | classify.UndeterminedTraits(); n.traits&others&^classify.NewTraits(classify.TraitSigV2) != 0 {
		n.fields = append(n.fields, query.Feature)
	}
	n.sessions = slices.Contains(q.Filter.Fields(), query.Requester) ||
		q.Needs.Labels == nil || q.Needs.Labels.Requester == classify.RequesterARN
	return n
}

func (n *needs) any(fields ...query.Field) bool {
	return slices.ContainsFunc(fields, func(f query.Field) bool { return slices.Contains(n.fields, f) })
}

// always are the fields that every query decides on, whatever its parts.
var always = []query.Field{
	query.Time, query.Day, query.Hour, query.Log, query.AccountID, query.Region, query.Operation, query.Signature,
	query.AuthMethod, query.Outcome, query.Status, query.ErrorCode, query.ObjectName,
}

// column is a column of a query's result.
type column struct {
	name, sql string
}

// statement is a query and what its result is.
type statement struct {
	log     record.Log
	columns []string // of the result, all of them varchar
	sql     string
}

// The columns of a result that are no parts of a record.
const (
	colRaw      = "raw"  // a record as it is
	colBad      = "bad"  // the log object of a record that may be none, or that could not be read
	colPath     = "path" // the log object
	colAccount  = "accountfolder"
	colRegion   = "regionfolder"
	colSpan     = "span"     // what the time is cut down to, to group by
	colRequests = "requests" // how many
	colSent     = "sentbytes"
	colReceived = "receivedbytes"
	colFirst    = "firstseen"
	colLast     = "lastseen"
)

// folders are the columns of what a log object's name shows.
func (n *needs) folders() (columns []column) {
	if n.single || n.any(query.ObjectName) {
		columns = append(columns, column{colPath, "path"})
	}
	if n.single || n.any(query.AccountID) {
		columns = append(columns, column{colAccount, "accountfolder"})
	}
	if n.single || n.any(query.Region) {
		columns = append(columns, column{colRegion, "regionfolder"})
	}
	return columns
}

// span is the column of the time, as far as it is looked at.
func (n *needs) span() []column {
	cut := func(seconds string) []column {
		return []column{{colSpan, "CAST(t - mod(mod(t, " + seconds + ") + " + seconds + ", " + seconds + ") AS varchar)"}}
	}
	switch {
	case n.any(query.Time):
		return []column{{colSpan, "CAST(t AS varchar)"}}
	case n.any(query.Hour):
		return cut("3600")
	case n.any(query.Day):
		return cut("86400")
	}
	return nil
}

// columnsOf returns the columns of the parts of a record that is taken apart.
func (n *needs) columnsOf(parts []part) (columns []column) {
	for _, p := range parts {
		sql := p.whole
		if p.needed != nil && !n.single && !p.needed(n) {
			sql = p.blank
		}
		if p.name == "requester" || p.name == "arn" {
			sql = n.cutSession(sql)
		}
		if sql != "" {
			columns = append(columns, column{p.name, sql})
		}
	}
	return columns
}

// cutSession cuts the session from a requester, if nobody looks at it.
func (n *needs) cutSession(sql string) string {
	switch sql {
	case head("4"):
		if !n.sessions && !n.single {
			return "regexp_replace(" + sql + ", " + quote(sessionPattern) + ", '$1/-')"
		}
	case "arn":
		if !n.sessions && !n.single {
			return `regexp_replace(arn, ` + quote(sessionInJSON) + `, '$1/-"')`
		}
	}
	return sql
}

// lineStatement returns the query of server access logs.
func lineStatement(q *engine.Question, lines string) statement {
	n, parts := needsOf(q), lineParts()
	lines += where([]string{"trim(line) <> ''"})
	if needles := needleConditions("line", q.Filter.Needles(accesslog.Format)); len(needles) > 0 {
		lines += " AND (" + isAlien + " OR " + strings.Join(needles, " AND ") + ")"
	}
	timely := timeConditions(q.Filter)
	s := statement{log: record.ServerAccess}
	if n.single {
		return s.singleLines(n, lines, timely)
	}
	columns := append([]column{{colBad, "if(t IS NULL, path)"}, {colRaw, "if(t IS NULL AND NOT " + isAlien + ", line)"}}, n.folders()...)
	for _, c := range append(n.columnsOf(parts), n.span()...) {
		columns = append(columns, column{c.name, "if(t IS NOT NULL, " + c.sql + ")"})
	}
	sums := []column{
		{colSent, "sum(if(t IS NOT NULL, coalesce(try_cast(" + head("11") + " AS bigint), 0)))"},
		{colReceived, "sum(if(t IS NOT NULL, try_cast(" + head("12") + " AS bigint)))"},
	}
	return s.grouped(columns, sums, lineTable(lines), timely)
}

// singleLines makes the statement one that returns every line.
func (s statement) singleLines(n *needs, lines string, timely []string) statement {
	columns := append([]column{{colBad, "if(" + isAlien + ", path)"}, {colRaw, "if(NOT " + isAlien + ", line)"}}, n.folders()...)
	if n.limit == 0 && len(timely) == 0 {
		return s.plain(columns, lines, nil)
	}
	lines = lineTable(lines)
	switch {
	case n.limit > 0 && n.ordered: // a line's place in its log object goes lost when lines are sorted
		lines = "SELECT *, row_number() OVER () AS place FROM (" + lines + ")" + where(timely)
		s = s.plain(columns, earliest(lines, sureLine, n.limit), nil)
		s.sql += " ORDER BY path, place"
		return s
	case n.limit > 0:
		return s.plain(columns, some("SELECT * FROM ("+lines+")"+where(timely), sureLine, n.limit), nil)
	}
	return s.plain(columns, lines, timely)
}

// eventStatement returns the query of CloudTrail's events.
func eventStatement(d Dialect, q *engine.Question, files string) statement {
	n, s := needsOf(q), statement{log: record.CloudTrail}
	conditions := append([]string{"(bad IS NOT NULL OR " + isS3 + ")"}, timeConditions(q.Filter)...)
	for _, c := range needleConditions(eventTexts(), q.Filter.Needles(cloudtrail.Format)) {
		conditions = append(conditions, "(bad IS NOT NULL OR "+c+")")
	}
	columns := append([]column{{colBad, "bad"}, {colRaw, "raw"}}, n.folders()...)
	columns = append(columns, n.columnsOf(eventParts())...)
	columns = append(columns, n.span()...)
	events := delivered(columns, "SELECT * FROM ("+eventTable(d, files)+")"+where(conditions))
	for i := range columns {
		columns[i].sql = columns[i].name
	}
	if n.single {
		return s.singleEvents(n, columns, events)
	}
	return s.grouped(columns, []column{{colSent, "sum(sentamount)"}, {colReceived, "sum(receivedamount)"}}, events, nil)
}

// delivered returns the SQL of events without those that were delivered again, with nothing but
// some columns and what else is needed of each: the engine holds one of every ID in memory.
func delivered(columns []column, events string) string {
	const part = `concat(sharedid, coalesce(key, capitalkey, resources, ''), coalesce(objectversion, ''))` // texts of JSON, so none is like two
	const id = `coalesce(if(coalesce(sharedid, '') LIKE '"_%"', if(coalesce(eventtype, '') = '"AwsServiceEvent"', ` + part + `, sharedid)), ` +
		`if(coalesce(originalid, '') LIKE '"_%"', originalid), if(coalesce(id, '') LIKE '"_%"', id), CAST(uuid() AS varchar))`
	bytes := func(c string) string {
		return "if(regexp_like(" + c + ", " + amount + "), CAST(floor(CAST(" + c + " AS double)) AS bigint))"
	}
	kept := append(slices.Clone(columns), column{"t", "t"}, column{"sentamount", bytes("sent")}, column{"receivedamount", bytes("received")},
		column{"identity", id}, column{"object", "path"}, column{"place", "place"})
	return "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY identity ORDER BY object, place) AS copy FROM (SELECT " +
		statement{}.selected(kept) + " FROM (" + events + "))) WHERE copy = 1"
}

// singleEvents makes the statement one that returns every event.
func (s statement) singleEvents(n *needs, columns []column, events string) statement {
	switch {
	case n.limit > 0 && n.ordered:
		events = earliest(events, sureEvent, n.limit)
	case n.limit > 0:
		events = some(events, sureEvent, n.limit)
	}
	s = s.plain(append(columns, column{colFirst, "CAST(t AS varchar)"}), events, nil)
	if n.ordered {
		s.sql += " ORDER BY object, place"
	}
	return s
}

// plain makes the statement one that returns every record.
func (s statement) plain(columns []column, from string, conditions []string) statement {
	s.sql = "SELECT " + s.selected(columns) + " FROM (" + from + ")" + where(conditions)
	for _, c := range columns {
		s.columns = append(s.columns, c.name)
	}
	return s
}

// grouped makes the statement one that returns groups of records.
func (s statement) grouped(by, sums []column, from string, conditions []string) statement {
	sums = append([]column{{colRequests, "count(*)"}, {colFirst, "min(t)"}, {colLast, "max(t)"}}, sums...)
	var numbers []string
	for i := range by {
		numbers = append(numbers, itoa(i+1))
	}
	all := slices.Clone(by)
	for _, c := range sums {
		all = append(all, column{c.name, "CAST(" + c.sql + " AS varchar)"})
	}
	s = s.plain(all, from, conditions)
	s.sql += " GROUP BY " + strings.Join(numbers, ", ")
	return s
}

func (statement) selected(columns []column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.sql+" AS "+c.name)
	}
	return strings.Join(all, ", ")
}

// timeConditions are those of the time. Where it is not sure, Go decides.
func timeConditions(f *query.Filter) (conditions []string) {
	since, until := f.Span()
	if since != nil {
		conditions = append(conditions, fmt.Sprintf("(t IS NULL OR t >= %d)", *since))
	}
	if until != nil {
		conditions = append(conditions, fmt.Sprintf("(t IS NULL OR t < %d)", *until))
	}
	return conditions
}

// needleConditions are those of the texts that a record must have.
func needleConditions(text string, all []query.Needles) (conditions []string) {
	for _, n := range all {
		var either []string
		for _, literal := range n.Literals {
			either = append(either, "strpos("+text+", "+quote(string(literal))+") > 0")
		}
		for _, mark := range n.Unless {
			switch mark {
			case query.MarkEscape:
				either = append(either, "strpos("+text+`, '\') > 0`)
			case query.MarkPercent:
				either = append(either, "strpos("+text+", '%') > 0")
			case query.MarkMapped:
				either = append(either, "strpos(lower("+text+"), ':ff') > 0")
			}
		}
		conditions = append(conditions, "("+strings.Join(either, " OR ")+")")
	}
	return conditions
}

func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// quote returns a text as a literal of SQL.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func itoa(n int) string { return strconv.Itoa(n) }
