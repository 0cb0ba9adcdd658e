package accesslogjson

import (
	"math/bits"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// The members of a record, in the order in which AWS writes them. Those that do not
// matter are among them, so that it is known what follows.
const (
	schemaVersion = iota
	bucketARN
	bucketName
	requestTime
	bucketOwner
	remoteIP
	requester
	requestID
	operation
	keyName
	requestURI
	httpStatus
	errorCode
	bytesSent
	objectSize
	totalDuration
	turnAround
	referer
	userAgent
	versionID
	hostID
	signatureVersion
	cipherSuite
	authenticationType
	hostHeader
	tlsVersion
	accessPoint
	aclRequired
	sourceRegion
	members
)

var names = jsonscan.NamesOf("schema_version_id", "bucket_arn", "bucket_name", "request_time", "bucket_owner_id",
	"remote_ip", "requester", "request_id", "operation", "key_name", "request_uri", "http_status", "error_code",
	"bytes_sent_size", "object_size", "total_duration", "turn_around_duration", "referer", "user_agent", "version_id",
	"host_id", "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version",
	"access_point_arn", "acl_required", "source_region")

// knownSchema is the version that the members above are those of.
const knownSchema = "V_1_0"

// kind is what a member holds if it is neither absent nor null.
type kind uint8

const (
	aText  kind = iota
	unread      // text that does not matter
	aCount
	anAnswer // true or false
)

// kinds are the kinds of all members but those that hold text.
var kinds = [members]kind{
	bucketOwner: unread, hostID: unread,
	httpStatus: aCount, bytesSent: aCount, objectSize: aCount, totalDuration: aCount, turnAround: aCount,
	aclRequired: anAnswer,
}

// memberSet is a set of members.
type memberSet uint32

const _ uint = 32 - members // they fit

func setOf(all ...int) (s memberSet) {
	for _, at := range all {
		s |= 1 << at
	}
	return s
}

// whoAndHow are the members that show who came, and by what credentials. Without what one
// of them holds, a signed request could pass for one without a signature.
var whoAndHow = setOf(requester, operation, requestURI, errorCode, signatureVersion, authenticationType)

// first returns the name of the first member of the set, which has one.
func (s memberSet) first() string { return names[bits.TrailingZeros32(uint32(s))].Text }
