package cloudtrail

import "bytes"

// event is what matters of an event. Members that are absent, or of a type that
// they should not have, are values that are no strings or numbers. Of members
// that stand there twice the last one counts, as in encoding/json.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
type event struct {
	version, time, source, name    value
	region, sourceIP, userAgent    value
	errorCode                      value
	requestID, eventID, sharedID   value
	originalID                     value
	eventType, category, recipient value
	identity                       identity
	parameters                     parameters
	resources                      resources
	additional                     additional
	host                           value
}

// identity is userIdentity.
type identity struct {
	kind, arn, account, principal, user, invokedBy value
}

// parameters is requestParameters.
type parameters struct {
	bucket, key value
}

// resources is what the list of that name tells of the bucket and of the object.
type resources struct {
	account   value // of the first bucket
	bucketARN value // of the first bucket
	objectARN value // of the first object that has one; a listing has an ARNPrefix instead
}

// additional is additionalEventData.
type additional struct {
	signature, method value
	received, sent    value
}

// event passes over an object, which must have been held, and fills e.
func (s *scanner) event(e *event) {
	*e = event{}
	for s.enter(); s.next('}'); {
		switch string(s.name()) {
		case "eventVersion":
			e.version = s.value()
		case "userIdentity":
			e.identity = s.identity()
		case "eventTime":
			e.time = s.value()
		case "eventSource":
			e.source = s.value()
		case "eventName":
			e.name = s.value()
		case "awsRegion":
			e.region = s.value()
		case "sourceIPAddress":
			e.sourceIP = s.value()
		case "userAgent":
			e.userAgent = s.value()
		case "errorCode":
			e.errorCode = s.value()
		case "requestParameters":
			e.parameters = s.parameters()
		case "additionalEventData":
			e.additional = s.additional()
		case "requestID":
			e.requestID = s.value()
		case "eventID":
			e.eventID = s.value()
		case "resources":
			e.resources = s.resources()
		case "eventType":
			e.eventType = s.value()
		case "recipientAccountId":
			e.recipient = s.value()
		case "sharedEventID":
			e.sharedID = s.value()
		case "addendum":
			e.originalID = s.original()
		case "eventCategory":
			e.category = s.value()
		case "tlsDetails":
			e.host = s.host()
		default:
			s.skip()
		}
	}
}

func (s *scanner) identity() (id identity) {
	if !s.object() {
		return identity{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "type":
			id.kind = s.value()
		case "arn":
			id.arn = s.value()
		case "accountId":
			id.account = s.value()
		case "principalId":
			id.principal = s.value()
		case "userName":
			id.user = s.value()
		case "invokedBy":
			id.invokedBy = s.value()
		default:
			s.skip()
		}
	}
	return id
}

func (s *scanner) parameters() (p parameters) {
	if !s.object() {
		return parameters{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "bucketName":
			p.bucket = s.value()
		case "key":
			p.key = s.value()
		default:
			s.skip()
		}
	}
	return p
}

func (s *scanner) additional() (a additional) {
	if !s.object() {
		return additional{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "SignatureVersion":
			a.signature = s.value()
		case "AuthenticationMethod":
			a.method = s.value()
		case "bytesTransferredIn":
			a.received = s.value()
		case "bytesTransferredOut":
			a.sent = s.value()
		default:
			s.skip()
		}
	}
	return a
}

// host passes over tlsDetails and returns the host header that it tells.
func (s *scanner) host() (host value) {
	if !s.object() {
		return value{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "clientProvidedHostHeader":
			host = s.value()
		default:
			s.skip()
		}
	}
	return host
}

// original passes over addendum and returns the ID of the event that this one
// corrects.
func (s *scanner) original() (id value) {
	if !s.object() {
		return value{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "originalEventID":
			id = s.value()
		default:
			s.skip()
		}
	}
	return id
}

func (s *scanner) resources() (r resources) {
	if !s.array() {
		return resources{}
	}
	var bucket bool
	for s.next(']') {
		switch kind, account, arn := s.resource(); {
		case !bucket && kind == bucketResource:
			bucket = true
			r.account, r.bucketARN = account, arn
		case kind == objectResource && !r.objectARN.isString():
			r.objectARN = arn
		}
	}
	return r
}

// resourceKind is the type of a resource, as far as that matters.
type resourceKind uint8

const (
	otherResource resourceKind = iota
	bucketResource
	objectResource
)

// resource passes over an element of resources.
func (s *scanner) resource() (kind resourceKind, account, arn value) {
	if !s.object() {
		return otherResource, value{}, value{}
	}
	for s.next('}') {
		switch string(s.name()) {
		case "type":
			kind = resourceKindOf(s.text(s.value()))
		case "accountId":
			account = s.value()
		case "ARN":
			arn = s.value()
		default:
			s.skip()
		}
	}
	return kind, account, arn
}

// resourceKindOf knows AWS::S3::Bucket, AWS::S3Express::DirectoryBucket,
// AWS::S3Outposts::Object and the like.
func resourceKindOf(name []byte) resourceKind {
	switch {
	case !bytes.HasPrefix(name, []byte("AWS::S3")):
		return otherResource
	case bytes.HasSuffix(name, []byte("Bucket")):
		return bucketResource
	case bytes.HasSuffix(name, []byte("::Object")):
		return objectResource
	}
	return otherResource
}
