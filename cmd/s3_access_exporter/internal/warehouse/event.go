package warehouse

import (
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// eventColumn is a value of an event as it stands in JSON, quotes included, so that what
// is put together again is of the same type. NULL: the event does not have it.
type eventColumn struct {
	name string
	// member is where the value stands in an event: the names of members, with dots between
	// them.
	member string
}

// eventColumns are in the order in which CloudTrail writes them, and members of one object
// side by side.
var eventColumns = []eventColumn{
	{"version", "eventVersion"},
	{"idtype", "userIdentity.type"},
	{"principal", "userIdentity.principalId"},
	{"arn", "userIdentity.arn"},
	{"account", "userIdentity.accountId"},
	{"accesskey", "userIdentity.accessKeyId"},
	{"username", "userIdentity.userName"},
	{"invokedby", "userIdentity.invokedBy"},
	{"mfa", "userIdentity.sessionContext.attributes.mfaAuthenticated"},
	{"eventtime", "eventTime"},
	{"source", "eventSource"},
	{"operation", "eventName"},
	{"awsregion", "awsRegion"},
	{"ip", "sourceIPAddress"},
	{"agent", "userAgent"},
	{"error", "errorCode"},
	{"bucket", "requestParameters.bucketName"},
	{"namedhost", "requestParameters.Host"},
	{"smallhost", "requestParameters.host"},
	{"key", "requestParameters.key"},
	{"capitalkey", "requestParameters.Key"},
	{"objectversion", "requestParameters.versionId"},
	{"signature", "additionalEventData.SignatureVersion"},
	{"addedcipher", "additionalEventData.CipherSuite"},
	{"smallcipher", "additionalEventData.cipherSuite"},
	{"received", "additionalEventData.bytesTransferredIn"},
	{"auth", "additionalEventData.AuthenticationMethod"},
	{"sent", "additionalEventData.bytesTransferredOut"},
	{"acl", "additionalEventData.aclRequired"},
	{"requestid", "requestID"},
	{"id", "eventID"},
	{"eventtype", "eventType"},
	{"recipient", "recipientAccountId"},
	{"sharedid", "sharedEventID"},
	{"endpoint", "vpcEndpointId"},
	{"endpointaccount", "vpcEndpointAccountId"},
	{"category", "eventCategory"},
	{"console", "sessionCredentialFromConsole"},
	{"tls", "tlsDetails.tlsVersion"},
	{"cipher", "tlsDetails.cipherSuite"},
	{"host", "tlsDetails.clientProvidedHostHeader"},
	{"originalid", "addendum.originalEventID"},
}

// path returns the column of a table in which the value is, or the field in one. Of an
// object that holds what clients sent, tables have the text, and member is what to find in
// it.
func (c eventColumn) path() (column, member string) {
	if object, member, _ := strings.Cut(c.member, "."); object == "requestParameters" || object == "additionalEventData" {
		return strings.ToLower(object), member
	}
	return strings.ToLower(c.member), ""
}

// eventNode is a column of a table of events, or a field in one, with its own fields.
type eventNode struct {
	name   string
	fields []*eventNode
}

// eventTree returns the columns that tables of events have, but for the resources.
func eventTree() (columns []*eventNode) {
	for _, c := range eventColumns {
		path, _ := c.path()
		level := &columns
		for name := range strings.SplitSeq(path, ".") {
			i := slices.IndexFunc(*level, func(n *eventNode) bool { return n.name == name })
			if i < 0 {
				i = len(*level)
				*level = append(*level, &eventNode{name: name})
			}
			level = &(*level)[i].fields
		}
	}
	return columns
}

// resourceFields are those of an element of an event's resources.
func resourceFields() *eventNode {
	return &eventNode{"resources", []*eventNode{{name: "type"}, {name: "accountid"}, {name: "arn"}}}
}

// written returns nodes and their types as an engine writes them.
func written(nodes []*eventNode, between, text, open, end string) string {
	var all []string
	for _, n := range nodes {
		kind := text
		if len(n.fields) > 0 {
			kind = open + written(n.fields, between, text, open, end) + end
		}
		all = append(all, n.name+between+kind)
	}
	return strings.Join(all, ", ")
}

// eventRow is the type of an event in Trino, whose tables hold log files as they are. Names
// are matched in any case; an event that has another form, or a name twice, is NULL in it
// and counts as it is.
func eventRow() string {
	fields := func(nodes []*eventNode) string { return written(nodes, " ", "JSON", "ROW(", ")") }
	return "ROW(" + fields(eventTree()) + ", resources ARRAY(ROW(" + fields(resourceFields().fields) + ")))"
}

// eventTable returns the SQL of events with their columns. Beside them, raw is an event
// that counts as it is, bad the log file that holds none, t the time in seconds, NULL
// where the event's is not sure.
func eventTable(d Dialect, files string) string {
	var columns []string
	for _, c := range eventColumns {
		path, member := c.path()
		value := "CAST(" + d.event + path + " AS JSON)"
		if member != "" {
			value = "json_extract(" + d.event + path + ", '$." + member + "')"
		}
		columns = append(columns, "json_format("+value+") AS "+c.name)
	}
	resources := "transform(" + d.event + "resources, r -> ARRAY[CAST(r.type AS JSON), CAST(r.accountid AS JSON), CAST(r.arn AS JSON)])"
	columns = append(columns, "if(json_format(json_extract("+d.event+"additionaleventdata, '$')) LIKE '{%', '{}') AS additional",
		"json_format(CAST("+resources+" AS JSON)) AS resources",
		"json_format(CAST("+withoutObjects(resources)+" AS JSON)) AS buckets")
	events := "SELECT bad, raw, accountfolder, regionfolder, path, place, " + strings.Join(columns, ", ") + " FROM (" + d.events(files) + ")"
	const form = `'^"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"$'`
	return "SELECT *, if(regexp_like(eventtime, " + form + "), date_diff('second', TIMESTAMP '1970-01-01 00:00:00', " +
		"try(date_parse(substr(eventtime, 2, 19), '%Y-%m-%dT%H:%i:%s')))) AS t FROM (" + events + ")"
}

// namedBucket matches the ARN of a bucket whose name the decoder reads from it. It need not
// match all of them.
const namedBucket = `'^"[^:"]*:[^:"]*:(s3:[^:"]*::|s3express:[^:"]*:[^:"]*:bucket/|s3tables:[^:"]*:[^:"]*:bucket/|` +
	`s3-outposts:[^:"]*:[^:"]*:outpost/[^:/"]*/bucket/)[^:/"\\]'`

// withoutObjects is the SQL of an event's resources without its objects: requests of many
// keys are one group. They stay where they may show what the buckets do not, which is the
// bucket's name.
func withoutObjects(resources string) string {
	const bucket = `coalesce(json_format(r[1]), '') LIKE '"AWS::S3%Bucket"'`
	const named = "regexp_like(coalesce(json_format(r[3]), ''), " + namedBucket + ")"
	return "if(any_match(" + resources + ", r -> " + bucket + ") AND none_match(" + resources + ", r -> " + bucket + " AND NOT " + named + "), " +
		"filter(" + resources + `, r -> coalesce(json_format(r[1]), '') NOT LIKE '%::Object"'), ` + resources + ")"
}

// filesAsEvents returns Trino's SQL of the events in log files, each a line that is a JSON
// document. A file that is none, or has no events, is bad, and its name is returned.
func filesAsEvents(files string) string {
	return "SELECT if(records IS NULL, path) AS bad, if(e IS NULL, json_format(event)) AS raw, accountfolder, regionfolder, path, place, e FROM (" +
		"SELECT records, accountfolder, regionfolder, path, place, event, TRY_CAST(event AS " + eventRow() + ") AS e FROM (" +
		"SELECT *, TRY_CAST(json_extract(try(json_parse(line)), '$.Records') AS ARRAY(JSON)) AS records FROM (" + files + ") WHERE trim(line) <> '')" +
		" CROSS JOIN UNNEST(coalesce(records, ARRAY[CAST(NULL AS JSON)])) WITH ORDINALITY AS u(event, place))"
}

// columnsAsEvents returns Athena's SQL of events, of which the table has columns already.
func columnsAsEvents(events string) string {
	return "SELECT CAST(NULL AS varchar) AS bad, CAST(NULL AS varchar) AS raw, 0 AS place, * FROM (" + events + ")"
}

// eventTexts is the SQL of a text in which there is whatever stands in an event to be
// looked for: every value, and the name of that which is looked for by it.
func eventTexts() string {
	columns := []string{"raw", "resources", `if(acl IS NOT NULL, '"aclRequired"')`}
	for _, c := range eventColumns {
		columns = append(columns, c.name)
	}
	return "concat_ws(' ', " + strings.Join(columns, ", ") + ")"
}

// isText holds for a value that is a string and not empty.
func isText(column string) string { return "coalesce(" + column + `, '') LIKE '"_%"'` }

// without is the SQL of a column that only shows where no other one is a text.
func without(column string, others ...string) string {
	var conditions []string
	for _, other := range others {
		conditions = append(conditions, "NOT "+isText(other))
	}
	return "if(" + strings.Join(conditions, " AND ") + ", " + column + ")"
}

// amount matches a number of bytes that SQL adds up. Others come as they are.
const amount = `'^[0-9]{1,15}([.][0-9]{1,9})?$'`

// eventParts has one line for each part of an event, with the fields that it decides.
func eventParts() []part {
	bytes := func(c string) string {
		return "CASE WHEN NOT coalesce(regexp_like(" + c + ", " + amount + "), false) THEN " + c + " WHEN CAST(" + c + " AS double) >= 1 THEN '1' ELSE '0' END"
	}
	text := func(c, blank string) string { return "if(" + isText(c) + ", '\"" + blank + "\"', " + c + ")" }
	nobody := `if(lower(account) IN ('"anonymous"', '"anonymous_principal"'), account, ` + text("account", "x") + ")"
	return []part{
		{"version", "version", "", nil},
		{"idtype", "idtype", "", nil},
		{"principal", without("principal", "arn", "account"), "", by(query.Requester)},
		{"arn", "arn", "", by(query.Requester)},
		{"account", "account", nobody, by(query.Requester)},
		{"accesskey", "accesskey", "", by(query.AccessKeyID)},
		{"username", without("username", "arn", "account", "principal"), "", by(query.Requester)},
		{"invokedby", "invokedby", "", func(n *needs) bool { return client(n) || n.any(query.Requester, query.Feature) }},
		{"mfa", "mfa", "", by(query.MFA)},
		{"eventtime", "if(t IS NULL, coalesce(eventtime, 'null'))", "", nil}, // never with those whose time is sure
		{"source", "source", "", nil},
		{"operation", "operation", "", nil},
		{"awsregion", "awsregion", "", by(query.Region)},
		{"ip", "ip", "", by(query.SourceIP)},
		{"agent", "agent", "", client},
		{"error", "error", "", nil},
		{"bucket", "bucket", text("bucket", "b"), by(query.Bucket, query.AccountID, query.Feature)},
		{"namedhost", without("namedhost", "host"), without("namedhost", "host", "awsregion"), by(query.Host, query.Feature)},
		{"smallhost", without("smallhost", "host", "namedhost"), without("smallhost", "host", "namedhost", "awsregion"), by(query.Host, query.Feature)},
		{"key", "key", text("key", "k"), by(query.Key)},
		{"capitalkey", "capitalkey", text("capitalkey", "k"), by(query.Key)},
		{"objectversion", "objectversion", "", by(query.VersionID)},
		{"signature", "signature", "", nil},
		{"addedcipher", without("addedcipher", "cipher"), "", by(query.CipherSuite, query.Feature)},
		{"smallcipher", without("smallcipher", "cipher", "addedcipher"), "", by(query.CipherSuite, query.Feature)},
		{"received", "received", bytes("received"), by(query.ReceivedBytes)},
		{"auth", "auth", "", nil},
		{"sent", "sent", bytes("sent"), by(query.SentBytes)},
		{"acl", "acl", "", by(query.ACLRequired, query.Feature)},
		{"additional", "additional", "", by(query.ACLRequired, query.Feature)},
		{"aclknown", "if(t >= " + itoa(record.ACLRequiredSince) + ", 'y')", "", by(query.ACLRequired, query.Feature)}, // groups are before or since then
		{"requestid", "requestid", "", by(query.RequestID)},
		{"eventtype", "eventtype", "", nil},
		{"recipient", "recipient", "", by(query.AccountID)},
		{"endpoint", "endpoint", "", by(query.VPCEndpointID)},
		{"endpointaccount", "endpointaccount", "", by(query.VPCEndpointAccountID)},
		{"category", "category", "", nil},
		{"console", "console", "", by(query.Console)},
		{"tls", "tls", "", by(query.TLSVersion, query.Feature)},
		{"cipher", "cipher", "", by(query.CipherSuite, query.Feature)},
		{"host", "host", without("host", "awsregion"), by(query.Host, query.Feature)},
		{"resources", "if(" + unnamed + ", resources)", "", nil},
		{"buckets", "if(NOT " + unnamed + ", buckets)", "", by(query.Bucket, query.AccountID, query.Feature)},
	}
}

// unnamed holds for an event whose parameters name neither a bucket nor a key: then its
// resources show whether there is a key.
const unnamed = `(coalesce(bucket, '') NOT LIKE '"%' AND coalesce(key, '') NOT LIKE '"%' AND coalesce(capitalkey, '') NOT LIKE '"%')`

// isS3 holds for events that may be of S3, isRequest for those that may be requests: what
// is left out would be skipped. The decoder decides.
const isS3 = `(regexp_like(coalesce(source, ''), ` + s3Sources + `) OR NOT coalesce(source, '') LIKE '"_%"')`

const s3Sources = `'^"(s3|s3express|s3-outposts|s3tables|s3-object-lambda|s3-banner|s3-authn-errors|s3lifecycle)[.]amazonaws[.]com([.]cn)?"$'`
