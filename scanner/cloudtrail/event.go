package cloudtrail

import (
	"bytes"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// slot is the place of a value in an event: that of a member which matters. The slots
// of one object's members lie side by side, in the order in which CloudTrail writes
// these. Members that stand only in some events come last. Some that do not matter are
// among them, so that it is known what follows.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
type slot int8

// Members of an event.
const (
	eventVersion slot = iota
	eventIdentity
	eventTime
	eventSource
	eventName
	eventRegion
	eventSourceIP
	eventUserAgent
	eventParameters
	eventResponse
	eventAdditional
	eventRequestID
	eventID
	eventReadOnly
	eventResources
	eventType
	eventManagement
	eventRecipient
	eventCategory
	eventTLS
	eventErrorCode
	eventErrorMessage
	eventSharedID
	eventAddendum
	eventEndpoint
	eventEndpointAccount
	eventConsole
	eventEnd
)

// Members of userIdentity.
const (
	identityType = eventEnd + iota
	identityPrincipal
	identityARN
	identityAccount
	identityAccessKey
	identityUser
	identityInvokedBy
	identitySession
	identityEnd
)

// Members of userIdentity's sessionContext.
const (
	sessionAttributes = identityEnd + iota
	sessionEnd
)

// Members of sessionContext's attributes.
const (
	attributesMFA = sessionEnd + iota
	attributesEnd
)

// Members of requestParameters.
const (
	parameterBucket = attributesEnd + iota
	parameterHost
	parameterKey
	parameterVersion
	parameterCapitalKey // as S3 on Outposts writes it
	parameterSmallHost  // as directory buckets have it
	parameterEnd
)

// Members of additionalEventData.
const (
	additionalSignature = parameterEnd + iota
	additionalCipherSuite
	additionalReceived
	additionalMethod
	additionalID2
	additionalSent
	additionalACLRequired
	additionalSmallCipherSuite // as directory and table buckets have it
	additionalEnd
)

// Members of tlsDetails.
const (
	tlsVersion = additionalEnd + iota
	tlsCipherSuite
	tlsHost
	tlsEnd
)

// Members of addendum.
const (
	addendumOriginalID = tlsEnd + iota // of the event that this one corrects
	addendumEnd
)

// Members of one element of resources after the other.
const (
	resourceType = addendumEnd + iota
	resourceAccount
	resourceARN
	resourceEnd
)

// What all elements of resources contain of buckets and of the object.
const (
	bucketAccount      = resourceEnd + iota // of the first bucket
	bucketARN                               // of the first bucket
	otherBucketAccount                      // of the last bucket that is not the first: a copy's destination
	otherBucketARN                          // of the last bucket that is not the first
	objectARN                               // of the first object that has one; a listing has an ARNPrefix instead
	slots
)

// group is an object whose members matter.
type group struct {
	first slot
	names []jsonscan.Name
}

func groupOf(first slot, names ...string) group { return group{first, jsonscan.NamesOf(names...)} }

// of returns the values of the members in an event.
func (g *group) of(e *event) []jsonscan.Value { return e[g.first:][:len(g.names)] }

var (
	eventGroup = groupOf(eventVersion, "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
		"sourceIPAddress", "userAgent", "requestParameters", "responseElements", "additionalEventData", "requestID",
		"eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId", "eventCategory",
		"tlsDetails", "errorCode", "errorMessage", "sharedEventID", "addendum",
		"vpcEndpointId", "vpcEndpointAccountId", "sessionCredentialFromConsole")
	identityGroup = groupOf(identityType, "type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy",
		"sessionContext")
	sessionGroup    = groupOf(sessionAttributes, "attributes")
	attributesGroup = groupOf(attributesMFA, "mfaAuthenticated")
	parameterGroup  = groupOf(parameterBucket, "bucketName", "Host", "key", "versionId", "Key", "host")
	additionalGroup = groupOf(additionalSignature, "SignatureVersion", "CipherSuite", "bytesTransferredIn",
		"AuthenticationMethod", "x-amz-id-2", "bytesTransferredOut", "aclRequired", "cipherSuite")
	tlsGroup      = groupOf(tlsVersion, "tlsVersion", "cipherSuite", "clientProvidedHostHeader")
	addendumGroup = groupOf(addendumOriginalID, "originalEventID")
	resourceGroup = groupOf(resourceType, "type", "accountId", "ARN")
)

// event is what matters of an event, by slot. Members that are absent, or of a type
// that they should not have, are values that are no strings or numbers. Of members
// that stand there twice the last one counts, as in encoding/json.
type event [slots]jsonscan.Value

// scanner is a jsonscan.Scanner that knows events.
type scanner struct {
	*jsonscan.Scanner
	shapes shapes
}

func (s *scanner) reset(src io.Reader) {
	s.Reset(src)
	s.shapes.reset()
}

// event passes over an object, which must have been held, and fills e.
func (s *scanner) event(i int, e *event) (next int) {
	*e = event{}
	size, news := s.shapes.match(s.Buf[i:s.End+jsonscan.Padding], e)
	if size > 0 {
		return i + size
	}
	*e, s.Passed = event{}, s.Passed[:0]
	base := s.Base
	next = s.members(i, &eventGroup, e)
	// What went beyond the window is of a shape that may be known.
	if news && s.Base == base && s.Holds() && isS3(s.Text(e[eventSource])) {
		s.shapes.learn(s.Buf[s.Held:next], e, s.Passed)
	}
	return next
}

// members passes over a value. If that is an object of the group, it sets the values of
// its members.
func (s *scanner) members(i int, g *group, e *event) (next int) {
	which := 0
	i, more := s.Object(i)
	for more {
		if which == len(g.names) {
			which = 0
		}
		if n := &g.names[which]; n.Begins((*[jsonscan.MaxName]byte)(s.Buf[i:])) { // mostly, and in line
			i += n.Size
		} else {
			which, i = s.Name(i, g.names, which+1)
		}
		switch at := g.first + slot(which); {
		case which == jsonscan.None:
			i = s.Skip(i)
		case nested&(1<<at) != 0:
			i = s.inside(i, at, e)
		default:
			e[at], i = s.Value(i)
		}
		which++
		if s.Buf[i] == ',' {
			i++
		} else {
			i, more = s.Next(i, '}')
		}
	}
	return i
}

// nested has a bit for every slot of a value of which the members matter.
const nested uint64 = 1<<eventIdentity | 1<<eventParameters | 1<<eventAdditional | 1<<eventResources | 1<<eventTLS |
	1<<eventAddendum | 1<<identitySession | 1<<sessionAttributes

// Every slot has a bit.
const _ = 64 - uint(slots)

// inside passes over one of these members and takes what is inside of it.
func (s *scanner) inside(i int, at slot, e *event) (next int) {
	switch at {
	case eventIdentity:
		clear(e[identityType:attributesEnd])
		return s.members(i, &identityGroup, e)
	case identitySession:
		clear(e[sessionAttributes:attributesEnd])
		return s.members(i, &sessionGroup, e)
	case sessionAttributes:
		return s.anew(i, &attributesGroup, e)
	case eventParameters:
		return s.anew(i, &parameterGroup, e)
	case eventAdditional:
		e[eventAdditional] = jsonscan.Value{}
		i, opening := s.Token(i)
		if opening == '{' { // it is there, whatever is in it
			from := int32(i - s.Held)
			e[eventAdditional] = jsonscan.Value{From: from, To: from, Kind: jsonscan.Other}
		}
		return s.anew(i, &additionalGroup, e)
	case eventTLS:
		return s.anew(i, &tlsGroup, e)
	case eventAddendum:
		return s.anew(i, &addendumGroup, e)
	default:
		return s.resources(i, e)
	}
}

// anew is members for an object that replaces one of the same name.
func (s *scanner) anew(i int, g *group, e *event) (next int) {
	clear(g.of(e))
	return s.members(i, g, e)
}

func (s *scanner) resources(i int, e *event) (next int) {
	clear(e[bucketAccount:slots])
	var bucket bool
	i, more := s.Array(i)
	for more {
		i = s.anew(i, &resourceGroup, e)
		switch kind := resourceKindOf(s.Text(e[resourceType])); {
		case !bucket && kind == bucketResource:
			bucket = true
			e[bucketAccount], e[bucketARN] = e[resourceAccount], e[resourceARN]
		case kind == bucketResource:
			e[otherBucketAccount], e[otherBucketARN] = e[resourceAccount], e[resourceARN]
		case kind == objectResource && !e[objectARN].IsString():
			e[objectARN] = e[resourceARN]
		}
		s.Pass(e[resourceAccount])
		s.Pass(e[resourceARN])
		i, more = s.Next(i, ']')
	}
	clear(resourceGroup.of(e))
	return i
}

// resourceKind is the type of a resource, as far as that matters.
type resourceKind uint8

const (
	otherResource resourceKind = iota
	bucketResource
	objectResource
)

// resourceKindOf knows AWS::S3::Bucket, AWS::S3Express::DirectoryBucket,
// AWS::S3Tables::TableBucket, AWS::S3Outposts::Object and the like.
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
