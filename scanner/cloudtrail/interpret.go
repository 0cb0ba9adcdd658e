package cloudtrail

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// isS3 reports whether events of this source are of S3: of its buckets for general
// purpose, of directory buckets, of Outposts, of table buckets, of Object Lambda. The last
// has another name in EventBridge's reference:
// https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-s3-banner.html. What
// lifecycle rules do, and requests whose credentials were refused, have sources of their own:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html.
func isS3(source []byte) bool {
	switch string(bytes.TrimSuffix(source, []byte(".cn"))) {
	case "s3.amazonaws.com", "s3express.amazonaws.com", "s3-outposts.amazonaws.com",
		"s3tables.amazonaws.com", "s3-object-lambda.amazonaws.com", "s3-banner.amazonaws.com":
		return true
	}
	return isRefused(source) || isLifecycle(source)
}

// isLifecycle reports whether events of this source are of what lifecycle rules do.
func isLifecycle(source []byte) bool {
	return string(bytes.TrimSuffix(source, []byte(".cn"))) == "s3lifecycle.amazonaws.com"
}

// isRefused reports whether events of this source are of requests whose credentials were
// refused.
func isRefused(source []byte) bool {
	return string(bytes.TrimSuffix(source, []byte(".cn"))) == "s3-authn-errors.amazonaws.com"
}

// isNoRequest reports whether events of this category or type are something else
// than one request: sums of many, findings, refusals of an endpoint, or what a service
// did without a bucket or an object that it names, as when a job of S3 Batch Operations
// changes its status. An Insight event may name its source only further inside.
//
// The objects that a DeleteObjects deletes, and what lifecycle rules do, are a service's
// events too, and have their like in the server access log. See
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html.
func isNoRequest(category, eventType []byte, e *event) bool {
	switch string(category) {
	case "Insight", "NetworkActivity", "Aggregated":
		return true
	}
	switch string(eventType) {
	case "AwsCloudTrailInsight", "AwsVpceEvents", "AwsAggregatedEvent":
		return true
	case ofService:
		return !e[parameterBucket].IsString() && !namesKey(e) && !e[objectARN].IsString()
	}
	return false
}

// ofService is the type of a service's events.
const ofService = "AwsServiceEvent"

// namesKey reports whether the parameters of a request name a key.
func namesKey(e *event) bool { return e[parameterKey].IsString() || e[parameterCapitalKey].IsString() }

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
	if e[eventVersion].Kind != jsonscan.Absent && !isMajor1(s.Text(e[eventVersion])) {
		return "eventVersion is not 1"
	}
	var ok bool
	if r.Time, ok = jsonscan.ParseTime(s.Text(e[eventTime])); !ok {
		return "eventTime is not a time"
	}
	if r.Operation = s.Text(e[eventName]); len(r.Operation) == 0 {
		return "no eventName"
	}
	if r.SentBytes, ok = s.Count(e[additionalSent]); !ok {
		return "bytesTransferredOut is out of range"
	}
	if r.ReceivedBytes, ok = s.Count(e[additionalReceived]); !ok {
		return "bytesTransferredIn is out of range"
	}
	r.Region = s.Text(e[eventRegion])
	if r.Host = s.Text(e[tlsHost]); len(r.Host) == 0 {
		r.Host = s.first(e[parameterHost], e[parameterSmallHost])
	}
	r.SourceIP = s.Text(e[eventSourceIP])
	r.UserAgent = userAgent(s.Text(e[eventUserAgent]))
	r.ErrorCode = s.Text(e[eventErrorCode])
	refused := isRefused(s.Text(e[eventSource]))
	if refused && len(r.ErrorCode) == 0 {
		r.ErrorCode, _ = bytes.CutPrefix(r.Operation, []byte("Authenticate")) // or the name, if it is another one
	}
	r.RequestID = s.Text(e[eventRequestID])
	r.EventID = s.Text(e[eventID])
	r.SharedEventID = s.Text(e[eventSharedID])
	r.OriginalEventID = s.Text(e[addendumOriginalID])
	d.fillBucket(e) // which asks for the operation as it is
	d.nameOperation(s.Text(e[eventSource]))
	d.fillRequester(e, refused || record.FailedAuthentication(r.ErrorCode))
	d.fillRest(e)
	if len(r.SharedEventID) > 0 && string(s.Text(e[eventType])) == ofService {
		d.nameShared()
	}
	return ""
}

// nameShared makes the shared ID of a service's event that of its part of the request: parts
// of one may share the request's ID. A DeleteObjects has one for each version of a key. No
// key in its XML has a NUL.
func (d *Decoder) nameShared() {
	r := &d.record
	d.shared = append(append(append(d.shared[:0], r.SharedEventID...), '/'), r.Key...)
	if len(r.VersionID) > 0 {
		d.shared = append(append(d.shared, 0), r.VersionID...)
	}
	r.SharedEventID = d.shared
}

// nameOperation names what lifecycle rules do so that it passes for no client's doing. AWS
// shows none of the names that such events have.
func (d *Decoder) nameOperation(source []byte) {
	const rule = "Lifecycle"
	if r := &d.record; isLifecycle(source) && !bytes.HasPrefix(r.Operation, []byte(rule)) {
		d.operation = append(append(d.operation[:0], rule...), r.Operation...)
		r.Operation = d.operation
	}
}

// fillRest sets the fields that only those ask for who look into a request, and the way
// that it came.
func (d *Decoder) fillRest(e *event) {
	s, r := &d.scanner, &d.record
	r.AccessKeyID = s.Text(e[identityAccessKey])
	r.VersionID = d.rare(e[parameterVersion])
	r.VPCEndpointID = d.rare(e[eventEndpoint])
	r.VPCEndpointAccountID = d.rare(e[eventEndpointAccount])
	r.MFA = answer(d.rare(e[attributesMFA]))
	r.Console = answer(d.rare(e[eventConsole]))
	r.TLSVersion, r.CipherSuite = s.Text(e[tlsVersion]), s.Text(e[tlsCipherSuite])
	if len(r.CipherSuite) == 0 {
		r.CipherSuite = s.first(e[additionalCipherSuite], e[additionalSmallCipherSuite])
	}
	switch {
	case len(r.TLSVersion) > 0 || len(r.CipherSuite) > 0:
		r.Transport = record.TLS
	case len(r.InvokedBy) > 0 || string(s.Text(e[identityType])) == "AWSService" || string(s.Text(e[eventType])) == ofService:
		r.Transport = record.NoTransport
	}
	switch e[additionalACLRequired].Kind {
	case jsonscan.Absent:
		if e[eventAdditional].Kind == jsonscan.Other && r.Time >= record.ACLRequiredSince {
			r.ACLRequired = record.No
		}
	default:
		if string(s.Text(e[additionalACLRequired])) == "Yes" {
			r.ACLRequired = record.Yes
		}
	}
}

// rare is the scanner's Text, and faster for a value that is not there.
func (d *Decoder) rare(v jsonscan.Value) []byte {
	if !v.IsString() {
		return nil
	}
	return d.scanner.Text(v)
}

// first is the scanner's Text of the first value that has some.
func (s *scanner) first(v, otherwise jsonscan.Value) []byte {
	if text := s.Text(v); len(text) > 0 || !otherwise.IsString() {
		return text
	}
	return s.Text(otherwise)
}

// answer reads true or false, as CloudTrail writes them in strings.
func answer(text []byte) record.Answer {
	switch string(text) {
	case "true":
		return record.Yes
	case "false":
		return record.No
	}
	return record.AnswerUnknown
}

// fillBucket sets the fields that show what was accessed.
//
// A copy has two buckets in resources, the source first: the one that the request was
// made to is that which requestParameters names. If they name an access point, the
// bucket behind it is in resources, by its own ARN or that of its object. If neither is
// there, nothing in the event shows it, and the access point stands for it.
func (d *Decoder) fillBucket(e *event) {
	s, r := &d.scanner, &d.record
	r.Bucket, r.Key = s.Text(e[parameterBucket]), s.Text(e[parameterKey])
	if len(r.Key) == 0 {
		r.Key = d.rare(e[parameterCapitalKey])
	}
	account := e[bucketAccount]
	if len(r.Bucket) == 0 || e[otherBucketARN].IsString() || isCopy(r.Operation) || isAccessPoint(r.Bucket) {
		account = d.chooseBucket(e)
	}
	if r.AccountID = s.Text(account); len(r.AccountID) == 0 {
		r.AccountID = s.Text(e[eventRecipient])
	}
	if !e[parameterBucket].IsString() && !namesKey(e) {
		_, r.Key = splitARN(s.Text(e[objectARN]))
	}
}

// chooseBucket returns the account of that bucket in resources which the request was made
// to, and sets the record's bucket to it if the request does not name one.
func (d *Decoder) chooseBucket(e *event) (account jsonscan.Value) {
	s, r := &d.scanner, &d.record
	bucket, _ := splitARN(s.Text(e[bucketARN]))
	account = e[bucketAccount]
	unnamed := len(r.Bucket) == 0 || isAccessPoint(r.Bucket)
	several := isCopy(r.Operation)
	if other, _ := splitARN(s.Text(e[otherBucketARN])); len(other) > 0 && !bytes.Equal(r.Bucket, bucket) {
		bucket, account, several = other, e[otherBucketAccount], true
	}
	if len(bucket) == 0 && unnamed && !several {
		bucket, _ = splitARN(s.Text(e[objectARN]))
	}
	switch {
	case len(bucket) == 0 || bytes.Equal(r.Bucket, bucket):
	case unnamed:
		r.Bucket = bucket
	case several: // and those of others alone, such as a copy's source
		account = jsonscan.Value{}
	}
	return account
}

// isCopy reports whether an operation is one of two buckets.
func isCopy(operation []byte) bool {
	return string(operation) == "CopyObject" || string(operation) == "UploadPartCopy"
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
// request was signed, and by whom is not known. So it is if its credentials were refused.
func (d *Decoder) fillRequester(e *event, refused bool) {
	s, r := &d.scanner, &d.record
	kind, account := s.Text(e[identityType]), s.Text(e[identityAccount])
	signature := s.Text(e[additionalSignature])
	r.InvokedBy = s.Text(e[identityInvokedBy])
	r.Signature = record.ParseSignature(signature)
	r.AuthMethod = record.ParseAuthMethod(s.Text(e[additionalMethod]))
	if string(kind) != "AWSAccount" || !isNobody(account) {
		r.Requester = d.requester(e, kind, account)
		return
	}
	if len(signature) == 0 && !refused {
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
	if arn := s.Text(e[identityARN]); len(arn) > 0 {
		return arn
	}
	if service := d.record.InvokedBy; len(service) > 0 && (string(kind) == "AWSService" || len(kind) == 0 || len(account) == 0) {
		return service
	}
	if len(account) > 0 {
		return account
	}
	if principal := s.Text(e[identityPrincipal]); len(principal) > 0 {
		return principal
	}
	return s.Text(e[identityUser])
}

// userAgent strips the brackets that S3 puts around the client's header: one
// pair, for the header may have brackets of its own. CloudTrail cuts what is longer than 1 KB,
// and the closing one with it.
func userAgent(s []byte) []byte {
	if inside, ok := bytes.CutPrefix(s, []byte("[")); ok {
		s = bytes.TrimSuffix(inside, []byte("]"))
	}
	if string(s) == "-" {
		return nil
	}
	return s
}
