package cloudtrail

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func referenceUserAgent(s string) string {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inside, "]")
	}
	if s == "-" {
		return ""
	}
	return s
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func referenceTime(s string) (unix int64, ok bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t.Unix(), err == nil && rfc3339.MatchString(s)
}

func referenceBytes(raw json.RawMessage) (n int64, ok bool) {
	var number any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&number) != nil {
		return record.Unknown, true
	}
	digits, isNumber := number.(json.Number)
	if !isNumber {
		return record.Unknown, true
	}
	if integer, isInteger := new(big.Int).SetString(string(digits), 10); isInteger {
		if integer.Sign() < 0 {
			return record.Unknown, true
		}
		return integer.Int64(), integer.Cmp(big.NewInt(1<<62)) <= 0
	}
	float, _ := strconv.ParseFloat(string(digits), 64)
	if float < 0 {
		return record.Unknown, true
	}
	return int64(min(float, 1<<62)), float <= 1<<62
}

var (
	bucketType = regexp.MustCompile(`(?s)^AWS::S3.*Bucket$`)
	objectType = regexp.MustCompile(`(?s)^AWS::S3.*::Object$`)
	// accessPoint is what a request may have in the place of a bucket's name.
	accessPoint = regexp.MustCompile(`(?s)^arn:|(-s3alias|--ol-s3|--xa-s3|--table-s3|\.mrap)$`)
)

// referenceObjectARN returns the ARN of the first object in resources that has one.
func referenceObjectARN(event referenceObject) *string {
	var elements []json.RawMessage
	_ = json.Unmarshal(event["resources"], &elements)
	for _, element := range elements {
		var resource referenceObject
		_ = json.Unmarshal(element, &resource)
		if objectType.MatchString(resource.text("type")) && resource.isString("ARN") {
			arn := resource.text("ARN")
			return &arn
		}
	}
	return nil
}

func referenceBucket(event referenceObject) (account, bucket, key string) {
	var elements []json.RawMessage
	_ = json.Unmarshal(event["resources"], &elements)
	type owned struct{ name, account string }
	var buckets []owned
	for _, element := range elements {
		var resource referenceObject
		_ = json.Unmarshal(element, &resource)
		if bucketType.MatchString(resource.text("type")) {
			name, _ := referenceARN(resource.text("ARN"))
			buckets = append(buckets, owned{name, resource.text("accountId")})
		}
	}
	parameters := event.object("requestParameters")
	bucket, key = parameters.text("bucketName"), parameters.text("key")
	if key == "" {
		key = parameters.text("Key")
	}
	objectARN := ""
	if found := referenceObjectARN(event); found != nil {
		objectARN = *found
	}
	named := bucket != "" && !accessPoint.MatchString(bucket)
	var found owned
	switch {
	case len(buckets) == 0:
	case len(buckets) == 1 || buckets[len(buckets)-1].name == "" || buckets[0].name == bucket:
		found = buckets[0]
	default:
		found = buckets[len(buckets)-1]
	}
	copied := event.text("eventName") == "CopyObject" || event.text("eventName") == "UploadPartCopy"
	other := len(buckets) > 1 && buckets[len(buckets)-1].name != ""
	if named && found.name != "" && found.name != bucket && (copied || other) {
		found.account = ""
	}
	if ofObject, _ := referenceARN(objectARN); found.name == "" && !copied && !other {
		found.name = ofObject
	}
	if !named && found.name != "" {
		bucket = found.name
	}
	if account = found.account; account == "" {
		account = event.text("recipientAccountId")
	}
	if !parameters.isString("bucketName") && !parameters.isString("key") && !parameters.isString("Key") {
		_, key = referenceARN(objectARN)
	}
	return account, bucket, key
}

// referenceARNs are the forms of ARNs; the first group of each is the bucket, the
// second the key.
var referenceARNs = []*regexp.Regexp{
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:s3-outposts:[^:]*:[^:]*:.*?/bucket/(.*?)(?:/object/(.*))?$`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:s3-outposts:[^:]*:[^:]*:()()`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:s3tables:[^:]*:[^:]*:(?:bucket/)?([^/]*)()`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:s3:[^:]*:[^:]+:()(?:.*?/object/(.*))?`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:[^:]*:[^:]*:[^:]+:accesspoint/()(?:.*?/object/(.*))?`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:s3express:[^:]*:[^:]*:(?:bucket/)?([^/]*)(?:/(.*))?$`),
	regexp.MustCompile(`(?s)^[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:([^/]*)(?:/(.*))?$`),
}

func referenceARN(arn string) (bucket, key string) {
	for _, form := range referenceARNs {
		if groups := form.FindStringSubmatch(arn); groups != nil {
			return groups[1], groups[2]
		}
	}
	return "", ""
}

var nobody = regexp.MustCompile(`^(?i:anonymous|anonymous_principal)$`)

func referenceRequester(identity referenceObject, signature string) (requester string, anonymous bool) {
	kind, account := identity.text("type"), identity.text("accountId")
	if kind == "AWSAccount" && nobody.MatchString(account) {
		return "", signature == ""
	}
	service := identity.text("invokedBy")
	if kind != "AWSService" && kind != "" && account != "" {
		service = ""
	}
	for _, name := range []string{identity.text("arn"), service, account, identity.text("principalId"), identity.text("userName")} {
		if name != "" {
			return name, false
		}
	}
	return "", false
}
