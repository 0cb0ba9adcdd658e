package query_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/cloudwatch"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// line is a line of the server access log with some fields.
func line(bucket, ip, requester, operation, key, uri, signature string) string {
	return strings.Repeat("1f2e3d4c", 8) + " " + bucket + " [15/Jan/2026:08:21:07 +0000] " + ip + " " + requester +
		" 7C3A9E51D2B810F3 " + operation + " " + key + ` "` + uri + ` HTTP/1.1" 200 - 1 - 31 27 "-" "curl/8.5.0" - ` +
		"nXb4Kc0qPz7sVw2TyLr9= " + signature + " TLS_AES_128_GCM_SHA256 AuthHeader example-photos.s3.eu-west-1.amazonaws.com TLSv1.3 - - -\n"
}

// event is an event of CloudTrail with some values, which stand in JSON.
func event(identity, ip, bucket, key, additional string) string {
	return fmt.Sprintf(`{"eventVersion": "1.11", "userIdentity": {%s}, "eventTime": "2026-01-15T10:00:01Z", `+
		`"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1", "sourceIPAddress": "%s", `+
		`"requestParameters": {"bucketName": "%s", "key": "%s"}, "additionalEventData": {%s}, "eventType": "AwsApiCall"}`,
		identity, ip, bucket, key, additional)
}

const (
	user      = `"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/cms", "accountId": "111122223333"`
	service   = `"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"`
	nobody    = `"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL"`
	signedV2  = `"SignatureVersion": "SigV2", "AuthenticationMethod": "AuthHeader"`
	signedV4  = `"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"`
	presigned = "GET /x?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1768466522&Signature=bWFkZSUyMHVw%3D"
)

// lines and events are what is written in more ways than one.
func lines() string {
	oldLayout, _, _ := strings.Cut(line("example-photos", "192.0.2.1", "-", "REST.GET.OBJECT", "x", presigned, "-"), ` "-" "curl`)
	return line("example-photos", "192.0.2.1", session, "REST.GET.OBJECT", "images/a.jpg", "GET /images/a.jpg", "SigV4") +
		line("example-photos", "::ffff:c000:201", session, "REST.GET.OBJECT", "images/a%252Bb.jpg", "GET /", "SigV2") +
		line("example-photos", "::FfFf:c000:201", "-", "REST.GET.OBJECT", "im%61ges/a+b.jpg", "GET /", "sigv2") +
		line("example-reports", "2001:DB8:0::1", "-", "REST.GET.BUCKET", "-", "GET /", "-") +
		line("example-reports", "-", "-", "S3.EXPIRE.OBJECT", "images/a+b.jpg", "GET /", "-") +
		line("example-reports", "192.0.2.10", "svc:delivery.logs.amazonaws.com", "BATCH.DELETE.OBJECT", "a+b%2Bc", "GET /", "SigV4A") +
		line("example-reports", "198.51.100.1", "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1ABCD", "REST.GET.OBJECT", "x", "GET /x", "SigV4") +
		line("example-reports", "198.51.100.1", "arn:aws:iam::111122223333:user/cms", "REST.PUT.PART", "caf%C3%A9/\xff", "PUT /", "SigV2") +
		line("example-photos", "192.0.2.1", "Anonymous", "REST.GET.OBJECT", "images/a.jpg", "GET /images/a.jpg", "-") +
		line("example-photos", "192.0.2.10", "aNONYMOUS", "S3.EXPIRE.OBJECT", "x", "GET /", "-") +
		oldLayout + ` "-" "curl/8.5.0"` + "\n" +
		strings.ReplaceAll(line("example-photos", "192.0.2.1", "-", "SOAP.GET.OBJECT", "x", "GET /", "-"), "TLSv1.3 - - -", "TLSV1 - Yes -") +
		strings.ReplaceAll(line("example-photos", "192.0.2.1", "-", "REST.GET.OBJECT", "x", "GET /", "-"), "TLSv1.3 - - -", "tlsV1.1 - Yes") +
		strings.ReplaceAll(line("example-photos", "192.0.2.1", "-", "REST.GET.OBJECT", "x", "GET /", "-"), "TLSv1.3 - - -", "TLSv1") +
		ceph("alice", "images/a b+c.jpg", "SigV2") + ceph("anonymous", "caf%C3%A9/x", "-")
}

// ceph is a line of Ceph's gateway, in which keys are as they are.
func ceph(requester, key, signature string) string {
	method := map[string]string{"-": "-"}[signature]
	return "owner example-reports [15/Jan/2026:08:21:07 +0000] 192.0.2.10 " + requester + " tx00000a6f2b1c3d4e5f607-0066b1f1f1-106c-default " +
		"REST.GET.OBJECT " + key + ` "GET /x HTTP/1.1" 200 - 1 1 - 3ms - "curl/8.5.0" - - ` + signature + " - " + cmp.Or(method, "AuthHeader") + " localhost - - -\n"
}

func events() string {
	return `{"Records": [` + strings.Join([]string{
		event(user, "192.0.2.1", "example-photos", "images/a.jpg", signedV4),
		event(user, "::ffff:c000:201", "example-photos", `images\/a+b.jpg`, signedV2),
		event(user, "192.0.2.1", `ex\u0061mple-photos`, `im\u0061ges/a.jpg`, `"SignatureVersion": "S\u0069gV2"`),
		event(strings.ReplaceAll(user, "cms", `c\u006ds`), `192\u002e0.2.1`, "example-reports", "\u00e9", `"SignatureVersion": "sIGv2"`),
		event(service, "cloudtrail.amazonaws.com", "example-reports", "a b", ""),
		event(nobody, "2001:DB8::1", "example-reports", "images/a.jpg", ""),
		event(strings.ReplaceAll(nobody, "ANONYMOUS_PRINCIPAL", "anonymous"), "AWS Internal", "example-reports", "x", ""),
		event(strings.ReplaceAll(nobody, "AWSAccount", `AWSAcc\u006funt`), "192.0.2.1", "example-reports", "x", ""),
		strings.Replace(event(user, "192.0.2.1", "readers-a1b2-s3alias", "x", signedV4), `"eventType"`,
			`"resources": [{"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::example-photos"}], "eventType"`, 1),
		strings.Replace(event(user+`, "accessKeyId": "images/a.jpg"`, "192.0.2.1", "x", "x", signedV4+`, "aclRequired" : "Yes"`), `"eventType"`,
			`"tlsDetails": {"tlsVersion": "TLSv1.1"}, "vpcEndpointId": "images/a.jpg", "eventType"`, 1),
		strings.Replace(event(user+`, "accessKeyId": "im\u0061ges\/a.jpg"`, "192.0.2.1", "x", "x", signedV4+`, "acl\u0052equired" : "Yes"`), `"eventType"`,
			`"tlsDetails": {"tlsVersion": "TLSv1\u002e1"}, "vpcEndpointId": "im\u0061ges/a.jpg", "eventType"`, 1),
		strings.Replace(event(user, "192.0.2.1", "x", "x", signedV4), `"eventType"`, `"tlsDetails": {"tlsVersion": "TLSV1"}, "eventType"`, 1),
		event(strings.ReplaceAll(service, "AWSService", "IAMUser"), "192.0.2.1", "example-reports", "x", ""),
	}, ",\n") + `]}`
}

// requests are records of the server access log in JSON.
func requests() [][]byte {
	request := func(bucket, ip, requester, key, uri, signature, method string) []byte {
		return fmt.Appendf(nil, `{"schema_version_id":"V_1_0","bucket_arn":"arn:aws:s3:::%[1]s","bucket_name":"%[1]s","request_time":"2026-01-15T08:21:07.000Z",`+
			`"remote_ip":"%s","requester":%s,"request_id":"7C3A9E51D2B810F3","operation":"REST.GET.OBJECT","key_name":"%s","request_uri":"%s HTTP/1.1",`+
			`"http_status":200,"user_agent":"curl/8.5.0","signature_version":%s,"authentication_type":%s}`, bucket, ip, requester, key, uri, signature, method)
	}
	const header = `"AuthHeader"`
	with := func(members string) []byte {
		return bytes.Replace(request("example-photos", "192.0.2.1", "null", "x", "GET /", "null", "null"), []byte(`"http_status"`), []byte(members+`,"http_status"`), 1)
	}
	onlyARN := bytes.Replace(request("example-photos", "192.0.2.1", "null", "images/a.jpg", "GET /", "null", "null"), []byte(`"bucket_name":"example-photos",`), nil, 1)
	return [][]byte{
		request("example-photos", "192.0.2.1", `"`+session+`"`, "images/a.jpg", "GET /images/a.jpg", `"SigV4"`, header),
		request("example-photos", "::ffff:c000:201", `"arn:aws:iam::111122223333:role/web-shop"`, `images\/a+b.jpg`, "GET /", `"SigV2"`, header),
		request(`ex\u0061mple-photos`, `192\u002e0.2.1`, `"arn:aws:iam::111122223333:user/c\u006ds"`, `im\u0061ges/a b.jpg`, "GET /", `"S\u0069gV2"`, header),
		request("example-reports", "2001:DB8:0::1", "null", "caf\u00e9/\xff", "GET /", "null", "null"),
		request("example-reports", "198.51.100.1", `"-"`, "x", presigned, "null", `"QueryString"`),
		request("example-reports", "198.51.100.1", `"svc:delivery.logs.amazonaws.com"`, "a+b%2Bc", "PUT /", `"sigv2"`, header),
		request("example-reports", "192.0.2.10", `"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1ABCD"`, "x", "GET /", `"SigV4"`, header),
		request("example-reports", "192.0.2.10", `"Anonymous"`, "x", "GET /", `""`, `"-"`),
		onlyARN,
		with(`"acl_required":true,"tls_version":"TLSv1.1"`),
		with(`"acl_required": "Yes","tls_version":"tlsV1"`),
		with(`"acl_required":false,"tls_version":null,"cipher_suite":null`),
		bytes.Replace(with(`"acl_required":"\u0059es","tls_version":"TLSv1\u002e1"`), []byte("REST.GET"), []byte("SOAP.GET"), 1),
	}
}

// messages are requests and events in an envelope of CloudWatch Logs, or on lines of their
// own, as an export task writes them.
func messages(lines bool) string {
	all := requests()
	var file struct{ Records []json.RawMessage }
	if err := json.Unmarshal([]byte(events()), &file); err != nil {
		panic(err)
	}
	for _, e := range file.Records {
		all = append(all, e)
	}
	var text strings.Builder
	for _, m := range all {
		if lines {
			fmt.Fprintf(&text, "2026-07-02T08:15:42.318Z %s\n", bytes.ReplaceAll(m, []byte("\n"), nil))
			continue
		}
		message := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(m))
		fmt.Fprintf(&text, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logEvents":[{"id":"1","timestamp":1,"message":"%s"}]}`, message)
	}
	return text.String()
}

// objects are objects of every format.
func objects() map[record.Format]string {
	return map[record.Format]string{
		accesslog.Format: lines(), cloudtrail.Format: events(), accesslogjson.Format: string(bytes.Join(requests(), nil)),
		cloudwatch.Format: messages(false) + string(bytes.Join(requests(), nil)) + events(), cloudwatch.ExportFormat: messages(true),
	}
}

// decoderOf returns a decoder of an object.
func decoderOf(format record.Format, object []byte) record.Decoder {
	in := bytes.NewReader(object)
	switch format {
	case cloudtrail.Format:
		return cloudtrail.NewDecoder(in)
	case accesslogjson.Format:
		return accesslogjson.NewDecoder(in)
	case cloudwatch.Format:
		return cloudwatch.NewDecoder(in)
	case cloudwatch.ExportFormat:
		return cloudwatch.NewExportDecoder(in)
	}
	return accesslog.NewDecoder(in)
}

// askedFor returns what is asked of requests with the help of one text.
func askedFor(text string) map[string]query.Config {
	asked := map[string]query.Config{"anonymous": {Anonymous: true}}
	for _, f := range classify.AllFeatures() {
		var g query.Glob
		if err := g.UnmarshalText([]byte(f.String())); err != nil {
			panic(err)
		}
		asked["feature "+f.String()] = query.Config{Features: []query.Glob{g}}
	}
	var g query.Glob
	if g.UnmarshalText([]byte(text)) == nil {
		asked["key"] = query.Config{Keys: []query.Glob{g}}
		asked["bucket"] = query.Config{Buckets: []query.Glob{g}}
		asked["requester"] = query.Config{Requesters: []query.Glob{g}}
		asked["access key"] = query.Config{AccessKeys: []query.Glob{g}}
		asked["endpoint"] = query.Config{Endpoints: []query.Glob{g}}
		asked["signature"] = query.Config{Signatures: []query.Glob{g}}
	}
	var s query.Source
	if s.UnmarshalText([]byte(text)) == nil {
		asked["source"] = query.Config{Sources: []query.Source{s}}
	}
	return asked
}

// checkPrefilter checks that no record that matches is passed over. It returns how
// many records the prefilters passed over.
func checkPrefilter(t *testing.T, format record.Format, object []byte, text string) (passedOver int) {
	t.Helper()
	var classifiers []*classify.Classifier
	for _, mode := range []classify.RequesterMode{
		classify.RequesterRole, classify.RequesterARN, classify.RequesterAccount, classify.RequesterOff,
	} {
		classifiers = append(classifiers, classify.NewClassifier(classify.Config{Requester: mode}))
	}
	for name, cfg := range askedFor(text) {
		f, err := query.New(cfg)
		if err != nil {
			continue // no such signature
		}
		prefilter := f.Query().Prefilter
		if prefilter == nil {
			continue
		}
		dec := decoderOf(format, object)
		var passed bool // the record that comes next
		ask := func(format record.Format, raw []byte) bool {
			passed = prefilter(format, raw)
			return true
		}
		if several, ok := dec.(interface {
			PrefilterByFormat(candidate func(record.Format, []byte) bool)
		}); ok {
			several.PrefilterByFormat(ask)
		} else {
			dec.Prefilter(func(raw []byte) bool { return ask(format, raw) })
		}
		for dec.Next() {
			r := dec.Record()
			if !passed {
				passedOver++
			}
			for _, classifier := range classifiers {
				class := classifier.Classify(r)
				if f.Match(r, &class) && !passed {
					t.Errorf("%s %q passes over a record of %s of key %q by %q from %s", name, text, format, r.Key, r.Requester, r.SourceIP)
				}
			}
		}
	}
	return passedOver
}

// patterns are what is asked for in the test: what the records have, and parts of
// it.
func patterns() []string {
	return []string{
		"images/a.jpg", "images/*", "*/a+b.jpg", "*a b*", "*b.jpg", "a b+c", "*b+c", "caf\u00e9/*", "\u00e9", "*\uFFFD*", "?",
		"example-photos", "example-*", "*-reports", "!example-photos", "im*ges*",
		session, "arn:aws:sts::111122223333:assumed-role/web-shop", "*/web-shop", "*:user/cms", "111122223333", "anonymous",
		"unknown", "AmazonS3", "*S3", "*.amazonaws.com", "delivery.logs.*", "*Origin Access Identity*", "!anonymous", "no*", "ano*us",
		"SigV2", "!SigV4*", "none", "SigV*",
		"192.0.2.1", "192.0.2.10", "::ffff:192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32", "!192.0.2.1",
		"cloudtrail.amazonaws.com", "AWS Internal",
	}
}

func TestPrefilter_PassesOverNothingThatMatches(t *testing.T) {
	for format, object := range objects() {
		passedOver := 0
		for _, text := range patterns() {
			passedOver += checkPrefilter(t, format, []byte(object), text)
		}
		if passedOver < 100 {
			t.Errorf("%s: only %d records are passed over", format, passedOver)
		}
	}
}

func FuzzPrefilter(f *testing.F) {
	for _, text := range patterns() {
		for format, object := range objects() {
			f.Add(string(format), []byte(object), text)
		}
	}
	f.Fuzz(func(t *testing.T, format string, object []byte, text string) {
		checkPrefilter(t, record.Format(format), object, text)
	})
}
