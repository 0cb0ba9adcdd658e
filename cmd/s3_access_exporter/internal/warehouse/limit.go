package warehouse

import "strings"

// The first requests alone are asked for where the question has a Limit and SQL can decide
// which they are: no filter but that of the time, and requests of which SQL is sure. All
// others come besides, and Go decides.

// sureLine holds for a line that is a request for sure.
const sureLine = "t IS NOT NULL"

// sureEvent holds for an event that is a request for sure: the decoder skips none of these.
var sureEvent = strings.Join([]string{
	"bad IS NULL", "raw IS NULL", "t IS NOT NULL", isText("operation"),
	`regexp_like(coalesce(version, '"1"'), '^"1([.].*)?"$')`,
	`regexp_like(coalesce(source, ''), ` + s3Sources + `)`,
	`coalesce(category, '') NOT IN ('"Insight"', '"NetworkActivity"', '"Aggregated"')`,
	`coalesce(eventtype, '') NOT IN ('"AwsCloudTrailInsight"', '"AwsVpceEvents"', '"AwsAggregatedEvent"', '"AwsServiceEvent"')`,
	"regexp_like(coalesce(sent, '0'), " + amount + ")", "regexp_like(coalesce(received, '0'), " + amount + ")",
}, " AND ")

// earliest returns the SQL of the rows that are not sure, and of the earliest of those that
// are, with all that are as early as the last of them: among these, the names of log objects
// decide, and the places in them.
func earliest(rows, sure string, limit int) string {
	return numbered(rows, sure, "rank() OVER", "ORDER BY t", limit)
}

// some returns the SQL of the rows that are not sure, and of so many of those that are.
func some(rows, sure string, limit int) string {
	return numbered(rows, sure, "row_number() OVER", "", limit)
}

// numbered numbers the rows that are sure. Each of the others is the first of its own.
func numbered(rows, sure, number, order string, limit int) string {
	return "SELECT * FROM (SELECT *, " + number + " (PARTITION BY if(" + sure + ", '', CAST(uuid() AS varchar)) " + order + ") AS nth FROM (" + rows + ")) WHERE nth <= " + itoa(limit)
}
