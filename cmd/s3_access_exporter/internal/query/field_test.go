package query_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// told returns the values of all fields; what is not said is null.
func told(t *testing.T, r *record.Record) map[string]string {
	t.Helper()
	class := classify.NewClassifier(classify.Config{}).Classify(r)
	entry := query.Entry{Record: r, Class: &class, LogObject: "s3://example-logs/access/1"}
	values := make(map[string]string)
	for _, f := range query.Fields() {
		value, said := f.Append([]byte("before"), &entry)
		text, kept := strings.CutPrefix(string(value), "before")
		switch {
		case !kept || said != (text != ""):
			t.Errorf("%s: %q, said %t", f, value, said)
		case said:
			values[f.String()] = text
		default:
			values[f.String()] = "null"
		}
	}
	return values
}

func TestFields_TellARequest(t *testing.T) {
	r := exampleRecord()
	r.Key = []byte("images/\xff\xfe.jpg")
	r.Status, r.ErrorCode, r.RequestID = 403, []byte("AccessDenied"), []byte("7C3A9E51D2B810F3")
	r.SentBytes, r.ReceivedBytes = 0, 1048576
	r.Transport, r.TLSVersion, r.CipherSuite = record.TLS, []byte("TLSV1"), []byte("ECDHE-RSA-AES128-SHA")
	r.Host, r.Referer, r.VersionID = []byte("s3.eu-west-1.amazonaws.com"), []byte("https://example.com/"), []byte("v1")
	r.ObjectSize, r.Duration, r.TurnAround = 7, 31, 29
	r.AccessPoint, r.ACLRequired, r.SourceRegion = []byte("arn:aws:s3:eu-west-1:111122223333:accesspoint/ap"), record.Yes, []byte("eu-west-2")
	r.AccessKeyID, r.VPCEndpointID, r.VPCEndpointAccountID = []byte("AKIAEXAMPLE"), []byte("vpce-1"), []byte("444455556666")
	r.MFA, r.Console, r.UserAgent = record.No, record.Yes, []byte("aws-cli/1.10.67 Python/2.7.11")
	got := told(t, r)
	for _, want := range []string{
		"time=2026-01-15T08:00:00Z", "log=server_access", "account_id=111122223333", "aws_region=eu-west-1",
		"bucket=example-photos", "operation=GetObject", "key=images/\uFFFD.jpg",
		"requester=arn:aws:sts::111122223333:assumed-role/web-shop", "source_ip=192.0.2.17",
		"client=aws-cli", "client_version=1.10.67", "user_agent=aws-cli/1.10.67 Python/2.7.11", "signature=SigV2",
		"auth_method=AuthHeader", "outcome=denied", "status=403", "error_code=AccessDenied", "sent_bytes=0",
		"received_bytes=1048576", "request_id=7C3A9E51D2B810F3", "sigv4_default=no", "log_object=s3://example-logs/access/1",
		"support=maintenance", "feature=sigv2,tls1.0,acl_required,path_style", "tls_version=TLSv1", "cipher_suite=ECDHE-RSA-AES128-SHA",
		"host=s3.eu-west-1.amazonaws.com", "referer=https://example.com/", "version_id=v1", "object_size=7", "total_time=31", "turn_around_time=29",
		"access_point=arn:aws:s3:eu-west-1:111122223333:accesspoint/ap", "acl_required=yes", "source_region=eu-west-2",
		"access_key_id=AKIAEXAMPLE", "vpc_endpoint_id=vpce-1", "vpc_endpoint_account_id=444455556666", "mfa=no", "console_session=yes", "runtime=python 2.7.11",
		"day=2026-01-15", "hour=2026-01-15T08:00:00Z",
	} {
		name, value, _ := strings.Cut(want, "=")
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("nobody expects %v", got)
	}
}

func TestFields_DoNotTellWhatTheLogDoesNot(t *testing.T) {
	var r record.Record
	r.Reset()
	r.Log = record.CloudTrail
	got := told(t, &r)
	for name, value := range got {
		said := slices.Contains([]string{
			"time", "log", "requester", "source_ip", "client", "signature", "outcome", "sigv4_default", "log_object", "support", "day", "hour",
		}, name)
		if said != (value != "null") {
			t.Errorf("%s is %s", name, value)
		}
	}
}

func TestFields_AreInTheirOrder(t *testing.T) {
	const want = "time log account_id aws_region bucket operation key requester source_ip client client_version user_agent " +
		"signature auth_method outcome status error_code sent_bytes received_bytes request_id sigv4_default log_object " +
		"support feature tls_version cipher_suite host referer version_id object_size total_time turn_around_time access_point acl_required " +
		"source_region access_key_id vpc_endpoint_id vpc_endpoint_account_id mfa console_session runtime day hour"
	var names []string
	for _, f := range query.Fields() {
		names = append(names, f.String())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s", got)
	}
	all, err := query.ParseFields(strings.Join(names, ","))
	if err != nil || !slices.Equal(all, query.Fields()) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestParseFields_NamesWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"user":          `there is no field "user"; the fields are time, log, account_id,`,
		"":              `there is no field ""`,
		"bucket,,key":   `there is no field ""`,
		"bucket, key":   `there is no field " key"`,
		"bucket,bucket": "field bucket is there twice",
	} {
		if _, err := query.ParseFields(text); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLogObject_IsTheWholeName(t *testing.T) {
	for _, test := range []struct{ location, key, want string }{
		{"s3://example-logs", "a/b", "s3://example-logs/a/b"},
		{"s3://example-logs/a", "a/b", "s3://example-logs/a/b"},
		{"file:///srv/logs", "a/b", "file:///srv/logs/a/b"},
		{"file:///", "a/b", "file:///a/b"},
	} {
		if got := query.LogObject(test.location, test.key); got != test.want {
			t.Errorf("%s", got)
		}
	}
}
