package fleet

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recordsOf returns the lines or the events of a log object, nothing if it is
// none.
func recordsOf(t *testing.T, o Object) []string {
	t.Helper()
	switch {
	case strings.HasPrefix(o.Key, "json/"):
		z, err := gzip.NewReader(bytes.NewReader(o.Body))
		if err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	case strings.Contains(o.Key, "/CloudTrail/"):
		z, err := gzip.NewReader(bytes.NewReader(o.Body))
		if err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		var document struct{ Records []json.RawMessage }
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		var events []string
		for _, e := range document.Records {
			events = append(events, string(e))
		}
		return events
	case strings.Contains(o.Key, "CloudTrail-Digest"), strings.HasSuffix(o.Key, ".json"):
		return nil
	}
	return strings.SplitAfter(strings.TrimSuffix(string(o.Body), "\n"), "\n")
}

// The truth is held against a reading of the logs that knows nothing of
// hostile lines, and so leaves those out.
func TestFleet_RequestsAreWhatTheLogsTell(t *testing.T) {
	objects, requests := New(Config{Seed: 7}).Deliver(noon, noon.Add(time.Minute))
	lines, events, records, hostile := 0, 0, 0, 0
	for _, o := range objects {
		for _, text := range recordsOf(t, o) {
			if len(requests) == 0 {
				t.Fatal("more records than requests")
			}
			told := requests[0]
			requests = requests[1:]
			var read Request
			switch {
			case strings.HasPrefix(text, `{"schema_version_id"`):
				records++
				read = readRecord(t, text)
			case strings.HasPrefix(text, "{"):
				events++
				read = readEvent(t, text)
			case strings.Count(text, `"`) == 6 || strings.Count(text, `"`) == 0:
				lines++
				read = readLine(t, text)
			default:
				hostile++
				continue
			}
			if read != said(told) {
				t.Errorf("%s\nread %+v\ntold %+v", text, read, said(told))
			}
		}
	}
	if len(requests) > 0 {
		t.Errorf("%d requests stand nowhere", len(requests))
	}
	if lines == 0 || events == 0 || records == 0 || hostile == 0 {
		t.Errorf("%d lines, %d events, %d records, %d hostile lines", lines, events, records, hostile)
	}
}

// said returns what a naive reading finds of a request: not what takes tables,
// an object's key, or knowledge of AWS to find.
func said(r Request) Request {
	r.Operation, r.Outcome = "", ""
	r.Client, r.ClientVersion = "", ""
	r.Anonymous = false
	r.Features, r.Undetermined = "", ""
	r.Requester = strings.NewReplacer("anonymous", "-", "unknown", "-").Replace(r.Requester)
	if r.Signature == "unknown" {
		r.Signature, r.AuthMethod = "none", "none"
	}
	if r.Log == "server_access" {
		r.AccountID, r.Region, r.ReceivedBytes = "", "", 0
	}
	return r
}

func readLine(t *testing.T, line string) Request {
	t.Helper()
	line = strings.ReplaceAll(line, "CloudFront Origin Access Identity E", "CloudFront_Origin_Access_Identity_E")
	uri, agent := "-", "-"
	if quoted := strings.Split(line, `"`); len(quoted) > 1 {
		uri, agent = quoted[1], quoted[5]
		line = quoted[0] + "URI" + quoted[2] + "REFERER AGENT" + quoted[6]
	}
	field := strings.Fields(line)
	if n := len(field); n < 26 || n > 28 {
		t.Fatalf("%d fields in %s", n-1, line)
	}
	at, err := time.Parse("[02/Jan/2006:15:04:05 -0700]", field[2]+" "+field[3])
	if err != nil {
		t.Fatal(err)
	}
	key := formDecode(t, field[8])
	if uri != "-" || field[7] == "REST.COPY.OBJECT_GET" {
		key = formDecode(t, key)
	}
	if uri != "-" && !strings.HasPrefix(field[7], "WEBSITE."+uri[:3]) && !strings.HasPrefix(field[7], "REST.") && !strings.HasPrefix(field[7], "SOAP.") {
		t.Errorf("%s with %s", field[7], uri)
	}
	if agent == "" {
		t.Errorf("empty user agent in %s", line)
	}
	return Request{
		Log: "server_access", Time: at.UTC(), Bucket: field[1], Key: dash(key, ""),
		Requester: strings.TrimPrefix(strings.ReplaceAll(field[5], "_Origin_Access_Identity_", " Origin Access Identity "), "svc:"),
		SourceIP:  dash(field[4], "none"), Signature: dash(field[20], "none"), AuthMethod: dash(field[22], "none"),
		Status: int(integer(t, field[10], 0)), ErrorCode: dash(field[11], ""),
		SentBytes: integer(t, field[12], 0), Duration: integer(t, field[14], Unknown), RequestID: field[6],
	}
}

func readRecord(t *testing.T, text string) Request {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	said := func(name, instead string) string {
		if s, ok := r[name].(string); ok {
			return s
		}
		return instead
	}
	number := func(name string, instead int64) int64 {
		if n, ok := r[name].(float64); ok {
			return int64(n)
		}
		return instead
	}
	at, err := time.Parse(time.RFC3339, said("request_time", ""))
	if err != nil || len(r) != 29 {
		t.Errorf("%d members, time %v, of %s", len(r), err, text)
	}
	return Request{
		Log: "server_access", Time: at.Truncate(time.Second), Bucket: said("bucket_name", ""), Key: said("key_name", ""),
		Requester: strings.TrimPrefix(said("requester", "-"), "svc:"), SourceIP: said("remote_ip", "none"),
		Signature: said("signature_version", "none"), AuthMethod: said("authentication_type", "none"),
		Status: int(number("http_status", 0)), ErrorCode: said("error_code", ""), SentBytes: number("bytes_sent_size", 0),
		Duration: number("total_duration", Unknown), RequestID: said("request_id", ""),
	}
}

func readEvent(t *testing.T, text string) Request {
	t.Helper()
	var e struct {
		EventTime                                        time.Time
		AWSRegion, SourceIPAddress, RequestID, ErrorCode string
		RecipientAccountID                               string
		RequestParameters                                struct{ BucketName, Key string }
		UserIdentity                                     struct{ Type, ARN, AccountID, InvokedBy string }
		AdditionalEventData                              struct {
			SignatureVersion, AuthenticationMethod  string
			BytesTransferredIn, BytesTransferredOut int64
		}
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	requester := e.UserIdentity.ARN
	switch e.UserIdentity.Type {
	case "AWSAccount":
		requester = strings.Replace(e.UserIdentity.AccountID, "anonymous", "-", 1)
	case "AWSService":
		requester = e.UserIdentity.InvokedBy
	}
	return Request{
		Log: "cloudtrail", Time: e.EventTime, AccountID: e.RecipientAccountID, Region: e.AWSRegion,
		Bucket: e.RequestParameters.BucketName, Key: e.RequestParameters.Key, Requester: requester,
		SourceIP: e.SourceIPAddress, Signature: orNone(e.AdditionalEventData.SignatureVersion),
		AuthMethod: orNone(e.AdditionalEventData.AuthenticationMethod), ErrorCode: e.ErrorCode,
		SentBytes: e.AdditionalEventData.BytesTransferredOut, ReceivedBytes: e.AdditionalEventData.BytesTransferredIn,
		Duration: Unknown, RequestID: e.RequestID,
	}
}

func formDecode(t *testing.T, s string) string {
	t.Helper()
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func dash(s, instead string) string {
	if s == "-" {
		return instead
	}
	return s
}

func integer(t *testing.T, s string, instead int64) int64 {
	t.Helper()
	if s == "-" {
		return instead
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
