package warehouse

import (
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// The patterns by which SQL takes apart a line of a server access log. They match less
// than the decoder reads: what they do not match comes as it is. RE2, Joni and Go read
// them alike, and each in a time that grows with the line's length alone: the part that
// clients write freely is cut out by its quotes before tailPattern looks at the rest. One
// pattern for a whole line takes Joni seconds if the line is hostile.
const (
	// headPattern has the fields up to the turn-around time, and what stands behind. The
	// request ID is none of Ceph's, and neither it nor the requester looks like an operation,
	// so that there is one way to read the line.
	headPattern = `^[^ ]+ +([^ ]+) +\[([0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}) \+0000\]` +
		` +([^ "]+) +([^ "]+|arn:[^ "]+:user/CloudFront Origin Access Identity [0-9A-Z]+) +([^ ".t][^ ".]*)` +
		` +((?:REST|BATCH|S3|WEBSITE|SOAP)\.[^ "]*) +([^ "]+) +(?:"([^ ]*(?: [^ ]*){0,2})"|-) +(-|[0-9]{3}) +([^ "]+)` +
		` +(-|[0-9]{1,15}) +(-|[0-9]{1,15}) +(-|[0-9]{1,15}) +(-|[0-9]{1,15}) +(".*|- +-.*)$`
	headFields = 15

	// tailPattern has the fields behind the user agent: none, the version ID alone, or all
	// of them up to the TLS version and what was appended since.
	tailPattern = `^(?: +([^ ]+)(?: +([^ ]+) +(-|[Ss][Ii][Gg][^ ]*) +([^ ]+) +([^ ]+) +([^ ]+) +([^ ]+)` +
		`(?: +([^ ]+)(?: +([^ ]+)(?: +([^ ]+)(?: .*)?)?)?)?)?)? *$`
	tailFields = 10

	// sessionPattern is the ARN of an assumed role with its session.
	sessionPattern = `^(arn:[^:]*:[^:]*:[^:]*:[^:]*:assumed-role/[^/]*)/.*$`

	// The parameters of presigned requests.
	inQuery    = `^[^?]*\?([^ ]*&)?`
	queryHMAC  = inQuery + `X-Amz-Algorithm=AWS4-HMAC-SHA256(&| |$)`
	queryECDSA = inQuery + `X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256(&| |$)`

	// The request URIs of the object that is called -, see access.Key.
	uriDash = `^[^ ]* [^ ?]*/(-|%2[Dd])([ ?]|$)`
)

// The request URIs that stand for these.
const (
	uriV4  = `G /?X-Amz-Algorithm=AWS4-HMAC-SHA256` + uriScope
	uriV4A = `G /?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256` + uriScope
	uriV2  = `G /?AWSAccessKeyId=x&Signature=x&Expires=1 H`

	uriScope = `&X-Amz-Credential=x&X-Amz-Date=x&X-Amz-SignedHeaders=x&X-Amz-Signature=x H`
)

// part is a part of a record that a query returns: whole, or only what is left of it
// where nobody looks at it.
type part struct {
	name  string
	whole string // SQL
	// blank is the SQL of what is left; empty: nothing is, and the query has no such
	// column.
	blank string
	// needed reports whether somebody looks at it; nil: somebody always does.
	needed func(*needs) bool
}

func head(n string) string { return "element_at(f, " + n + ")" }
func tail(n string) string { return "element_at(g, " + n + ")" }

// lineParts has one line for each part of a server access log's line, with the fields
// that it decides.
func lineParts() []part {
	const uploads = "('REST.PUT.OBJECT', 'REST.PUT.PART', 'REST.POST.OBJECT', 'SOAP.PUT.OBJECT', 'WEBSITE.PUT.OBJECT', 'REST.S3_PUT_OBJECT', 'REST.S3_UPLOAD_PART')"
	requester, key, uri, sent, size, total := head("4"), head("7"), head("8"), head("11"), head("12"), head("13")
	dash := key + " = '-' AND regexp_like(" + uri + ", " + quote(uriDash) + ")" // the object of that name
	return []part{
		{"bucket", head("1"), "", by(query.Bucket, query.Feature)},
		{"ip", head("3"), "", by(query.SourceIP)},
		{"requester", requester, "if(lower(" + requester + ") IN ('-', 'anonymous'), " + requester + ", 'r')", by(query.Requester)},
		{"requestid", head("5"), "", by(query.RequestID)},
		{"operation", head("6"), "", nil},
		{"key", "if(" + dash + ", '%2D', " + key + ")", "if(" + key + " = '-' AND NOT (" + dash + "), '-', 'k')", by(query.Key)},
		{"uri", presigned(uri, "if("+uri+" IN ('', '-'), '-', 'u')"), presigned(uri, "'-'"), by(query.Feature)},
		{"status", head("9"), "", nil},
		{"error", head("10"), "", nil},
		{"sent", sent, "if(coalesce(try_cast(" + sent + " AS bigint), 0) > 0, '1', '-')", by(query.SentBytes)},
		{"size", size, "CASE WHEN " + size + " = '-' OR " + head("6") + " NOT IN " + uploads + " THEN '-' WHEN try_cast(" + size + " AS bigint) > 0 THEN '1' ELSE '0' END", by(query.ReceivedBytes, query.ObjectSize)},
		{"total", total, "if(" + total + " = '-', '-', '1')", func(n *needs) bool { return n.durations || n.any(query.TotalTime) }},
		{"turn", head("14"), "", by(query.TurnAroundTime)},
		{"referer", "referer", "", by(query.Referer)},
		{"agent", "agent", "", client},
		{"version", tail("1"), "", by(query.VersionID)},
		{"signature", tail("3"), "", nil},
		{"cipher", tail("4"), "", by(query.CipherSuite, query.Feature)},
		{"auth", tail("5"), "", nil},
		{"host", tail("6"), "if(" + tail("6") + " IN ('', '-'), " + tail("6") + ", 'h')", by(query.Host, query.Feature)},
		{"tls", tail("7"), "", by(query.TLSVersion, query.Feature)},
		{"accesspoint", tail("8"), "", by(query.AccessPoint)},
		{"acl", tail("9"), "", by(query.ACLRequired, query.Feature)},
		{"sourceregion", tail("10"), "", by(query.SourceRegion)},
	}
}

// presigned is what is left of a request URI: the signature of a presigned request, where
// the line has no other; else otherwise. It is access.Fields.Authentication in SQL.
func presigned(uri, otherwise string) string {
	like := func(pattern string) string { return "regexp_like(" + uri + ", " + quote(pattern) + ")" }
	all := func(names ...string) string {
		var each []string
		for _, name := range names {
			each = append(each, like(inQuery+name+"="))
		}
		return strings.Join(each, " AND ")
	}
	v2 := all("AWSAccessKeyId", "Signature", "Expires")
	return "CASE WHEN " + tail("3") + " NOT IN ('', '-') OR strpos(" + uri + ", '?') = 0 THEN " + otherwise +
		" WHEN (" + like(queryHMAC) + " OR " + like(queryECDSA) + ") AND " + all("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature") +
		" THEN CASE WHEN " + like(queryHMAC) + " AND " + like(queryECDSA) + " OR " + v2 + " THEN " + otherwise +
		" WHEN " + like(queryHMAC) + " THEN " + quote(uriV4) + " ELSE " + quote(uriV4A) + " END" +
		" WHEN " + v2 + " THEN " + quote(uriV2) + " ELSE " + otherwise + " END"
}

// client reports whether somebody looks at what a user agent shows.
func client(n *needs) bool {
	return n.any(query.UserAgent, query.Client, query.ClientVersion, query.SigV4Default, query.Support, query.Runtime) ||
		n.traits.Has(classify.TraitOutdatedClient)
}

// by returns a part's needed for the fields that it decides.
func by(fields ...query.Field) func(*needs) bool {
	return func(n *needs) bool { return n.any(fields...) }
}

// lineTable returns the SQL of lines that are taken apart: f and g are the fields, t the
// time in seconds, NULL where the patterns are not sure and the line counts as it is.
func lineTable(lines string) string {
	const sure = `strpos(line, chr(1)) = 0 AND strpos(line, chr(13)) = 0 AND cardinality(f) = 15 AND cardinality(g) = 10 AND (rest LIKE '-%' AND strpos(rest, '"') = 0` +
		` OR rest LIKE '"%' AND border > 0 AND border + 3 <= last AND strpos(agent, '"') = 0 AND strpos(referer, '"') = 0) AND (element_at(g, 3) = '' OR ` + fits + `)`
	return `SELECT *, if(` + sure + `, date_diff('second', TIMESTAMP '1970-01-01 00:00:00', try(date_parse(element_at(f, 2), '%d/%b/%Y:%H:%i:%s')))) AS t FROM (` +
		`SELECT *, if(border > 0 AND border + 3 <= last, substr(rest, border + 4, last - border - 3), '-') AS agent, if(border > 0, substr(rest, 2, border - 1), '-') AS referer FROM (` +
		`SELECT *, strpos(substr(rest, 2), '" "') AS border, length(rest) - length(tail) - 1 AS last, ` + splitBy("tail", tailPattern, tailFields) + ` AS g FROM (` +
		`SELECT *, if(strpos(rest, '"') > 0, reverse(split_part(reverse(rest), '"', 1)), regexp_replace(rest, '^- +-', '')) AS tail FROM (` +
		`SELECT *, element_at(f, 15) AS rest FROM (` +
		`SELECT *, ` + splitBy("line", headPattern, headFields) + ` AS f FROM (` + lines + `))))))`
}

// isAlien holds for a line that cannot be one of a server access log, as it has no time, nor
// Wasabi's line of names. Such lines come whatever is asked for, without their text: who reads the log object itself may
// find that it is compressed, or JSON.
const isAlien = `(line NOT LIKE '% [__/___/____:__:%' AND line NOT LIKE 'Record format: [%')`

// fits holds for a tail that the decoder takes as it is. In 2019 a dash in the place of the
// signature version may be another field.
const fits = `lower(element_at(g, 4)) NOT LIKE 'sig%' AND (element_at(g, 3) <> '-' AND length(to_utf8(element_at(g, 3))) <= 16 OR element_at(g, 3) = '-' AND ` +
	`if(element_at(f, 2) LIKE '%/2019:%', element_at(g, 5) = '-' AND (element_at(g, 7) = '-' OR lower(element_at(g, 7)) LIKE 'tlsv_' OR lower(element_at(g, 7)) LIKE 'tlsv___'), ` +
	`lower(element_at(g, 5)) IN ('-', 'authheader', 'querystring', 'htmlform')))`

// splitBy returns the SQL of a text's groups by a pattern, which are an array of as many
// texts; of another length if the pattern does not match.
func splitBy(text, pattern string, groups int) string {
	var by []string
	for i := range groups {
		by = append(by, "$"+itoa(i+1))
	}
	return "split(regexp_replace(" + text + ", " + quote(pattern) + ", concat('" + strings.Join(by, "', chr(1), '") + "')), chr(1))"
}

// sessionInJSON is sessionPattern for a JSON string.
const sessionInJSON = `^("arn:[^:]*:[^:]*:[^:]*:[^:]*:assumed-role/[^/]*)/.*"$`
