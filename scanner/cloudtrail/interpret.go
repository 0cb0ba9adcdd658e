package cloudtrail

import (
	"bytes"
	"strconv"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// isS3 reports whether events of this source are of S3: of its buckets for general
// purpose, of directory buckets, of Outposts, of table buckets, of Object Lambda.
func isS3(source []byte) bool {
	switch string(bytes.TrimSuffix(source, []byte(".cn"))) {
	case "s3.amazonaws.com", "s3express.amazonaws.com", "s3-outposts.amazonaws.com",
		"s3tables.amazonaws.com", "s3-object-lambda.amazonaws.com":
		return true
	}
	return false
}

// isNoRequest reports whether events of this category or type are something else
// than one request: sums of many, findings, refusals of an endpoint, or what a service
// did without being asked, as when a job of S3 Batch Operations changes its status. An
// Insight event may name its source only further inside.
func isNoRequest(category, eventType []byte) bool {
	switch string(category) {
	case "Insight", "NetworkActivity", "Aggregated":
		return true
	}
	switch string(eventType) {
	case "AwsCloudTrailInsight", "AwsVpceEvents", "AwsAggregatedEvent", "AwsServiceEvent":
		return true
	}
	return false
}

// isMajor1 reports whether a version is 1 or 1.x.
func isMajor1(version []byte) bool {
	major, _, _ := bytes.Cut(version, []byte("."))
	return string(major) == "1"
}

// fill sets every field of the record by an event of S3. If it cannot, reason
// is why.
func (d *Decoder) fill(e *event) (reason string) {
	s, r := &d.scanner, &d.record
	r.Reset()
	r.Log = record.CloudTrail
	if e[eventVersion].kind != absent && !isMajor1(s.text(e[eventVersion])) {
		return "eventVersion is not 1"
	}
	var ok bool
	if r.Time, ok = parseTime(s.text(e[eventTime])); !ok {
		return "eventTime is not a time"
	}
	if r.Operation = s.text(e[eventName]); len(r.Operation) == 0 {
		return "no eventName"
	}
	if r.SentBytes, ok = s.byteCount(e[additionalSent]); !ok {
		return "bytesTransferredOut is out of range"
	}
	if r.ReceivedBytes, ok = s.byteCount(e[additionalReceived]); !ok {
		return "bytesTransferredIn is out of range"
	}
	r.Region = s.text(e[eventRegion])
	r.Host = s.text(e[tlsHost])
	r.SourceIP = s.text(e[eventSourceIP])
	r.UserAgent = userAgent(s.text(e[eventUserAgent]))
	r.ErrorCode = s.text(e[eventErrorCode])
	r.RequestID = s.text(e[eventRequestID])
	r.EventID = s.text(e[eventID])
	r.SharedEventID = s.text(e[eventSharedID])
	r.OriginalEventID = s.text(e[addendumOriginalID])
	d.fillBucket(e)
	d.fillRequester(e)
	return ""
}

// fillBucket sets the fields that show what was accessed.
//
// A copy has two buckets in resources, the source first: the one that the request was
// made to is that which requestParameters names. If they name an access point, the
// bucket behind it is in resources.
func (d *Decoder) fillBucket(e *event) {
	s, r := &d.scanner, &d.record
	r.Bucket, r.Key = s.text(e[parameterBucket]), s.text(e[parameterKey])
	account := e[bucketAccount]
	if len(r.Bucket) == 0 || e[otherBucketARN].isString() || isAccessPoint(r.Bucket) {
		account = d.chooseBucket(e)
	}
	if r.AccountID = s.text(account); len(r.AccountID) == 0 {
		r.AccountID = s.text(e[eventRecipient])
	}
	if !e[parameterBucket].isString() && !e[parameterKey].isString() {
		_, r.Key = splitARN(s.text(e[objectARN]))
	}
}

// chooseBucket returns the account of that bucket in resources which the request was made
// to, and sets the record's bucket to it if the request does not name one.
func (d *Decoder) chooseBucket(e *event) (account value) {
	s, r := &d.scanner, &d.record
	bucket, _ := splitARN(s.text(e[bucketARN]))
	account = e[bucketAccount]
	unnamed := len(r.Bucket) == 0 || isAccessPoint(r.Bucket)
	if other, _ := splitARN(s.text(e[otherBucketARN])); len(other) > 0 && !bytes.Equal(r.Bucket, bucket) {
		bucket, account = other, e[otherBucketAccount]
		if !unnamed && !bytes.Equal(r.Bucket, other) {
			account = value{}
		}
	}
	if unnamed && len(bucket) > 0 {
		r.Bucket = bucket
	}
	return account
}

// isAccessPoint reports whether a bucket's name in a request is that of something before
// the bucket: the ARN of an access point, or an alias, which ends as no bucket's name may.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
func isAccessPoint(name []byte) bool {
	switch {
	case bytes.HasPrefix(name, []byte("arn:")):
		return true
	case bytes.HasSuffix(name, []byte("-s3")):
		name = name[:len(name)-len("-s3")]
		return bytes.HasSuffix(name, []byte("--ol")) || bytes.HasSuffix(name, []byte("--xa")) || bytes.HasSuffix(name, []byte("--table"))
	}
	return bytes.HasSuffix(name, []byte("-s3alias")) || bytes.HasSuffix(name, []byte(".mrap"))
}

// fillRequester sets the fields that show who came, and by what credentials.
//
// No signature version does not mean no signature: events before 2019, and those
// of AWS's services, do not contain it. Who came without credentials is shown by the
// account ID. If such an event has a signature version all the same, then the
// request was signed, and by whom is not known.
func (d *Decoder) fillRequester(e *event) {
	s, r := &d.scanner, &d.record
	kind, account := s.text(e[identityType]), s.text(e[identityAccount])
	signature := s.text(e[additionalSignature])
	r.InvokedBy = s.text(e[identityInvokedBy])
	r.Signature = record.ParseSignature(signature)
	r.AuthMethod = record.ParseAuthMethod(s.text(e[additionalMethod]))
	if string(kind) != "AWSAccount" || !isNobody(account) {
		r.Requester = d.requester(e, kind, account)
		return
	}
	if len(signature) == 0 {
		r.Anonymous = true
		r.Signature, r.AuthMethod = record.SignatureNone, record.AuthNone
	}
}

// isNobody reports whether this is what stands for the account of a request
// without credentials: ANONYMOUS_PRINCIPAL up to 2022, then anonymous.
func isNobody(account []byte) bool {
	return bytes.EqualFold(account, []byte("anonymous")) || bytes.EqualFold(account, []byte("ANONYMOUS_PRINCIPAL"))
}

// requester returns the ARN or the best that the identity has instead. A service
// goes before the account ID only if it acted for itself: if the identity is of no
// other type. The type alone names nobody. See
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html.
func (d *Decoder) requester(e *event, kind, account []byte) []byte {
	s := &d.scanner
	if arn := s.text(e[identityARN]); len(arn) > 0 {
		return arn
	}
	if service := d.record.InvokedBy; len(service) > 0 && (string(kind) == "AWSService" || len(kind) == 0 || len(account) == 0) {
		return service
	}
	if len(account) > 0 {
		return account
	}
	if principal := s.text(e[identityPrincipal]); len(principal) > 0 {
		return principal
	}
	return s.text(e[identityUser])
}

// userAgent strips the brackets that S3 puts around the client's header: one
// pair, for the header may have brackets of its own.
func userAgent(s []byte) []byte {
	if bytes.HasPrefix(s, []byte("[")) && bytes.HasSuffix(s, []byte("]")) {
		s = s[1 : len(s)-1]
	}
	if string(s) == "-" {
		return nil
	}
	return s
}

// maxByteCount is more than any request has, and so little that sums of it are
// noticed before they overflow.
const maxByteCount = 1 << 62

// byteCount returns a number without its fraction: some versions of the format
// have 500, some 500.0. Anything else than a number that is zero or more is
// record.Unknown. It is not ok if the number is above maxByteCount.
func (s *scanner) byteCount(v value) (n int64, ok bool) {
	if v.kind != number {
		return record.Unknown, true
	}
	text := s.bytes(v)
	if n, ok = shortNumber(text); ok {
		return n, true
	}
	// Out of range, both functions return the nearest number that is in range.
	if !bytes.ContainsAny(text, ".eE") {
		n, _ = strconv.ParseInt(string(text), 10, 64)
		return max(n, record.Unknown), n <= maxByteCount
	}
	switch f, _ := strconv.ParseFloat(string(text), 64); {
	case f < 0:
		return record.Unknown, true
	case f > maxByteCount:
		return 0, false
	default:
		return int64(f), true
	}
}

// shortNumber returns the value of a number as nearly all are: of digits alone, and
// so few that it cannot overflow.
func shortNumber(text []byte) (n int64, ok bool) {
	if len(text) > 18 {
		return 0, false
	}
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
