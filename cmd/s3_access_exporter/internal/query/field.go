package query

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Entry is one request, or several that are alike and have one Record: it holds what
// they share, and the time of the first. Their bytes are in the Weight.
type Entry struct {
	Record    *record.Record
	Class     *classify.Class // of the Record
	Weight    record.Weight
	LogObject string // see LogObject
}

// LogObject returns the full name of a log object, s3://bucket/key or
// file:///directory/key, of its key and its location's name. The key of an object
// in S3 is whole, whatever prefix the location has.
func LogObject(location, key string) string {
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		bucket, _, _ := strings.Cut(rest, "/")
		location = "s3://" + bucket
	}
	return strings.TrimSuffix(location, "/") + "/" + key
}

// Field is something that a request has, to print or to group by.
type Field uint8

// The fields, in the order in which they are printed.
const (
	Time Field = iota
	Log
	AccountID
	Region
	Bucket
	Operation
	Key
	Requester
	SourceIP
	Client
	ClientVersion
	UserAgent
	Signature
	AuthMethod
	Outcome
	Status
	ErrorCode
	SentBytes
	ReceivedBytes
	RequestID
	SigV4Default
	ObjectName
	Support
	Feature
	TLSVersion
	CipherSuite
	Host
	Referer
	VersionID
	ObjectSize
	TotalTime
	TurnAroundTime
	AccessPoint
	ACLRequired
	SourceRegion
	AccessKeyID
	VPCEndpointID
	VPCEndpointAccountID
	MFA
	Console
	Runtime
	Day
	Hour
	fieldCount
	// Raw and Place are the record as logged and its place in the log object. They have no
	// names: they are for output that is nothing else.
	Raw Field = iota - 1
	Place
	allFields
)

// Kind is what the values of a field are.
type Kind uint8

// The kinds.
const (
	KindText   Kind = iota
	KindNumber      // a decimal number
	KindBytes       // a number of bytes
	KindTime        // a time to the second as in RFC 3339, in UTC
)

// field describes a Field. A value that is empty is not known.
type field struct {
	name    string
	kind    Kind
	append  func(dst []byte, e *Entry) []byte
	isLabel bool
}

var fields = [allFields]field{
	Time:          timeField("time", time.RFC3339, time.Second),
	Log:           label("log", classify.LabelLog),
	AccountID:     label("account_id", classify.LabelAccountID),
	Region:        label("aws_region", classify.LabelRegion),
	Bucket:        label("bucket", classify.LabelBucket),
	Operation:     label("operation", classify.LabelOperation),
	Key:           text("key", func(r *record.Record) []byte { return r.Key }),
	Requester:     label("requester", classify.LabelRequester),
	SourceIP:      label("source_ip", classify.LabelSourceIP),
	Client:        label("client", classify.LabelClient),
	ClientVersion: label("client_version", classify.LabelClientVersion),
	UserAgent:     text("user_agent", func(r *record.Record) []byte { return r.UserAgent }),
	Signature:     label("signature", classify.LabelSignature),
	AuthMethod: {name: "auth_method", kind: KindText, isLabel: true, append: func(dst []byte, e *Entry) []byte {
		if e.Record.AuthMethod == record.AuthUnknown {
			return dst
		}
		return append(dst, e.Class.Labels[classify.LabelAuthMethod]...)
	}},
	Outcome: label("outcome", classify.LabelOutcome),
	Status: {name: "status", kind: KindNumber, append: func(dst []byte, e *Entry) []byte {
		if e.Record.Status == 0 {
			return dst
		}
		return strconv.AppendInt(dst, int64(e.Record.Status), 10)
	}},
	ErrorCode:     text("error_code", func(r *record.Record) []byte { return r.ErrorCode }),
	SentBytes:     byteCount("sent_bytes", func(r *record.Record) int64 { return r.SentBytes }),
	ReceivedBytes: byteCount("received_bytes", func(r *record.Record) int64 { return r.ReceivedBytes }),
	RequestID:     text("request_id", func(r *record.Record) []byte { return r.RequestID }),
	SigV4Default:  label("sigv4_default", classify.LabelSigV4Default),
	ObjectName: {name: "log_object", append: func(dst []byte, e *Entry) []byte {
		return append(dst, e.LogObject...)
	}},
	Support: label("support", classify.LabelSupport),
	Feature: {name: "feature", append: func(dst []byte, e *Entry) []byte {
		return append(dst, e.Class.Traits.Features().String()...)
	}},
	TLSVersion: {name: "tls_version", append: func(dst []byte, e *Entry) []byte {
		return append(dst, tlsVersion(e.Record)...)
	}},
	CipherSuite:          text("cipher_suite", func(r *record.Record) []byte { return r.CipherSuite }),
	Host:                 text("host", func(r *record.Record) []byte { return r.Host }),
	Referer:              text("referer", func(r *record.Record) []byte { return r.Referer }),
	VersionID:            text("version_id", func(r *record.Record) []byte { return r.VersionID }),
	ObjectSize:           byteCount("object_size", func(r *record.Record) int64 { return r.ObjectSize }),
	TotalTime:            milliseconds("total_time", func(r *record.Record) int64 { return r.Duration }),
	TurnAroundTime:       milliseconds("turn_around_time", func(r *record.Record) int64 { return r.TurnAround }),
	AccessPoint:          text("access_point", func(r *record.Record) []byte { return r.AccessPoint }),
	ACLRequired:          answer("acl_required", func(r *record.Record) record.Answer { return r.ACLRequired }),
	SourceRegion:         text("source_region", func(r *record.Record) []byte { return r.SourceRegion }),
	AccessKeyID:          text("access_key_id", func(r *record.Record) []byte { return r.AccessKeyID }),
	VPCEndpointID:        text("vpc_endpoint_id", func(r *record.Record) []byte { return r.VPCEndpointID }),
	VPCEndpointAccountID: text("vpc_endpoint_account_id", func(r *record.Record) []byte { return r.VPCEndpointAccountID }),
	MFA:                  answer("mfa", func(r *record.Record) record.Answer { return r.MFA }),
	Console:              answer("console_session", func(r *record.Record) record.Answer { return r.Console }),
	Runtime: {name: "runtime", append: func(dst []byte, e *Entry) []byte {
		return append(dst, classify.Runtime(string(e.Record.UserAgent))...)
	}},
	Raw: {append: func(dst []byte, e *Entry) []byte { return appendRaw(dst, e.Record.Raw) }},
	Place: {append: func(dst []byte, e *Entry) []byte {
		return strconv.AppendInt(append(append(dst, e.LogObject...), ':'), e.Record.Number, 10)
	}},
	Day:  timeField("day", time.DateOnly, 24*time.Hour),
	Hour: timeField("hour", time.RFC3339, time.Hour),
}

// timeField is the time of a request, cut down to the beginning of its span.
func timeField(name, layout string, span time.Duration) field {
	f := field{name: name, append: func(dst []byte, e *Entry) []byte {
		return time.Unix(e.Record.Time, 0).UTC().Truncate(span).AppendFormat(dst, layout)
	}}
	if layout == time.RFC3339 {
		f.kind = KindTime
	}
	return f
}

// label is a field that is a label of the metrics too, with the same values.
func label(name string, l classify.Label) field {
	return field{name: name, isLabel: true, append: func(dst []byte, e *Entry) []byte { return append(dst, e.Class.Labels[l]...) }}
}

// text is a field as logged, but for record.ValidText.
func text(name string, of func(*record.Record) []byte) field {
	return field{name: name, append: func(dst []byte, e *Entry) []byte {
		return append(dst, record.ValidText(of(e.Record))...)
	}}
}

func byteCount(name string, of func(*record.Record) int64) field {
	return field{name: name, kind: KindBytes, append: func(dst []byte, e *Entry) []byte {
		n := of(e.Record)
		if n == record.Unknown {
			return dst
		}
		return strconv.AppendInt(dst, n, 10)
	}}
}

// milliseconds is a number of milliseconds.
func milliseconds(name string, of func(*record.Record) int64) field {
	f := byteCount(name, of)
	f.kind = KindNumber
	return f
}

// answer is yes or no.
func answer(name string, of func(*record.Record) record.Answer) field {
	return field{name: name, append: func(dst []byte, e *Entry) []byte {
		if a := of(e.Record); a != record.AnswerUnknown {
			return append(dst, a.String()...)
		}
		return dst
	}}
}

// tlsVersion returns a TLS version in the form in which logs nearly always have it, or as
// logged; nothing if that is no UTF-8.
func tlsVersion(r *record.Record) string {
	if known := classify.TLSVersion(r.TLSVersion); known != "" || !utf8.Valid(r.TLSVersion) {
		return known
	}
	return string(r.TLSVersion)
}

// appendRaw appends a record as logged. In JSON, line feeds can stand between members alone:
// without them, the record is one line.
func appendRaw(dst, raw []byte) []byte {
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		dst = append(dst, line...)
	}
	return dst
}

// Fields returns every Field in its order.
func Fields() []Field {
	all := make([]Field, fieldCount)
	for i := range all {
		all[i] = Field(i)
	}
	return all
}

// WholeFields returns the fields that together show all that is known of a request: all
// but those that only another one's value is cut down to, which are for groups.
func WholeFields() []Field {
	return slices.DeleteFunc(Fields(), func(f Field) bool { return f == Day || f == Hour })
}

// LabelFields returns the fields that are labels of the metrics too.
func LabelFields() []Field {
	return slices.DeleteFunc(Fields(), func(f Field) bool { return !fields[f].isLabel })
}

// ParseFields reads the names of fields, with commas between them. Its error is
// one line, which names what is wrong.
func ParseFields(text string) ([]Field, error) {
	var found []Field
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(fields[:fieldCount], func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("there is no field %q; the fields are %s", name, strings.Join(names(), ", "))
		case slices.Contains(found, Field(i)):
			return nil, fmt.Errorf("field %s is there twice", name)
		}
		found = append(found, Field(i))
	}
	return found, nil
}

func names() []string {
	all := make([]string, fieldCount)
	for i := range all {
		all[i] = fields[i].name
	}
	return all
}

// String returns the field's name.
func (f Field) String() string { return fields[f].name }

// Kind returns what the field's values are.
func (f Field) Kind() Kind { return fields[f].kind }

// Append appends the field's value for a request to dst, as valid UTF-8. Where
// the log does not hold it, nothing is appended and known is false.
func (f Field) Append(dst []byte, e *Entry) (value []byte, known bool) {
	value = fields[f].append(dst, e)
	return value, len(value) > len(dst)
}
