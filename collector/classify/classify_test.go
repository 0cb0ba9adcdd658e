package classify

import (
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// classify returns the label values of an ordinary request, changed by edit.
func classify(config Config, edit func(*record.Record)) Labels {
	return NewClassifier(config).Classify(new(request(edit))).Labels
}

// Values come to terminals, dashboards and pagers as they are.
func TestClassifier_NoValueDeceives(t *testing.T) {
	for _, c := range "\x00\t\n\r\x1b\x7f\u0085\u009b\u061c\u200e\u200f\u202a\u202e\u2066\u2069" {
		text := []byte("a" + string(c) + "b")
		labels := classify(labelConfig(t, "arn", "full", "full"), func(r *record.Record) {
			r.AccountID, r.Region, r.Host, r.Bucket, r.Operation, r.Requester, r.SourceIP, r.ErrorCode = text, text, text, text, text, text, text, text
			r.UserAgent = append([]byte("aws-cli/1.2"), text...)
		})
		for l, value := range labels {
			if strings.ContainsRune(value, c) {
				t.Errorf("%s is %q", Label(l), value)
			}
		}
		if labels[LabelBucket] != "a\uFFFDb" || labels[LabelRequester] != "a\uFFFDb" {
			t.Errorf("bucket %q, requester %q", labels[LabelBucket], labels[LabelRequester])
		}
	}
	if got := clean("日本 \u00e9\u200d\u00ad"); got != "日本 \u00e9\u200d\u00ad" {
		t.Errorf("%q", got)
	}
}

func TestClassifier_Operation(t *testing.T) {
	const none, key = "", "images/picture.jpg"
	for _, test := range []struct{ logged, key, want string }{
		// The contract's own examples.
		{"REST.GET.OBJECT", key, "GetObject"},
		{"WEBSITE.GET.OBJECT", key, "GetObject"},
		{"WEBSITE.HEAD.OBJECT", key, "HeadObject"},
		{"REST.COPY.OBJECT", key, "CopyObject"},
		{"BATCH.DELETE.OBJECT", key, "DeleteObject"},
		{"REST.POST.MULTI_OBJECT_DELETE", none, "DeleteObjects"},
		{"REST.PUT.PART", key, "UploadPart"},
		{"REST.GET.BUCKET", none, "ListObjects"},
		{"GetObject", key, "GetObject"},

		// With a key it is an object's, without one a bucket's.
		{"REST.PUT.ACL", none, "PutBucketAcl"},
		{"REST.PUT.ACL", key, "PutObjectAcl"},
		{"REST.GET.TAGGING", none, "GetBucketTagging"},
		{"REST.DELETE.TAGGING", key, "DeleteObjectTagging"},
		{"REST.GET.OBJECT_TAGGING", key, "GetObjectTagging"},

		// Sub-records and S3's own work.
		{"REST.COPY.OBJECT_GET", key, "REST.COPY.OBJECT_GET"},
		{"REST.COPY.PART_GET", key, "REST.COPY.PART_GET"},
		{"S3.EXPIRE.OBJECT", key, "S3.EXPIRE.OBJECT"},
		{"S3.COMPUTE.OBJECT.CHECKSUM", key, "S3.COMPUTE.OBJECT.CHECKSUM"},

		// SOAP.
		{"SOAP.PUT.OBJECT", key, "PutObject"},
		{"SOAP.ListAllMyBuckets", none, "ListBuckets"},
		{"SOAP.SomethingOld", none, "SOAP.SomethingOld"},

		// Both logs have one name for one action.
		{"REST.PUT.LIFECYCLE", none, "PutBucketLifecycleConfiguration"},
		{"PutBucketLifecycle", none, "PutBucketLifecycleConfiguration"},
		{"REST.GET.NOTIFICATION", none, "GetBucketNotificationConfiguration"},
		{"GetBucketNotification", none, "GetBucketNotificationConfiguration"},
		{"REST.DELETE.PUBLIC_ACCESS_BLOCK", none, "DeletePublicAccessBlock"},
		{"DeleteBucketPublicAccessBlock", none, "DeletePublicAccessBlock"},
		{"DeleteAccountPublicAccessBlock", none, "DeleteAccountPublicAccessBlock"}, // another action
		{"REST.GET.OBJECT_LOCK_CONFIGURATION", none, "GetObjectLockConfiguration"},
		{"GetBucketObjectLockConfiguration", none, "GetObjectLockConfiguration"},

		// Other stores.
		{"REST.POST.DELETE_MULTI_OBJECT", none, "DeleteObjects"},
		{"REST.S3_GET_OBJECT", key, "GetObject"},
		{"REST.S3_LIST_OBJECTS_V2", none, "ListObjects"},
		{"REST.S3_CREATE_MULTIPART_UPLOAD", key, "CreateMultipartUpload"},
		{"REST.S3_PUT_BUCKET_CORS", none, "PutBucketCors"},
		{"REST.S3_GET_SOMETHING", key, "REST.S3_GET_SOMETHING"},
		{"REST.S3_", none, "REST.S3_"},
		{"B2_API.DOWNLOAD_FILE_BY_NAME", key, "B2_API.DOWNLOAD_FILE_BY_NAME"},
		{"B2_LIFECYCLE.DELETE.OBJECT", key, "B2_LIFECYCLE.DELETE.OBJECT"},

		// Unknown names: kept if they look like an operation.
		{"RenameObject", key, "RenameObject"},
		{"REST.PUT.NEW_THING", key, "REST.PUT.NEW_THING"},
		{"BATCH.NEW.THING", key, "BATCH.NEW.THING"},
		{"", none, ""},
		{"Ge", none, "other"},
		{"G" + strings.Repeat("e", 63), none, "G" + strings.Repeat("e", 63)},
		{"G" + strings.Repeat("e", 64), none, "other"},
		{"REST." + strings.Repeat("A", 60), none, "REST." + strings.Repeat("A", 60)},
		{"REST." + strings.Repeat("A", 61), none, "other"},
		{"getObject", none, "other"},
		{"Get Object", none, "other"},
		{"REST.", none, "other"},
		{"REST.get.object", none, "other"},
		{"HTTP.GET.OBJECT", none, "other"},
		{"REST.GET.\xff", none, "other"},
	} {
		got := classify(Config{}, func(r *record.Record) {
			r.Operation, r.Key = []byte(test.logged), []byte(test.key)
		})[LabelOperation]
		if got != test.want {
			t.Errorf("%q with key %q is %q, want %q", test.logged, test.key, got, test.want)
		}
	}
}

func TestActions_HaveTheFormOfTheAPI(t *testing.T) {
	for logged, names := range actions {
		for _, name := range []string{names.bucket, names.complete().object} {
			if strings.Contains(name, ".") || !looksLikeOperation(name) {
				t.Errorf("%s: %q is no action", logged, name)
			}
			if final := operationAction(name); final.bucket != name {
				t.Errorf("%s is %s, which itself becomes %s", logged, name, final.bucket)
			}
		}
	}
}

func TestClassifier_ObjectRequest(t *testing.T) {
	for _, test := range []struct {
		operation, key string
		want           bool
	}{
		{"REST.GET.OBJECT", "a", true},
		{"REST.GET.BUCKET", "", false},
		{"REST.POST.MULTI_OBJECT_DELETE", "", true},
		{"DeleteObjects", "", true},
		{"S3.EXPIRE.OBJECT", "a", true},
	} {
		class := NewClassifier(Config{}).Classify(new(request(func(r *record.Record) {
			r.Operation, r.Key = []byte(test.operation), []byte(test.key)
		})))
		if class.Traits.Has(TraitObject) != test.want {
			t.Errorf("%s with key %q: object request is %t", test.operation, test.key, class.Traits.Has(TraitObject))
		}
	}
}

func TestClassifier_Requester(t *testing.T) {
	const (
		session   = "arn:aws:sts::111122223333:assumed-role/reader/i-0123456789abcdef0"
		china     = "arn:aws-cn:sts::111122223333:assumed-role/reader/me@example.com"
		odd       = "arn:aws:sts::111122223333:assumed-role/reader/a/b:c"
		federated = "arn:aws:sts::111122223333:federated-user/alice"
		user      = "arn:aws:iam::111122223333:user/team/alice"
		origin    = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"
		canonical = "7f3c0a8e5b1d4f629c7e2a1b0d9f8e7c6b5a49382716f5e4d3c2b1a09f8e7d6c"
	)
	for _, test := range []struct{ logged, arn, role, account string }{ // with off, all of them are empty
		{session, session, "arn:aws:sts::111122223333:assumed-role/reader", "111122223333"},
		{china, china, "arn:aws-cn:sts::111122223333:assumed-role/reader", "111122223333"},
		{odd, odd, "arn:aws:sts::111122223333:assumed-role/reader", "111122223333"},
		{
			"arn:aws:sts::111122223333:assumed-role/reader", "arn:aws:sts::111122223333:assumed-role/reader",
			"arn:aws:sts::111122223333:assumed-role/reader", "111122223333",
		},
		{federated, federated, federated, "111122223333"},
		{user, user, user, "111122223333"},
		{origin, origin, origin, "cloudfront"},
		{canonical, canonical, canonical, canonical},
		{"cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com"},
		{"AmazonS3", "AmazonS3", "AmazonS3", "AmazonS3"},
		{"111122223333", "111122223333", "111122223333", "111122223333"},
		{"arn:aws:sts", "arn:aws:sts", "arn:aws:sts", "arn:aws:sts"},
		{"arn:aws:s3:::example", "arn:aws:s3:::example", "arn:aws:s3:::example", "arn:aws:s3:::example"},
	} {
		for mode, want := range map[string]string{"arn": test.arn, "role": test.role, "account": test.account, "off": ""} {
			got := classify(labelConfig(t, mode, "full", "full"), func(r *record.Record) {
				r.Requester = []byte(test.logged)
			})[LabelRequester]
			if got != want {
				t.Errorf("%s of %q is %q, want %q", mode, test.logged, got, want)
			}
		}
	}
}

// Alerts set them apart in every mode: anybody can send such requests.
func TestClassifier_RequesterWhomNobodyKnows(t *testing.T) {
	for _, mode := range []string{"arn", "role", "account", "off"} {
		for _, test := range []struct {
			anonymous bool
			want      string
		}{
			{true, "anonymous"},
			{false, "unknown"}, // signed, but refused
		} {
			got := classify(labelConfig(t, mode, "full", "full"), func(r *record.Record) {
				r.Anonymous, r.Requester = test.anonymous, nil
			})[LabelRequester]
			if got != test.want {
				t.Errorf("%s is %q, want %q", mode, got, test.want)
			}
		}
	}
}

func TestClassifier_SourceIP(t *testing.T) {
	for _, test := range []struct{ logged, full, network string }{
		{"192.0.2.77", "192.0.2.77", "192.0.2.0/24"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1", "2001:db8::/64"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"},
		{"fe80::1%eth0", "fe80::1", "fe80::/64"},
		{"", "none", "none"},
		{"config.amazonaws.com", "config.amazonaws.com", "config.amazonaws.com"},
		{"logs.cn-north-1.amazonaws.com.cn", "logs.cn-north-1.amazonaws.com.cn", "logs.cn-north-1.amazonaws.com.cn"},
		{"AWS Internal", "AWS Internal", "AWS Internal"},
		{"AWS Internal/3", "AWS Internal/3", "AWS Internal/3"},
		{"AWS Internal/", "other", "other"},
		{"AWS Internal/12345", "other", "other"},
		{"AWS Internals", "other", "other"},
		{".amazonaws.com", "other", "other"},
		{"evil name.amazonaws.com", "other", "other"},
		{"amazonaws.com.example.com", "other", "other"},
		{"xx.xx.2.77", "other", "other"}, // masked by somebody
		{"192.0.2.077", "other", "other"},
		{"192.0.2.1:443", "other", "other"},
		{"\xff", "other", "other"},
	} {
		for mode, want := range map[string]string{"full": test.full, "24,64": test.network, "off": ""} {
			got := classify(labelConfig(t, "role", mode, "full"), func(r *record.Record) {
				r.SourceIP = []byte(test.logged)
			})[LabelSourceIP]
			if got != want {
				t.Errorf("%s of %q is %q, want %q", mode, test.logged, got, want)
			}
		}
	}
}

func TestClassifier_AccountID(t *testing.T) {
	for logged, want := range map[string]string{
		"111122223333": "111122223333", "": "", "11112222333": "", "1111222233334": "", "11112222333x": "", "anonymous": "",
	} {
		got := classify(Config{}, func(r *record.Record) { r.AccountID = []byte(logged) })[LabelAccountID]
		if got != want {
			t.Errorf("account %q is %q, want %q", logged, got, want)
		}
	}
}

func TestClassifier_Region(t *testing.T) {
	for _, test := range []struct{ region, host, want string }{
		{"us-west-2", "example.s3.eu-west-1.amazonaws.com", "us-west-2"}, // the record's own goes first
		{"", "", ""},
		{"", "example.s3.eu-west-1.amazonaws.com", "eu-west-1"},
		{"", "s3.eu-west-1.amazonaws.com", "eu-west-1"},
		{"", "EXAMPLE.S3.EU-WEST-1.AMAZONAWS.COM:443", "eu-west-1"},
		{"", "example.s3-eu-west-1.amazonaws.com", "eu-west-1"},
		{"", "s3-eu-west-1.amazonaws.com", "eu-west-1"},
		{"", "example.s3.dualstack.ap-southeast-2.amazonaws.com", "ap-southeast-2"},
		{"", "example.s3-website-us-east-1.amazonaws.com", "us-east-1"},
		{"", "example.s3-website.eu-central-1.amazonaws.com", "eu-central-1"},
		{"", "ap-111122223333.s3-accesspoint.us-west-2.amazonaws.com", "us-west-2"},
		{"", "example.s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"", "s3-fips-us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"", "example.s3-fips.dualstack.us-east-1.amazonaws.com", "us-east-1"},
		{"", "example.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"", "example.vpce-0a1b-2c3d.s3.eu-west-3.vpce.amazonaws.com", "eu-west-3"},
		{"", "example--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "us-east-1"},
		{"", "example.s3.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
		{"", "example.s3.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
		{"", "example.s3.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
		{"", "example.s3.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"},
		{"", "example.s3.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"},
		{"", "op.op-0a1b2c.s3-outposts.eu-west-1.amazonaws.com", "eu-west-1"},
		{"", "s3.eu-west-1.amazonaws.com.eu", ""},
		{"", "s3.eu-west-1.amazonaws.eu.cn", ""},
		{"", "s3-external-1.amazonaws.com", "us-east-1"},
		{"", "example.s3.amazonaws.com", ""}, // the global endpoint names no Region
		{"", "example.s3-accelerate.amazonaws.com", ""},
		{"", "example.s3-accelerate.dualstack.amazonaws.com", ""},
		{"", "s3-us-west-2.s3.amazonaws.com", ""},                   // a bucket's name
		{"", "us-west-2.s3.eu-north-1.amazonaws.com", "eu-north-1"}, // likewise
		{"", "us-west-2.amazonaws.com", ""},
		{"", "example.ec2.us-west-2.amazonaws.com", ""},
		{"", "s3.eu-west-1.amazonaws.com.example.com", ""},
		{"", "s3.eu-west-1.example.com", ""},
		{"", "s3.evil.amazonaws.com", ""},
		{"", "s3.eu-west-12345.amazonaws.com", ""},
		{"", "s3.eu--1.amazonaws.com", ""},
		{"", "s3." + strings.Repeat("eu-", 20) + "west-1.amazonaws.com", ""},
		{"", "images.example.com", ""},
		{"", "\xff.amazonaws.com", ""},
	} {
		got := classify(Config{}, func(r *record.Record) {
			r.Region, r.Host = []byte(test.region), []byte(test.host)
		})[LabelRegion]
		if got != test.want {
			t.Errorf("Region %q, host %q: got %q, want %q", test.region, test.host, got, test.want)
		}
	}
}

func TestParse_ModesNameTheValueAndTheChoices(t *testing.T) {
	for _, text := range []string{"", "ARN", "roles", "x"} {
		if _, err := ParseRequesterMode(text); err == nil || !strings.Contains(err.Error(), "arn, role, account or off") {
			t.Errorf("requester %q: %v", text, err)
		}
		if _, err := ParseClientVersionMode(text); err == nil || !strings.Contains(err.Error(), "full, minor, major or off") {
			t.Errorf("client version %q: %v", text, err)
		}
	}
	for _, text := range []string{"", "x", "24", "24,", ",64", "33,64", "24,129", "24,64,1", "-1,64", "+24,64", " 24,64"} {
		if _, err := ParseSourceIPMode(text); err == nil || !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("source IP %q: %v", text, err)
		}
	}
	for _, text := range []string{"0,0", "32,128"} {
		if _, err := ParseSourceIPMode(text); err != nil {
			t.Errorf("source IP %q: %v", text, err)
		}
	}
}
