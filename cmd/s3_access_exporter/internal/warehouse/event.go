package warehouse

import (
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
)

// eventColumn is a value of an event as it stands in JSON, quotes included, so that what
// is put together again is of the same type. NULL: the event does not have it.
type eventColumn struct {
	name string
	// path is where the value is: a column of Athena's table, or a field in one. A member of
	// one of the objects that hold what clients sent stands behind a colon.
	path string
	// member is where it stands in the event that is put together again.
	member string
}

// eventColumns are in the order in which CloudTrail writes them. A member of an object
// has a dot in its name.
var eventColumns = []eventColumn{
	{"version", "eventversion", "eventVersion"},
	{"idtype", "useridentity.type", "userIdentity.type"},
	{"principal", "useridentity.principalid", "userIdentity.principalId"},
	{"arn", "useridentity.arn", "userIdentity.arn"},
	{"account", "useridentity.accountid", "userIdentity.accountId"},
	{"accesskey", "useridentity.accesskeyid", "userIdentity.accessKeyId"},
	{"username", "useridentity.username", "userIdentity.userName"},
	{"invokedby", "useridentity.invokedby", "userIdentity.invokedBy"},
	{"eventtime", "eventtime", "eventTime"},
	{"source", "eventsource", "eventSource"},
	{"operation", "eventname", "eventName"},
	{"awsregion", "awsregion", "awsRegion"},
	{"ip", "sourceipaddress", "sourceIPAddress"},
	{"agent", "useragent", "userAgent"},
	{"error", "errorcode", "errorCode"},
	{"bucket", "requestparameters:bucketName", "requestParameters.bucketName"},
	{"key", "requestparameters:key", "requestParameters.key"},
	{"signature", "additionaleventdata:SignatureVersion", "additionalEventData.SignatureVersion"},
	{"received", "additionaleventdata:bytesTransferredIn", "additionalEventData.bytesTransferredIn"},
	{"auth", "additionaleventdata:AuthenticationMethod", "additionalEventData.AuthenticationMethod"},
	{"sent", "additionaleventdata:bytesTransferredOut", "additionalEventData.bytesTransferredOut"},
	{"requestid", "requestid", "requestID"},
	{"id", "eventid", "eventID"},
	{"eventtype", "eventtype", "eventType"},
	{"recipient", "recipientaccountid", "recipientAccountId"},
	{"sharedid", "sharedeventid", "sharedEventID"},
	{"category", "eventcategory", "eventCategory"},
	{"host", "tlsdetails.clientprovidedhostheader", "tlsDetails.clientProvidedHostHeader"},
	{"originalid", "addendum.originaleventid", "addendum.originalEventID"},
}

// eventRow is the type of an event in Trino, whose tables hold log files as they are. Names
// are matched in any case; an event that has another form, or a name twice, is NULL in it
// and counts as it is.
const eventRow = "ROW(eventversion JSON, useridentity ROW(type JSON, principalid JSON, arn JSON, accountid JSON, accesskeyid JSON, username JSON, invokedby JSON), " +
	"eventtime JSON, eventsource JSON, eventname JSON, awsregion JSON, sourceipaddress JSON, useragent JSON, errorcode JSON, requestparameters JSON, additionaleventdata JSON, " +
	"requestid JSON, eventid JSON, eventtype JSON, recipientaccountid JSON, sharedeventid JSON, eventcategory JSON, tlsdetails ROW(clientprovidedhostheader JSON), " +
	"addendum ROW(originaleventid JSON), resources ARRAY(ROW(type JSON, accountid JSON, arn JSON)))"

// eventTable returns the SQL of events with their columns. Beside them, raw is an event
// that counts as it is, bad the log file that holds none, t the time in seconds, NULL
// where the event's is not sure.
func eventTable(d Dialect, files string) string {
	of := func(path string) string {
		if object, member, inside := strings.Cut(path, ":"); inside {
			return "json_format(json_extract(" + d.event + object + ", '$." + member + "'))"
		}
		return "json_format(CAST(" + d.event + path + " AS JSON))"
	}
	var columns []string
	for _, c := range eventColumns {
		columns = append(columns, of(c.path)+" AS "+c.name)
	}
	resources := "transform(" + d.event + "resources, r -> ARRAY[CAST(r.type AS JSON), CAST(r.accountid AS JSON), CAST(r.arn AS JSON)])"
	columns = append(columns, "json_format(CAST("+resources+" AS JSON)) AS resources",
		"json_format(CAST(filter("+resources+`, r -> coalesce(json_format(r[1]), '') NOT LIKE '%::Object"') AS JSON)) AS buckets`)
	whole := ""
	if d.event != "" {
		whole = "event, "
	}
	events := "SELECT bad, raw, accountfolder, regionfolder, path, place, " + whole + strings.Join(columns, ", ") + " FROM (" + d.events(files) + ")"
	const form = `'^"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"$'`
	return "SELECT *, if(regexp_like(eventtime, " + form + "), date_diff('second', TIMESTAMP '1970-01-01 00:00:00', " +
		"try(date_parse(substr(eventtime, 2, 19), '%Y-%m-%dT%H:%i:%s')))) AS t FROM (" + events + ")"
}

// filesAsEvents returns Trino's SQL of the events in log files, each a line that is a JSON
// document. A file that is none, or has no events, is bad, and its name is returned.
func filesAsEvents(files string) string {
	return "SELECT if(records IS NULL, path) AS bad, if(e IS NULL, json_format(event)) AS raw, accountfolder, regionfolder, path, place, event, e FROM (" +
		"SELECT records, accountfolder, regionfolder, path, place, event, TRY_CAST(event AS " + eventRow + ") AS e FROM (" +
		"SELECT *, TRY_CAST(json_extract(try(json_parse(line)), '$.Records') AS ARRAY(JSON)) AS records FROM (" + files + ") WHERE trim(line) <> '')" +
		" CROSS JOIN UNNEST(coalesce(records, ARRAY[CAST(NULL AS JSON)])) WITH ORDINALITY AS u(event, place))"
}

// columnsAsEvents returns Athena's SQL of events, of which the table has columns already.
func columnsAsEvents(events string) string {
	return "SELECT CAST(NULL AS varchar) AS bad, CAST(NULL AS varchar) AS raw, 0 AS place, * FROM (" + events + ")"
}

// isText holds for a value that is a string and not empty.
func isText(column string) string { return "coalesce(" + column + `, '') LIKE '"_%"'` }

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
		{"principal", "if(NOT " + isText("arn") + " AND NOT " + isText("account") + ", principal)", "", by(query.Requester)},
		{"arn", "arn", "", by(query.Requester)},
		{"account", "account", nobody, by(query.Requester)},
		{"accesskey", "accesskey", "", by()},
		{"username", "if(NOT " + isText("arn") + " AND NOT " + isText("account") + " AND NOT " + isText("principal") + ", username)", "", by(query.Requester)},
		{"invokedby", "invokedby", "", func(n *needs) bool { return client(n) || n.any(query.Requester) }},
		{"eventtime", "if(t IS NULL, coalesce(eventtime, 'null'))", "", nil}, // never with those whose time is sure
		{"source", "source", "", nil},
		{"operation", "operation", "", nil},
		{"awsregion", "awsregion", "", by(query.Region)},
		{"ip", "ip", "", by(query.SourceIP)},
		{"agent", "agent", "", client},
		{"error", "error", "", nil},
		{"bucket", "bucket", text("bucket", "b"), by(query.Bucket, query.AccountID)},
		{"key", "key", text("key", "k"), by(query.Key)},
		{"signature", "signature", "", nil},
		{"received", "received", bytes("received"), by(query.ReceivedBytes)},
		{"auth", "auth", "", nil},
		{"sent", "sent", bytes("sent"), by(query.SentBytes)},
		{"requestid", "requestid", "", by(query.RequestID)},
		{"eventtype", "eventtype", "", nil},
		{"recipient", "recipient", "", by(query.AccountID)},
		{"category", "category", "", nil},
		{"host", "if(NOT " + isText("awsregion") + ", host)", "", by(query.Region)},
		{"resources", "if(" + unnamed + ", resources)", "", nil},
		{"buckets", "if(NOT " + unnamed + ", buckets)", "", by(query.Bucket, query.AccountID)},
	}
}

// unnamed holds for an event whose parameters name neither a bucket nor a key: then its
// resources show whether there is a key.
const unnamed = `(coalesce(bucket, '') NOT LIKE '"%' AND coalesce(key, '') NOT LIKE '"%')`

// isS3 holds for events that may be of S3, isRequest for those that may be requests: what
// is left out would be skipped. The decoder decides.
const isS3 = `(regexp_like(coalesce(source, ''), '^"(s3|s3express|s3-outposts|s3tables|s3-object-lambda)[.]amazonaws[.]com([.]cn)?"$') OR NOT coalesce(source, '') LIKE '"_%"')`
