package accesslogjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// output is all that a decoder makes of its input. If err is not empty, nothing else is
// compared.
type output struct {
	records []text
	skipped record.Skipped
	err     string // "syntax", "not a log", or the reader's
}

// text is a record in which all that is not UTF-8 is U+FFFD.
type text struct {
	Time                                        int64
	Host, Bucket, Operation, Key, Requester     string
	SourceIP, UserAgent, ErrorCode, RequestID   string
	Anonymous, NewSchema                        bool
	Signature                                   record.Signature
	AuthMethod                                  record.AuthMethod
	Status                                      int
	SentBytes, ReceivedBytes, Duration          int64
	account, region, invokedBy, eventID, shared string // empty

	Transport                            record.Transport
	ACLRequired                          record.Answer
	TLSVersion, CipherSuite, Referer     string
	VersionID, AccessPoint, SourceRegion string
	ObjectSize, TurnAround               int64
	keyID, endpoint                      string // empty
	mfa, console                         record.Answer
}

func textOf(r *record.Record) text {
	utf8 := func(b []byte) string { return string([]rune(string(b))) }
	return text{
		Time: r.Time, Host: utf8(r.Host), Bucket: utf8(r.Bucket), Operation: utf8(r.Operation), Key: utf8(r.Key),
		Requester: utf8(r.Requester), SourceIP: utf8(r.SourceIP), UserAgent: utf8(r.UserAgent), ErrorCode: utf8(r.ErrorCode),
		RequestID: utf8(r.RequestID), Anonymous: r.Anonymous, NewSchema: r.NewSchema, Signature: r.Signature,
		AuthMethod: r.AuthMethod, Status: r.Status, SentBytes: r.SentBytes, ReceivedBytes: r.ReceivedBytes, Duration: r.Duration,
		account: string(r.AccountID), region: string(r.Region), invokedBy: string(r.InvokedBy),
		eventID: string(r.EventID), shared: string(r.SharedEventID) + string(r.OriginalEventID),

		Transport: r.Transport, ACLRequired: r.ACLRequired, TLSVersion: utf8(r.TLSVersion), CipherSuite: utf8(r.CipherSuite),
		Referer: utf8(r.Referer), VersionID: utf8(r.VersionID), AccessPoint: utf8(r.AccessPoint), SourceRegion: utf8(r.SourceRegion),
		ObjectSize: r.ObjectSize, TurnAround: r.TurnAround,
		keyID: string(r.AccessKeyID), endpoint: string(r.VPCEndpointID) + string(r.VPCEndpointAccountID), mfa: r.MFA, console: r.Console,
	}
}

// decode returns what the Decoder makes of an input.
func decode(d *Decoder, r io.Reader) output {
	d.Reset(r)
	var out output
	for d.Next() {
		if d.Record().Log != record.ServerAccess {
			return output{err: "another log"}
		}
		out.records = append(out.records, textOf(d.Record()))
	}
	out.skipped = d.Skipped()
	switch err := d.Err(); {
	case errors.As(err, new(*SyntaxError)):
		return output{err: "syntax"}
	case errors.Is(err, record.ErrNotLog):
		return output{err: "not a log"}
	case err != nil:
		return output{err: err.Error()}
	}
	return out
}

// reference is what decode should return. It is slow and obvious.
func reference(data []byte) (out output) {
	isLog, number := false, int64(0)
	for decoder := json.NewDecoder(bytes.NewReader(data)); ; {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return output{err: "syntax"}
		}
		number++
		var object map[string]json.RawMessage
		if value[0] != '{' || len(value) > MaxRecord || json.Unmarshal(value, &object) != nil {
			out.malformed(number)
			continue
		}
		m := referenceMembers(object)
		if !(m.there("bucket_name") || m.there("bucket_arn")) || !(m.there("request_time") || m.there("schema_version_id")) {
			out.skipped.OtherLog++
			continue
		}
		isLog = true
		if r, ok := m.record(); ok {
			out.records = append(out.records, r)
		} else {
			out.malformed(number)
		}
	}
	if number > 0 && !isLog {
		return output{err: "not a log"}
	}
	return out
}

func (o *output) malformed(number int64) {
	o.skipped.Malformed++
	if o.skipped.First == nil {
		o.skipped.First = &record.MalformedError{Number: number}
	}
}

// referenceMembers is what encoding/json makes of an object.
type referenceMembers map[string]json.RawMessage

func (m referenceMembers) there(name string) bool {
	return len(m[name]) > 0 && string(m[name]) != "null"
}

func (m referenceMembers) text(name string) string {
	var s string
	if json.Unmarshal(m[name], &s) != nil || s == "-" {
		return ""
	}
	return s
}

func (m referenceMembers) number(name string) (n int64, ok bool) {
	raw := string(m[name])
	if text := m.text(name); text != "" && strings.Trim(text, "0123456789") == "" {
		return referenceDigits(text)
	}
	if raw == "" || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return record.Unknown, true
	}
	if integer, isInteger := new(big.Int).SetString(raw, 10); isInteger {
		if integer.Sign() < 0 {
			return record.Unknown, true
		}
		return integer.Int64(), integer.Cmp(big.NewInt(1<<62)) <= 0
	}
	float, _ := strconv.ParseFloat(raw, 64)
	if float < 0 {
		return record.Unknown, true
	}
	return int64(min(float, 1<<62)), float <= 1<<62
}

func referenceDigits(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && len(text) <= 18
}

// hasStatus reports whether http_status is a number of zero or more, or nothing.
func (m referenceMembers) hasStatus() bool {
	var text string
	raw := string(m["http_status"])
	isText := json.Unmarshal(m["http_status"], &text) == nil
	switch {
	case raw == "", raw == "null", isText && (text == "" || text == "-"):
		return true
	case isText:
		return strings.Trim(text, "0123456789") == ""
	}
	float, err := strconv.ParseFloat(raw, 64)
	return float >= 0 && (err == nil || errors.Is(err, strconv.ErrRange))
}

var (
	refDash = regexp.MustCompile(`(?s)^[^ ]* [^ ?]*/(-|%2[Dd])([ ?]|$)`)
	rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	uploads = []string{"REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "SOAP.PUT.OBJECT", "WEBSITE.PUT.OBJECT", "REST.S3_PUT_OBJECT", "REST.S3_UPLOAD_PART"}
)

func (m referenceMembers) record() (r text, ok bool) {
	at, err := time.Parse(time.RFC3339, m.text("request_time"))
	bucket := m.text("bucket_name")
	if bucket == "" {
		arn := m.text("bucket_arn")
		bucket = arn[strings.LastIndex(arn, ":")+1:]
	}
	status, ok1 := m.number("http_status")
	sent, ok2 := m.number("bytes_sent_size")
	size, ok3 := m.number("object_size")
	duration, ok4 := m.number("total_duration")
	for _, name := range []string{"requester", "operation", "request_uri", "error_code", "signature_version", "authentication_type"} {
		if m.there(name) && m[name][0] != '"' {
			return text{}, false
		}
	}
	if err != nil || !rfc3339.MatchString(m.text("request_time")) || bucket == "" || !ok1 || !m.hasStatus() || !ok2 || !ok3 || !ok4 || status > 999 {
		return text{}, false
	}
	r = text{
		Time: at.Unix(), Bucket: bucket, Host: m.text("host_header"), Operation: m.text("operation"), Key: m.text("key_name"),
		SourceIP: m.text("remote_ip"), UserAgent: m.text("user_agent"), ErrorCode: m.text("error_code"), RequestID: m.text("request_id"),
		Status: int(max(0, status)), SentBytes: max(0, sent), ReceivedBytes: record.Unknown, Duration: duration,
		NewSchema: m.text("schema_version_id") != "" && m.text("schema_version_id") != "V_1_0",
	}
	if slices.Contains(uploads, r.Operation) {
		r.ReceivedBytes = size
	}
	if r.Key == "" && refDash.MatchString(m.text("request_uri")) {
		r.Key = "-"
	}
	m.fillRequester(&r)
	m.fillRest(&r)
	r.ObjectSize = size
	return r, true
}

func (m referenceMembers) fillRest(r *text) {
	r.TLSVersion, r.CipherSuite, r.Referer = m.text("tls_version"), m.text("cipher_suite"), m.text("referer")
	r.VersionID, r.AccessPoint, r.SourceRegion = m.text("version_id"), m.text("access_point_arn"), m.text("source_region")
	var ok bool
	if r.TurnAround, ok = m.number("turn_around_duration"); !ok {
		r.TurnAround = record.Unknown
	}
	switch {
	case r.TLSVersion != "" || r.CipherSuite != "":
		r.Transport = record.TLS
	case m.text("request_uri") == "":
		r.Transport = record.NoTransport
	case m.there("tls_version") && m["tls_version"][0] != '"', m.there("cipher_suite") && m["cipher_suite"][0] != '"':
		r.Transport = record.TransportUnknown
	default:
		r.Transport = record.PlainHTTP
	}
	switch acl, raw := m.text("acl_required"), string(m["acl_required"]); {
	case acl == "Yes", raw == "true":
		r.ACLRequired = record.Yes
	case acl == "" && (raw == "" || raw[0] == '"' || raw == "null" || raw == "false"):
		r.ACLRequired = record.No
	}
}

func (m referenceMembers) fillRequester(r *text) {
	nobody := m.text("requester") == "" || strings.EqualFold(m.text("requester"), "anonymous") && len(m.text("requester")) == len("anonymous")
	own := strings.HasPrefix(r.Operation, "S3.")
	switch {
	case nobody && own:
		r.Requester = "AmazonS3"
	case !nobody:
		r.Requester = strings.TrimPrefix(m.text("requester"), "svc:")
	}
	r.Signature = map[string]record.Signature{
		"sigv2": record.SigV2, "sigv4": record.SigV4, "sigv4a": record.SigV4A,
	}[strings.ToLower(m.text("signature_version"))]
	r.AuthMethod = map[string]record.AuthMethod{
		"authheader": record.AuthHeader, "querystring": record.QueryString, "htmlform": record.HTMLForm,
	}[strings.ToLower(m.text("authentication_type"))]
	refused := nobody && record.FailedAuthentication([]byte(r.ErrorCode))
	unsigned := !refused && r.AuthMethod == record.AuthUnknown && (nobody || own || strings.HasPrefix(r.Operation, "B2_"))
	public := own || strings.HasPrefix(r.Operation, "B2_LIFECYCLE.") || strings.HasPrefix(r.Operation, "WEBSITE.") || strings.HasPrefix(r.Operation, "REST.OPTIONS.")
	shown := referenceQuery(m.text("request_uri"))
	switch {
	case m.text("signature_version") != "":
	case unsigned && (!nobody || r.ErrorCode == "" || public):
		r.Signature, r.AuthMethod = record.SignatureNone, record.AuthNone
	case shown != record.SignatureUnknown:
		r.Signature, r.AuthMethod = shown, record.QueryString
	case unsigned && r.ErrorCode != "InvalidRequest":
		r.Signature, r.AuthMethod = record.SignatureNone, record.AuthNone
	}
	r.Anonymous = nobody && r.Signature == record.SignatureNone && !own && !strings.HasPrefix(r.Operation, "B2_LIFECYCLE.")
}

func referenceQuery(uri string) record.Signature {
	_, query, _ := strings.Cut(uri, "?")
	query, _, _ = strings.Cut(query, " ")
	found := make(map[string]bool)
	for _, parameter := range strings.Split(query, "&") {
		name, value, ok := strings.Cut(parameter, "=")
		found[name] = found[name] || ok
		found["algorithm "+value] = found["algorithm "+value] || name == "X-Amz-Algorithm"
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !found[name] })
	}
	v4 := has("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
	var shown []record.Signature
	for version, is := range map[record.Signature]bool{
		record.SigV2:  has("AWSAccessKeyId", "Signature", "Expires"),
		record.SigV4:  v4 && has("algorithm AWS4-HMAC-SHA256"),
		record.SigV4A: v4 && has("algorithm AWS4-ECDSA-P256-SHA256"),
	} {
		if is {
			shown = append(shown, version)
		}
	}
	if len(shown) != 1 {
		return record.SignatureUnknown
	}
	return shown[0]
}

// compare fails the test if the Decoder and the reference differ.
func compare(t *testing.T, data []byte, got, want output) {
	t.Helper()
	if got.err != want.err {
		t.Fatalf("error %q, want %q, of %q", got.err, want.err, data)
	}
	if g, w := got.skipped.First, want.skipped.First; (g == nil) != (w == nil) || g != nil && g.Number != w.Number {
		t.Fatalf("first malformed %v, want %v, of %q", g, w, data)
	}
	got.skipped.First, want.skipped.First = nil, nil
	if got.skipped != want.skipped {
		t.Fatalf("skipped %+v, want %+v, of %q", got.skipped, want.skipped, data)
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
