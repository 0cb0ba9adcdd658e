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

import "strings"

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
	Host      []byte // the Host header
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
	// was delivered twice, to two accounts, or as a correction.
	EventID         []byte
	SharedEventID   []byte
	OriginalEventID []byte
}

// Reset clears the Record for reuse.
func (r *Record) Reset() {
	*r = Record{SentBytes: Unknown, ReceivedBytes: Unknown, Duration: Unknown}
}

// FailedAuthentication reports whether code is one of S3's error codes for
// credentials or a signature that were refused, so that the requester is not
// known although the request was signed.
// See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
func FailedAuthentication(code []byte) bool {
	switch string(code) {
	case "AccessKeyIdNotFound", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError",
		"CredentialsNotSupported", "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken",
		"MissingAuthenticationToken", "MissingSecurityHeader", "NotSignedUp", "RequestExpired", "RequestTimeTooSkewed",
		"SignatureDoesNotMatch", "TokenRefreshRequired", "UnrecognizedClientException":
		return true
	}
	return false
}
