package logtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Request is a request to S3 of which each format of server access logs has a record.
type Request struct {
	Time                                         time.Time // in seconds
	Bucket, SourceIP, Requester, ID, Operation   string
	Key, URI, ErrorCode, Referer, UserAgent      string
	Status, SentBytes, ObjectSize, Duration      int
	Signature, AuthType, CipherSuite, Host, TLS  string
	AccessPoint, SourceRegion, VersionID, HostID string
	ACLRequired                                  bool
}

// RandomRequest returns a request of one bucket, of which everything varies that may. What
// a field does not hold is empty or 0.
func RandomRequest(random *rand.Rand, bucket string, at time.Time) Request {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	r := Request{
		Time: at.Truncate(time.Second), Bucket: bucket, SourceIP: fmt.Sprintf("192.0.2.%d", random.IntN(256)),
		ID: fmt.Sprintf("%016X", random.Uint64()), Key: fmt.Sprintf("data/%d/part-%05d.csv", random.IntN(20), random.IntN(1e5)),
		Operation: pick("REST.GET.OBJECT", "REST.PUT.OBJECT", "REST.HEAD.OBJECT", "REST.DELETE.OBJECT", "REST.GET.BUCKET", "REST.COPY.OBJECT", "WEBSITE.GET.OBJECT"),
		Requester: pick("", "arn:aws:iam::111122223333:user/u", "arn:aws:sts::111122223333:assumed-role/reports/nightly"),
		UserAgent: pick("", "curl/8.5.0", "aws-cli/1.11.108 Python/2.7.5", "Boto3/1.35.40 md/Botocore#1.35.40", `x "y" z`),
		Referer:   pick("", "", "https://example.com/page?a=b"),
		Status:    200, SentBytes: random.IntN(1 << 20), ObjectSize: random.IntN(1 << 20), Duration: random.IntN(1000),
		CipherSuite: "TLS_AES_128_GCM_SHA256", TLS: pick("TLSv1.2", "TLSv1.3", "TLSv1"), Host: bucket + ".s3.eu-west-1.amazonaws.com",
		SourceRegion: pick("", "eu-west-1", "us-east-1"), ACLRequired: random.IntN(4) == 0, HostID: fmt.Sprintf("%032x%032x=", random.Uint64(), random.Uint64()),
		VersionID: pick("", "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"), AccessPoint: pick("", "", "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap"),
	}
	if r.Requester != "" {
		r.Signature, r.AuthType = pick("SigV2", "SigV4", "SigV4"), pick("AuthHeader", "QueryString")
	}
	if random.IntN(5) == 0 {
		r.Status, r.ErrorCode, r.ObjectSize = 403, pick("AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId"), 0
	}
	if r.Operation == "REST.GET.BUCKET" {
		r.Key, r.ObjectSize = "", 0
	}
	r.URI = fmt.Sprintf("GET /%s HTTP/1.1", r.Key)
	return r
}

// Line returns the request as a line of a server access log in text.
func (r *Request) Line() []byte {
	acl := "-"
	if r.ACLRequired {
		acl = "Yes"
	}
	return fmt.Appendf(nil, "456d07786cdc6594117e954633138b0a0ea95d533395eb553245c3cb7340e652 %s [%s] %s %s %s %s %s \"%s\" %s %s %s %s %s 1 \"%s\" \"%s\" %s %s %s %s %s %s %s %s %s %s\n",
		dash(r.Bucket), r.Time.UTC().Format("02/Jan/2006:15:04:05 -0700"), dash(r.SourceIP), dash(r.Requester), dash(r.ID), dash(r.Operation), dash(r.Key),
		r.URI, number(r.Status), dash(r.ErrorCode), number(r.SentBytes), number(r.ObjectSize), number(r.Duration), dash(r.Referer), dash(r.UserAgent),
		dash(r.VersionID), dash(r.HostID), dash(r.Signature), dash(r.CipherSuite), dash(r.AuthType), dash(r.Host), dash(r.TLS), dash(r.AccessPoint), acl, dash(r.SourceRegion))
}

// JSON returns the request as a record of a server access log in JSON, as CloudWatch's log
// delivery writes it, without a line feed.
func (r *Request) JSON() []byte {
	size := func(n int) any {
		if n == 0 {
			return nil
		}
		return n
	}
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	record := []struct {
		name  string
		value any
	}{
		{"schema_version_id", "V_1_0"},
		{"bucket_arn", "arn:aws:s3:::" + r.Bucket},
		{"bucket_name", r.Bucket},
		{"request_time", r.Time.UTC().Format("2006-01-02T15:04:05.000Z")},
		{"bucket_owner_id", "456d07786cdc6594117e954633138b0a0ea95d533395eb553245c3cb7340e652"},
		{"remote_ip", text(r.SourceIP)},
		{"requester", text(r.Requester)},
		{"request_id", text(r.ID)},
		{"operation", text(r.Operation)},
		{"key_name", text(r.Key)},
		{"request_uri", text(r.URI)},
		{"http_status", size(r.Status)},
		{"error_code", text(r.ErrorCode)},
		{"bytes_sent_size", size(r.SentBytes)},
		{"object_size", size(r.ObjectSize)},
		{"total_duration", size(r.Duration)},
		{"turn_around_duration", 1},
		{"referer", text(r.Referer)},
		{"user_agent", text(r.UserAgent)},
		{"version_id", text(r.VersionID)},
		{"host_id", text(r.HostID)},
		{"signature_version", text(r.Signature)},
		{"cipher_suite", text(r.CipherSuite)},
		{"authentication_type", text(r.AuthType)},
		{"host_header", text(r.Host)},
		{"tls_version", text(r.TLS)},
		{"access_point_arn", text(r.AccessPoint)},
		{"acl_required", r.ACLRequired},
		{"source_region", text(r.SourceRegion)},
	}
	out := []byte("{")
	for i, member := range record {
		if i > 0 {
			out = append(out, ',')
		}
		value, _ := json.Marshal(member.value) // of text and numbers, that does not fail
		out = fmt.Appendf(out, "%q:%s", member.name, value)
	}
	return append(out, '}')
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// AccessJSON returns a server access log in JSON with one request for each request ID.
func AccessJSON(at time.Time, ids ...string) (log []byte) {
	for _, id := range ids {
		r := Request{
			Time: at, Bucket: "bucket", SourceIP: "192.0.2.1", Requester: "arn:aws:iam::111122223333:user/u", ID: id,
			Operation: "REST.GET.OBJECT", Key: "k", URI: "GET /k HTTP/1.1", Status: 200, SentBytes: 1, ObjectSize: 1, Duration: 1,
			Signature: "SigV4", AuthType: "AuthHeader", Host: "bucket.s3.eu-west-1.amazonaws.com", TLS: "TLSv1.3",
		}
		log = append(append(log, r.JSON()...), '\n')
	}
	return log
}
