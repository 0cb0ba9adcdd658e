package cloudtrail

import "bytes"

// Members of an event, in the order in which CloudTrail writes them. Those that
// stand only in some events come last. Some that do not matter are among them, so
// that it is known what follows. As in the lists below, the last constant is the
// number of members.
//
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
const (
	eventVersion = iota
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
	eventMembers
)

// Members of userIdentity.
const (
	identityType = iota
	identityPrincipal
	identityARN
	identityAccount
	identityAccessKey
	identityUser
	identityInvokedBy
	identityMembers
)

// Members of requestParameters.
const (
	parameterBucket = iota
	parameterHost
	parameterKey
	parameterMembers
)

// Members of additionalEventData.
const (
	additionalSignature = iota
	additionalCipherSuite
	additionalReceived
	additionalMethod
	additionalID2
	additionalSent
	additionalMembers
)

// Members of tlsDetails.
const (
	tlsVersion = iota
	tlsCipherSuite
	tlsHost
	tlsMembers
)

// Members of addendum.
const (
	addendumOriginalID = iota // the ID of the event that this one corrects
	addendumMembers
)

// Members of an element of resources.
const (
	resourceType = iota
	resourceAccount
	resourceARN
	resourceMembers
)

// The names of these members.
var (
	eventNames = namesOf("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
		"sourceIPAddress", "userAgent", "requestParameters", "responseElements", "additionalEventData", "requestID",
		"eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId", "eventCategory",
		"tlsDetails", "errorCode", "errorMessage", "sharedEventID", "addendum")
	identityNames   = namesOf("type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy")
	parameterNames  = namesOf("bucketName", "Host", "key")
	additionalNames = namesOf("SignatureVersion", "CipherSuite", "bytesTransferredIn", "AuthenticationMethod",
		"x-amz-id-2", "bytesTransferredOut")
	tlsNames      = namesOf("tlsVersion", "cipherSuite", "clientProvidedHostHeader")
	addendumNames = namesOf("originalEventID")
	resourceNames = namesOf("type", "accountId", "ARN")
)

// event is what matters of an event. Members that are absent, or of a type that
// they should not have, are values that are no strings or numbers. Of members
// that stand there twice the last one counts, as in encoding/json.
type event struct {
	members    [eventMembers]value
	identity   [identityMembers]value
	parameters [parameterMembers]value
	additional [additionalMembers]value
	tls        [tlsMembers]value
	addendum   [addendumMembers]value
	resources  resources
}

// resources is what the list of that name tells of the bucket and of the object.
type resources struct {
	account   value // of the first bucket
	bucketARN value // of the first bucket
	objectARN value // of the first object that has one; a listing has an ARNPrefix instead
}

// event passes over an object, which must have been held, and fills e.
func (s *scanner) event(i int, e *event) (next int) {
	*e = event{}
	return s.members(i, eventNames, e.members[:], e)
}

// members passes over a value. If that is an object, it sets values to its members,
// which have these names. If it is an event itself, e is that event, else nil.
func (s *scanner) members(i int, names []name, values []value, e *event) (next int) {
	which := 0
	i, more := s.object(i)
	for more {
		if which == len(names) {
			which = 0
		}
		if n := &names[which]; n.begins((*[maxName]byte)(s.buf[i:])) { // mostly, and in line
			i += n.size
		} else {
			which, i = s.name(i, names, which+1)
		}
		switch {
		case which == none:
			i = s.skip(i)
		case e != nil && nested&(1<<which) != 0:
			i = s.inside(i, which, e)
		default:
			values[which], i = s.value(i)
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
func (s *scanner) inside(i, which int, e *event) (next int) {
	switch which {
	case eventIdentity:
		e.identity = [identityMembers]value{}
		return s.members(i, identityNames, e.identity[:], nil)
	case eventParameters:
		e.parameters = [parameterMembers]value{}
		return s.members(i, parameterNames, e.parameters[:], nil)
	case eventAdditional:
		e.additional = [additionalMembers]value{}
		return s.members(i, additionalNames, e.additional[:], nil)
	case eventTLS:
		e.tls = [tlsMembers]value{}
		return s.members(i, tlsNames, e.tls[:], nil)
	case eventAddendum:
		e.addendum = [addendumMembers]value{}
		return s.members(i, addendumNames, e.addendum[:], nil)
	default:
		return s.resources(i, &e.resources)
	}
}

func (s *scanner) resources(i int, r *resources) (next int) {
	*r = resources{}
	var bucket bool
	i, more := s.array(i)
	for more {
		var resource [resourceMembers]value
		i = s.members(i, resourceNames, resource[:], nil)
		switch kind := resourceKindOf(s.text(resource[resourceType])); {
		case !bucket && kind == bucketResource:
			bucket = true
			r.account, r.bucketARN = resource[resourceAccount], resource[resourceARN]
		case kind == objectResource && !r.objectARN.isString():
			r.objectARN = resource[resourceARN]
		}
		i, more = s.next(i, ']')
	}
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
