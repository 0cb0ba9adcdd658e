package cloudtrail

import "bytes"

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
	identityEnd
)

// Members of requestParameters.
const (
	parameterBucket = identityEnd + iota
	parameterHost
	parameterKey
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
	names []name
}

func groupOf(first slot, names ...string) group { return group{first, namesOf(names...)} }

// of returns the values of the members in an event.
func (g *group) of(e *event) []value { return e[g.first:][:len(g.names)] }

var (
	eventGroup = groupOf(eventVersion, "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
		"sourceIPAddress", "userAgent", "requestParameters", "responseElements", "additionalEventData", "requestID",
		"eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId", "eventCategory",
		"tlsDetails", "errorCode", "errorMessage", "sharedEventID", "addendum")
	identityGroup   = groupOf(identityType, "type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy")
	parameterGroup  = groupOf(parameterBucket, "bucketName", "Host", "key")
	additionalGroup = groupOf(additionalSignature, "SignatureVersion", "CipherSuite", "bytesTransferredIn",
		"AuthenticationMethod", "x-amz-id-2", "bytesTransferredOut")
	tlsGroup      = groupOf(tlsVersion, "tlsVersion", "cipherSuite", "clientProvidedHostHeader")
	addendumGroup = groupOf(addendumOriginalID, "originalEventID")
	resourceGroup = groupOf(resourceType, "type", "accountId", "ARN")
)

// event is what matters of an event, by slot. Members that are absent, or of a type
// that they should not have, are values that are no strings or numbers. Of members
// that stand there twice the last one counts, as in encoding/json.
type event [slots]value

// event passes over an object, which must have been held, and fills e.
func (s *scanner) event(i int, e *event) (next int) {
	*e = event{}
	size, news := s.shapes.match(s.buf[i:s.end+padding], e)
	if size > 0 {
		return i + size
	}
	*e, s.passed = event{}, s.passed[:0]
	base := s.base
	next = s.members(i, &eventGroup, e)
	// What went beyond the window is of a shape that may be known.
	if news && s.base == base && s.holds() && isS3(s.text(e[eventSource])) {
		s.shapes.learn(s.buf[s.held:next], e, s.passed)
	}
	return next
}

// members passes over a value. If that is an object of the group, it sets the values of
// its members.
func (s *scanner) members(i int, g *group, e *event) (next int) {
	which := 0
	i, more := s.object(i)
	for more {
		if which == len(g.names) {
			which = 0
		}
		if n := &g.names[which]; n.begins((*[maxName]byte)(s.buf[i:])) { // mostly, and in line
			i += n.size
		} else {
			which, i = s.name(i, g.names, which+1)
		}
		switch at := g.first + slot(which); {
		case which == none:
			i = s.skip(i)
		case at < eventEnd && nested&(1<<at) != 0:
			i = s.inside(i, at, e)
		default:
			e[at], i = s.value(i)
		}
		which++
		if s.buf[i] == ',' {
			i++
		} else {
			i, more = s.next(i, '}')
		}
	}
	return i
}

// nested has a bit for every member of an event of which the members matter.
const nested = 1<<eventIdentity | 1<<eventParameters | 1<<eventAdditional | 1<<eventResources | 1<<eventTLS | 1<<eventAddendum

// inside passes over one of these members and takes what is inside of it.
func (s *scanner) inside(i int, at slot, e *event) (next int) {
	switch at {
	case eventIdentity:
		return s.anew(i, &identityGroup, e)
	case eventParameters:
		return s.anew(i, &parameterGroup, e)
	case eventAdditional:
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
	i, more := s.array(i)
	for more {
		i = s.anew(i, &resourceGroup, e)
		switch kind := resourceKindOf(s.text(e[resourceType])); {
		case !bucket && kind == bucketResource:
			bucket = true
			e[bucketAccount], e[bucketARN] = e[resourceAccount], e[resourceARN]
		case kind == bucketResource:
			e[otherBucketAccount], e[otherBucketARN] = e[resourceAccount], e[resourceARN]
		case kind == objectResource && !e[objectARN].isString():
			e[objectARN] = e[resourceARN]
		}
		s.pass(e[resourceAccount])
		s.pass(e[resourceARN])
		i, more = s.next(i, ']')
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
