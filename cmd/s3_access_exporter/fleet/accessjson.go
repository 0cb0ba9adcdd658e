package fleet

import (
	"encoding/json"
	"strings"
)

// record is a record of a server access log in JSON. What a member does not hold is null.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html.
type record struct {
	SchemaVersion  string  `json:"schema_version_id"`
	BucketARN      string  `json:"bucket_arn"`
	BucketName     string  `json:"bucket_name"`
	RequestTime    string  `json:"request_time"`
	BucketOwner    string  `json:"bucket_owner_id"`
	RemoteIP       *string `json:"remote_ip"`
	Requester      *string `json:"requester"`
	RequestID      *string `json:"request_id"`
	Operation      *string `json:"operation"`
	KeyName        *string `json:"key_name"`
	RequestURI     *string `json:"request_uri"`
	HTTPStatus     *int64  `json:"http_status"`
	ErrorCode      *string `json:"error_code"`
	BytesSent      *int64  `json:"bytes_sent_size"`
	ObjectSize     *int64  `json:"object_size"`
	TotalDuration  *int64  `json:"total_duration"`
	TurnAround     *int64  `json:"turn_around_duration"`
	Referer        *string `json:"referer"`
	UserAgent      *string `json:"user_agent"`
	VersionID      *string `json:"version_id"`
	HostID         *string `json:"host_id"`
	Signature      *string `json:"signature_version"`
	CipherSuite    *string `json:"cipher_suite"`
	Authentication *string `json:"authentication_type"`
	HostHeader     *string `json:"host_header"`
	TLSVersion     *string `json:"tls_version"`
	AccessPoint    *string `json:"access_point_arn"`
	ACLRequired    *bool   `json:"acl_required"`
	SourceRegion   *string `json:"source_region"`
}

// accessJSON returns the body of an object of a bucket's server access log in JSON, one
// record a call, and adds the requests that are in it to the fleet's.
func (f *Fleet) accessJSON(s *stream, calls []call) []byte {
	var lines []byte
	for i := range calls {
		line, _ := json.Marshal(f.record(&calls[i])) // of text and numbers, it does not fail
		lines = append(append(lines, line...), '\n')
		f.requests = append(f.requests, lineTruth(s, &calls[i]))
	}
	return f.compress(lines)
}

// record returns a call's record.
func (f *Fleet) record(c *call) *record {
	r := &record{
		SchemaVersion: "V_1_0", BucketARN: "arn:aws:s3:::" + c.bucket.name, BucketName: c.bucket.name,
		RequestTime: c.received.Format("2006-01-02T15:04:05.000Z"), BucketOwner: canonicalIDs[c.bucket.account],
		RemoteIP: textOf(c.sourceIP), Requester: textOf(requesterField(c)), RequestID: textOf(c.requestID),
		Operation: textOf(c.logged), KeyName: textOf(c.key), ErrorCode: textOf(c.answer.code),
		HTTPStatus: numberOf(int64(c.answer.status), 0), BytesSent: numberOf(c.sent, 0), ObjectSize: numberOf(c.size, Unknown),
		HostID: textOf(f.token(hostIDLength, alphanumeric) + "=="),
	}
	if c.actor.identity.kind != ownWork {
		version, cipher := c.tls()
		r.ACLRequired = &c.actor.acl
		r.Signature, r.Authentication = textOf(dashIfNone(c.actor.signature)), textOf(dashIfNone(c.actor.auth))
		r.CipherSuite, r.TLSVersion, r.HostHeader = textOf(cipher), textOf(version), textOf(c.host())
	}
	if !c.isHTTP() {
		return r
	}
	duration := c.milliseconds()
	request := strings.TrimSuffix(strings.TrimPrefix(string(f.appendRequest(nil, c)), `"`), `" `)
	r.RequestURI, r.TotalDuration, r.TurnAround = &request, &duration, numberOf(c.milliseconds()/2, 0)
	r.UserAgent = textOf(c.client.userAgent)
	return r
}

// textOf returns nil for what stands for nothing in the log in text.
func textOf(s string) *string {
	if s == "" || s == "-" {
		return nil
	}
	return &s
}

func numberOf(n, nothing int64) *int64 {
	if n == nothing {
		return nil
	}
	return &n
}
