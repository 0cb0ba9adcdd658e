package cloudtrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// output is all that a decoder makes of its input. If err is not empty there is
// nothing else.
type output struct {
	records []text
	skipped record.Skipped
	err     string // "syntax", "not a log", or the reader's
}

// text is a record in which all that is not UTF-8 is U+FFFD.
type text struct {
	Log                                        record.Log
	Time                                       int64
	AccountID, Region, Host, Bucket, Operation string
	Key, Requester, InvokedBy, SourceIP        string
	UserAgent, ErrorCode                       string
	RequestID, EventID, SharedEventID          string
	OriginalEventID                            string
	Anonymous                                  bool
	Signature                                  record.Signature
	AuthMethod                                 record.AuthMethod
	Status                                     int
	SentBytes, ReceivedBytes, Duration         int64

	Transport                                       record.Transport
	ACLRequired, MFA, Console                       record.Answer
	TLSVersion, CipherSuite, VersionID, AccessKeyID string
	VPCEndpointID, VPCEndpointAccountID             string
	ObjectSize, TurnAround                          int64
	Referer, AccessPoint, SourceRegion              string // empty
}

func textOf(r *record.Record) text {
	utf8 := func(b []byte) string { return string([]rune(string(b))) }
	return text{
		Log: r.Log, Time: r.Time,
		AccountID: utf8(r.AccountID), Region: utf8(r.Region), Host: utf8(r.Host), Bucket: utf8(r.Bucket),
		Operation: utf8(r.Operation), Key: utf8(r.Key), Requester: utf8(r.Requester), InvokedBy: utf8(r.InvokedBy),
		SourceIP: utf8(r.SourceIP), UserAgent: utf8(r.UserAgent), ErrorCode: utf8(r.ErrorCode),
		RequestID: utf8(r.RequestID), EventID: utf8(r.EventID), SharedEventID: utf8(r.SharedEventID),
		OriginalEventID: utf8(r.OriginalEventID),
		Anonymous:       r.Anonymous, Signature: r.Signature, AuthMethod: r.AuthMethod, Status: r.Status,
		SentBytes: r.SentBytes, ReceivedBytes: r.ReceivedBytes, Duration: r.Duration,

		Transport: r.Transport, ACLRequired: r.ACLRequired, MFA: r.MFA, Console: r.Console,
		TLSVersion: utf8(r.TLSVersion), CipherSuite: utf8(r.CipherSuite), VersionID: utf8(r.VersionID), AccessKeyID: utf8(r.AccessKeyID),
		VPCEndpointID: utf8(r.VPCEndpointID), VPCEndpointAccountID: utf8(r.VPCEndpointAccountID), ObjectSize: r.ObjectSize, TurnAround: r.TurnAround,
		Referer: utf8(r.Referer), AccessPoint: utf8(r.AccessPoint), SourceRegion: utf8(r.SourceRegion),
	}
}

// readAll returns the records of an input.
func readAll(d *Decoder, r io.Reader) []text {
	d.Reset(r)
	var records []text
	for d.Next() {
		records = append(records, textOf(d.Record()))
	}
	return records
}

// decode returns what the Decoder makes of an input.
func decode(d *Decoder, r io.Reader) output {
	records := readAll(d, r)
	if err := d.Err(); err != nil {
		return output{err: classOf(err)}
	}
	return output{records: records, skipped: d.Skipped()}
}

func classOf(err error) string {
	switch {
	case errors.As(err, new(*SyntaxError)):
		return "syntax"
	case errors.Is(err, record.ErrNotLog):
		return "not a log"
	}
	return err.Error()
}

// reference returns what decode should return. It is slow and obvious.
func reference(data []byte) output {
	documents, err := referenceDocuments(data)
	if err != nil {
		return output{err: "syntax"}
	}
	var out output
	var number int64
	for _, document := range documents {
		events, isLog := referenceEvents(document)
		if !isLog {
			return output{err: "not a log"}
		}
		for _, event := range events {
			number++
			referenceEvent(&out, event, number)
		}
	}
	return out
}

// referenceDocuments divides the input. All documents but the first must be
// objects.
func referenceDocuments(data []byte) (documents []json.RawMessage, err error) {
	for decoder := json.NewDecoder(bytes.NewReader(data)); ; {
		var document json.RawMessage
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF) && len(documents) > 0:
			return documents, nil
		case err != nil:
			return nil, err
		case len(documents) > 0 && document[0] != '{':
			return nil, errors.New("not an object")
		}
		documents = append(documents, document)
	}
}

// referenceEvents returns the elements of all Records arrays of a document.
func referenceEvents(document json.RawMessage) (events []json.RawMessage, isLog bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if opening, _ := decoder.Token(); opening != json.Delim('{') {
		return nil, false
	}
	for decoder.More() {
		name, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value) // the document is known to be valid
		if name == "Records" && value[0] == '[' {
			var array []json.RawMessage
			_ = json.Unmarshal(value, &array)
			events = append(events, array...)
			isLog = true
		}
	}
	return events, isLog
}

// referenceObject is what encoding/json makes of an object; nil if raw is none.
type referenceObject map[string]json.RawMessage

func (o referenceObject) object(name string) referenceObject {
	var object referenceObject
	if json.Unmarshal(o[name], &object) != nil {
		return nil
	}
	return object
}

func (o referenceObject) isString(name string) bool {
	return len(o[name]) > 0 && o[name][0] == '"'
}

func (o referenceObject) text(name string) string {
	var s string
	if !o.isString(name) || json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

func (o referenceObject) isNull(name string) bool {
	return len(o[name]) == 0 || string(o[name]) == "null"
}

var (
	noRequestCategories = []string{"Insight", "NetworkActivity", "Aggregated"}
	noRequestTypes      = []string{"AwsCloudTrailInsight", "AwsVpceEvents", "AwsAggregatedEvent"}
	servicesOfS3        = []string{"s3", "s3express", "s3-outposts", "s3tables", "s3-object-lambda", "s3-banner", "s3-authn-errors", "s3lifecycle"}
)

func referenceEvent(out *output, raw json.RawMessage, number int64) {
	var event referenceObject
	malformed := func() {
		out.skipped.Malformed++
		if out.skipped.First == nil {
			out.skipped.First = &record.MalformedError{Number: number}
		}
	}
	if raw[0] != '{' || len(raw) > MaxEvent || json.Unmarshal(raw, &event) != nil {
		malformed()
		return
	}
	source := event.text("eventSource")
	service := strings.TrimSuffix(strings.TrimSuffix(source, ".cn"), ".amazonaws.com")
	ofS3 := slices.Contains(servicesOfS3, service) && strings.Contains(source, ".amazonaws.com")
	switch {
	case source != "" && !ofS3:
		out.skipped.NotS3++
	case slices.Contains(noRequestCategories, event.text("eventCategory")),
		slices.Contains(noRequestTypes, event.text("eventType")),
		event.text("eventType") == "AwsServiceEvent" && !referenceNames(event):
		out.skipped.NotRequest++
	default:
		record, ok := referenceRecord(event)
		if source == "" || !ok {
			malformed()
			return
		}
		out.records = append(out.records, record)
	}
}

// referenceNames reports whether an event of a service names a bucket of a request, or an object.
func referenceNames(event referenceObject) bool {
	parameters := event.object("requestParameters")
	return parameters.isString("bucketName") || parameters.isString("key") || parameters.isString("Key") || referenceObjectARN(event) != nil
}

func referenceRecord(event referenceObject) (r text, ok bool) {
	additional := event.object("additionalEventData")
	var okTime, okSent, okReceived bool
	r = text{
		Log:           record.CloudTrail,
		Region:        event.text("awsRegion"),
		Operation:     event.text("eventName"),
		InvokedBy:     event.object("userIdentity").text("invokedBy"),
		SourceIP:      event.text("sourceIPAddress"),
		UserAgent:     referenceUserAgent(event.text("userAgent")),
		ErrorCode:     event.text("errorCode"),
		RequestID:     event.text("requestID"),
		EventID:       event.text("eventID"),
		SharedEventID: event.text("sharedEventID"),

		OriginalEventID: event.object("addendum").text("originalEventID"),
		Duration:        record.Unknown,
	}
	r.Time, okTime = referenceTime(event.text("eventTime"))
	r.SentBytes, okSent = referenceBytes(additional["bytesTransferredOut"])
	r.ReceivedBytes, okReceived = referenceBytes(additional["bytesTransferredIn"])
	if r.ErrorCode == "" && strings.HasPrefix(event.text("eventSource"), "s3-authn-errors.") {
		r.ErrorCode = strings.TrimPrefix(r.Operation, "Authenticate")
	}
	r.AccountID, r.Bucket, r.Key = referenceBucket(event)
	if strings.HasPrefix(event.text("eventSource"), "s3lifecycle.") && r.Operation != "" && !strings.HasPrefix(r.Operation, "Lifecycle") {
		r.Operation = "Lifecycle" + r.Operation
	}
	if event.text("eventType") == "AwsServiceEvent" && r.SharedEventID != "" {
		r.SharedEventID += "/" + r.Key
		if version := event.object("requestParameters").text("versionId"); version != "" {
			r.SharedEventID += "\x00" + version
		}
	}
	r.Requester, r.Anonymous = referenceRequester(event.object("userIdentity"), additional.text("SignatureVersion"))
	r.Anonymous = r.Anonymous && !record.FailedAuthentication([]byte(r.ErrorCode)) && !strings.HasPrefix(event.text("eventSource"), "s3-authn-errors.")
	r.Signature = map[string]record.Signature{
		"sigv2": record.SigV2, "sigv4": record.SigV4, "sigv4a": record.SigV4A,
	}[strings.ToLower(additional.text("SignatureVersion"))]
	r.AuthMethod = map[string]record.AuthMethod{
		"authheader": record.AuthHeader, "querystring": record.QueryString, "htmlform": record.HTMLForm,
	}[strings.ToLower(additional.text("AuthenticationMethod"))]
	if r.Anonymous {
		r.Signature, r.AuthMethod = record.SignatureNone, record.AuthNone
	}
	referenceRest(event, &r)
	okVersion := event.isNull("eventVersion") || event.text("eventVersion") == "1" || strings.HasPrefix(event.text("eventVersion"), "1.")
	return r, okVersion && okTime && r.Operation != "" && okSent && okReceived
}

func referenceRest(event referenceObject, r *text) {
	identity, parameters := event.object("userIdentity"), event.object("requestParameters")
	additional, tls := event.object("additionalEventData"), event.object("tlsDetails")
	answers := map[string]record.Answer{"true": record.Yes, "false": record.No}
	first := func(texts ...string) string {
		return texts[max(0, slices.IndexFunc(texts, func(s string) bool { return s != "" }))]
	}
	r.Host = first(tls.text("clientProvidedHostHeader"), parameters.text("Host"), parameters.text("host"))
	r.TLSVersion, r.CipherSuite = tls.text("tlsVersion"), first(tls.text("cipherSuite"), additional.text("CipherSuite"), additional.text("cipherSuite"))
	r.VersionID, r.AccessKeyID = parameters.text("versionId"), identity.text("accessKeyId")
	r.VPCEndpointID, r.VPCEndpointAccountID = event.text("vpcEndpointId"), event.text("vpcEndpointAccountId")
	r.MFA = answers[identity.object("sessionContext").object("attributes").text("mfaAuthenticated")]
	r.Console = answers[event.text("sessionCredentialFromConsole")]
	r.ObjectSize, r.TurnAround = record.Unknown, record.Unknown
	switch {
	case r.TLSVersion != "" || r.CipherSuite != "":
		r.Transport = record.TLS
	case r.InvokedBy != "" || identity.text("type") == "AWSService" || event.text("eventType") == "AwsServiceEvent":
		r.Transport = record.NoTransport
	}
	switch {
	case additional.text("aclRequired") == "Yes":
		r.ACLRequired = record.Yes
	case additional != nil && additional.isNull("aclRequired") && time.Unix(r.Time, 0).UTC().Year() >= 2023:
		r.ACLRequired = record.No
	}
}

// compare fails the test if the Decoder and the reference differ.
func compare(t *testing.T, data []byte, got, want output) {
	t.Helper()
	if got.err != want.err {
		t.Fatalf("error %q, want %q, of %q", got.err, want.err, data)
	}
	if g, w := got.skipped, want.skipped; g.Malformed != w.Malformed || g.NotS3 != w.NotS3 || g.NotRequest != w.NotRequest {
		t.Fatalf("skipped %+v, want %+v, of %q", g, w, data)
	}
	if g, w := got.skipped.First, want.skipped.First; g != nil && g.Number != w.Number {
		t.Fatalf("first malformed %d, want %d, of %q", g.Number, w.Number, data)
	}
	if len(got.records) != len(want.records) {
		t.Fatalf("%d records, want %d, of %q", len(got.records), len(want.records), data)
	}
	for i := range got.records {
		if got.records[i] != want.records[i] {
			t.Fatalf("record %d:\n got %+v\nwant %+v\nof %q", i, got.records[i], want.records[i], data)
		}
	}
}
