// Package record defines Record: one request to S3 as one of the two request
// logs contains it, normalised so that whoever counts or prints requests need not
// know which log a request came from.
//
// A Decoder fills Records. There is one for each log, in the packages accesslog and
// cloudtrail; decodertest holds them, and any other, against the contract. Package
// classify, in collector, finds what Records mean. These packages are for programs
// outside of this module too: they have no state of their own, import nothing else of the
// module, and, but for the golden files of decodertest, do no I/O. This one imports none
// of the module.
package record

import (
	"bytes"
	"strings"
)

// Unknown is the value of a number that the log does not contain.
const Unknown = -1

// Log is the kind of log that a record comes from.
type Log uint8

// The two request logs of S3. One request may stand in both.
const (
	ServerAccess Log = iota + 1 // S3 server access log
	CloudTrail                  // CloudTrail events of S3
)

// Logs lists every Log in the order of its values.
func Logs() []Log { return []Log{ServerAccess, CloudTrail} }

// String returns the value of the label "log".
func (l Log) String() string {
	switch l {
	case ServerAccess:
		return "server_access"
	case CloudTrail:
		return "cloudtrail"
	}
	return "unknown"
}

// Signature is the version of AWS's request signature.
type Signature uint8

// Signature versions. SignatureUnknown means that the record does not show it, as
// in the layouts of the server access log before 2019; it never means unsigned.
const (
	SignatureUnknown Signature = iota
	SignatureNone
	SigV2
	SigV4
	SigV4A
)

// String returns the value of the label "signature".
func (s Signature) String() string {
	switch s {
	case SignatureNone:
		return "none"
	case SigV2:
		return "SigV2"
	case SigV4:
		return "SigV4"
	case SigV4A:
		return "SigV4A"
	}
	return "unknown"
}

// ParseSignature reads a signature version as the logs write it, in any case: S3
// Express has Sigv4. Any other text is SignatureUnknown.
func ParseSignature(text []byte) Signature {
	switch string(text) { // mostly
	case "SigV4":
		return SigV4
	case "SigV2":
		return SigV2
	}
	for _, s := range [...]Signature{SigV4, SigV2, SigV4A} {
		if equalFold(text, s.String()) {
			return s
		}
	}
	return SignatureUnknown
}

// AuthMethod is the place where a request carries its signature.
type AuthMethod uint8

// Authentication methods. AuthNone is that of an unsigned request alone;
// AuthUnknown means that the record does not show it, as in the layouts of the server
// access log before 2019.
const (
	AuthUnknown AuthMethod = iota
	AuthNone
	AuthHeader
	QueryString // a presigned URL: the user agent is the downloader's, not the signer's
	HTMLForm    // a browser's POST upload with a signed policy
)

// String returns the value of the label "auth_method".
func (m AuthMethod) String() string {
	switch m {
	case AuthNone:
		return "none"
	case AuthHeader:
		return "AuthHeader"
	case QueryString:
		return "QueryString"
	case HTMLForm:
		return "HtmlForm"
	}
	return "unknown"
}

// ParseAuthMethod reads an authentication method as the logs write it, in any
// case. Any other text is AuthUnknown.
func ParseAuthMethod(text []byte) AuthMethod {
	switch string(text) { // mostly
	case "AuthHeader":
		return AuthHeader
	case "QueryString":
		return QueryString
	}
	for _, m := range [...]AuthMethod{AuthHeader, QueryString, HTMLForm} {
		if equalFold(text, m.String()) {
			return m
		}
	}
	return AuthUnknown
}

func equalFold(text []byte, want string) bool {
	return len(text) == len(want) && strings.EqualFold(string(text), want)
}

// Answer is what a record answers to a question of yes or no.
type Answer uint8

// Answers. AnswerUnknown is that of a record that does not show it; it never means no.
const (
	AnswerUnknown Answer = iota
	No
	Yes
)

// String returns yes, no or unknown.
func (a Answer) String() string {
	switch a {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// Transport is how a request came to S3.
type Transport uint8

// Transports. TransportUnknown is that of a record that does not show it, as in the
// layouts of the server access log before 2019; it means neither plain HTTP nor TLS.
const (
	TransportUnknown Transport = iota
	NoTransport                // the record is of no connection of its own: S3's own work, or a part of another request
	PlainHTTP                  // without TLS
	TLS
)

// String returns http, tls, none or unknown.
func (t Transport) String() string {
	switch t {
	case NoTransport:
		return "none"
	case PlainHTTP:
		return "http"
	case TLS:
		return "tls"
	}
	return "unknown"
}

// Record is one request. The byte slices belong to the decoder that filled the
// Record and are valid until its next call of Next: copy what is to be kept.
// An empty slice means that the log does not contain it. Text is as the client or AWS
// wrote it, so it may hold any byte.
type Record struct {
	Log Log
	// Time is in seconds since 1970-01-01 UTC. The server access log has the time when
	// a request was received, CloudTrail when it was completed.
	Time int64

	AccountID []byte // the account that owns the bucket
	Region    []byte // the bucket's Region
	Host      []byte // the Host header; in CloudTrail tlsDetails' clientProvidedHostHeader, else requestParameters' Host
	Bucket    []byte
	Operation []byte // as logged: REST.GET.OBJECT or GetObject
	Key       []byte // the object's key, decoded

	// Requester is an ARN, a canonical user ID, the name of an AWS service that
	// acts for itself (cloudtrail.amazonaws.com, AmazonS3), or an account ID.
	Requester []byte
	// Anonymous: the request came without credentials. A request whose
	// credentials were refused is not anonymous.
	Anonymous bool
	// InvokedBy is the AWS service that made the request on the requester's
	// behalf or its own (CloudTrail only).
	InvokedBy []byte
	SourceIP  []byte // as logged: an address or the name of an AWS service
	UserAgent []byte // without the brackets that CloudTrail puts around it

	Signature  Signature
	AuthMethod AuthMethod

	// NewSchema: the record is of a version of its schema that the decoder does not know.
	// It holds what it held in the versions that are known.
	NewSchema bool

	Status    int    // the HTTP status; 0 where the log does not contain it (always in CloudTrail)
	ErrorCode []byte // S3's error code; empty if there was no error

	SentBytes     int64 // bytes of the answer, or Unknown
	ReceivedBytes int64 // bytes of the request's body, or Unknown
	Duration      int64 // milliseconds from S3's view, or Unknown (always in CloudTrail)

	RequestID []byte
	// EventID, SharedEventID and OriginalEventID are CloudTrail's. An event of
	// which one of them is that of an earlier event is of the same request: it
	// was delivered twice, to two accounts, or as a correction. Of the parts of a request that
	// AWS logs as its service's, SharedEventID has the key behind it, and its version.
	EventID         []byte
	SharedEventID   []byte
	OriginalEventID []byte

	// Transport, TLSVersion and CipherSuite show how the request came.
	//
	// In the server access log they follow from the fields TLS version (24) and cipher suite
	// (21), and from Request-URI (9): Transport is TLS if one of the first two is there, else
	// NoTransport if Request-URI is a dash, else PlainHTTP if the line has field 24 and is
	// not Backblaze's, which never shows TLS, else unknown. TLSVersion and CipherSuite are
	// those fields as logged: TLSv1.2, in any case.
	//
	// In CloudTrail they are tlsDetails' tlsVersion and cipherSuite; of an event without
	// tlsDetails, CipherSuite is that of additionalEventData, which directory and table buckets
	// write in small letters. Transport is TLS if one of them
	// is there, else NoTransport if a service made the request (userIdentity has invokedBy, or
	// the type AWSService), else unknown: CloudTrail never shows plain HTTP.
	Transport   Transport
	TLSVersion  []byte
	CipherSuite []byte

	// ACLRequired: the request was allowed by an ACL and by nothing else. In the server
	// access log it is the field aclRequired (26): Yes is Yes, a dash No, and a line without
	// the field unknown. In CloudTrail it is additionalEventData's aclRequired: Yes is Yes; of
	// an event since ACLRequiredSince that has additionalEventData without it, No.
	ACLRequired Answer

	Referer     []byte // the Referer header (server access log, field 16)
	VersionID   []byte // of the object (field 18; CloudTrail: requestParameters' versionId)
	ObjectSize  int64  // bytes of the object, or Unknown (field 13)
	TurnAround  int64  // milliseconds that S3 took until it answered, or Unknown (field 15)
	AccessPoint []byte // the ARN of the access point by which the request came (field 25)
	// SourceRegion is the AWS Region that the request came from (field 27).
	SourceRegion []byte

	AccessKeyID          []byte // of the credentials (CloudTrail: userIdentity's accessKeyId)
	VPCEndpointID        []byte // by which the request came (CloudTrail: vpcEndpointId)
	VPCEndpointAccountID []byte // that owns the endpoint (CloudTrail: vpcEndpointAccountId)
	// MFA: the credentials are of a session with multi-factor authentication (CloudTrail:
	// userIdentity's sessionContext.attributes.mfaAuthenticated, true or false).
	MFA Answer
	// Console: the credentials are of a session in the Management Console (CloudTrail:
	// sessionCredentialFromConsole, which is true or not there; unknown if not there).
	Console Answer

	// Raw is the record as it stands in the log: a line without its line feed, or a JSON
	// object from brace to brace. Number is its place among the lines, events or messages of
	// the log object, from 1, counted like MalformedError's.
	Raw    []byte
	Number int64
}

// ACLRequiredSince is when AWS had added aclRequired to events of CloudTrail, in Unix
// seconds: 2023-01-01. It did so in November 2022; see
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html.
const ACLRequiredSince = 1672531200

// Reset clears the Record for reuse.
func (r *Record) Reset() {
	*r = Record{} // not a literal of all that is set, which would be made elsewhere and copied
	r.SentBytes, r.ReceivedBytes, r.Duration = Unknown, Unknown, Unknown
	r.ObjectSize, r.TurnAround = Unknown, Unknown
}

// FailedAuthentication reports whether code is one of the error codes for
// credentials or a signature that were refused, so that the requester is not
// known although the request was signed: S3's own, and those of the services that
// write "Exception" behind the code, as S3 Tables.
// See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html.
func FailedAuthentication(code []byte) bool {
	switch string(BareErrorCode(code)) {
	case "AccessKeyIdNotFound", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError",
		"CredentialsNotSupported", "ExpiredToken", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
		"InvalidSecurity", "InvalidSession", "InvalidSignature", "InvalidToken", "MissingAuthenticationToken",
		"MissingSecurityHeader", "NotSignedUp", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
		"TokenRefreshRequired", "UnrecognizedClient", "UnsupportedSignature":
		return true
	}
	return false
}

// BareErrorCode returns an error code without the suffix Exception, which services that
// speak JSON add: S3's AccessDenied is AccessDeniedException of S3 Tables and S3 on Outposts.
func BareErrorCode(code []byte) []byte { return bytes.TrimSuffix(code, []byte("Exception")) }
