package cloudtrail

import (
	"bytes"
	"testing"
)

// getObject is the least that makes a record.
const getObject = `{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","eventName":"GetObject"}`

// documentTests are inputs of which what stands around the events matters.
var documentTests = []struct {
	name    string
	input   string
	records int
	err     string // as of classOf
}{
	{"one event", `{"Records":[` + getObject + `]}`, 1, ""},
	{"no events", `{"Records":[]}`, 0, ""},
	{"white space everywhere", " \t\r\n{ \"Records\" : [ " + getObject + " , " + getObject + " ] } \n", 2, ""},
	{"members before and after Records", `{"a":{"Records":[1]},"Records":[` + getObject + `],"b":[[],{}],"c":"\u00e9"}`, 1, ""},
	{"Records with an escape", `{"\u0052ecords":[` + getObject + `]}`, 1, ""},
	{"two Records: both count", `{"Records":[` + getObject + `],"Records":[` + getObject + `]}`, 2, ""},
	{"Records that is no array beside one that is", `{"Records":null,"Records":[` + getObject + `],"Records":{}}`, 1, ""},
	{"two documents", `{"Records":[` + getObject + `]}` + "\n" + `{"Records":[` + getObject + `]}`, 2, ""},
	{"two documents without a space", `{"Records":[` + getObject + `]}{"Records":[` + getObject + `]}`, 2, ""},

	{"digest", `{"awsAccountId":"111122223333","digestStartTime":"2026-03-04T05:00:00Z","logFiles":[{"s3Object":"x","hashValue":"00"}],"previousDigestSignature":null}`, 0, "not a log"},
	{"empty object", `{}`, 0, "not a log"},
	{"Records is null", `{"Records":null}`, 0, "not a log"},
	{"Records is an object", `{"Records":{"0":` + getObject + `}}`, 0, "not a log"},
	{"Records in another case", `{"records":[` + getObject + `]}`, 0, "not a log"},
	{"Records further inside", `{"detail":{"Records":[` + getObject + `]}}`, 0, "not a log"},
	{"array", `[` + getObject + `]`, 0, "not a log"},
	{"null", `null`, 0, "not a log"},
	{"string", `"Records"`, 0, "not a log"},
	{"number", `-1.5e+3`, 0, "not a log"},
	{"digest behind a log", `{"Records":[` + getObject + `]}{}`, 0, "not a log"},
	{"log behind a number", `1 {"Records":[` + getObject + `]}`, 0, "not a log"},

	{"nothing", ``, 0, "syntax"},
	{"white space alone", " \n", 0, "syntax"},
	{"byte order mark", "\ufeff" + `{"Records":[]}`, 0, "syntax"},
	{"something behind the log", `{"Records":[]}x`, 0, "syntax"},
	{"array behind the log", `{"Records":[]}[]`, 0, "syntax"},
	{"null behind the log", `{"Records":[]} null`, 0, "syntax"},
	{"zeros behind the log", `{"Records":[]}` + "\x00\x00", 0, "syntax"},
	{"broken digest", `{"awsAccountId":"111122223333",}`, 0, "syntax"},
	{"broken behind the digest", `{} {`, 0, "syntax"},
	{"broken event of another service", `{"Records":[{"eventSource":"kms.amazonaws.com","a":01}]}`, 0, "syntax"},
	{"bracket of the other kind", `{"Records":[` + getObject + `}}`, 0, "syntax"},
	{"comma before the bracket", `{"Records":[` + getObject + `,]}`, 0, "syntax"},
	{"comma behind the bracket", `{"Records":[,` + getObject + `]}`, 0, "syntax"},
	{"no comma", `{"Records":[` + getObject + getObject + `]}`, 0, "syntax"},
}

func TestDecoder_KnowsLogsFromWhatIsNone(t *testing.T) {
	for _, test := range documentTests {
		t.Run(test.name, func(t *testing.T) {
			data := []byte(test.input)
			got := decode(NewDecoder(nil), bytes.NewReader(data))
			if got.err != test.err || len(got.records) != test.records {
				t.Errorf("%d records and error %q, want %d and %q", len(got.records), got.err, test.records, test.err)
			}
			compare(t, data, got, reference(data))
		})
	}
}
