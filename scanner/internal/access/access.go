// Package access knows what the fields of S3's server access logs mean, in whichever
// format they are written: who made a request, and how it was signed.
//
// A field that is empty or a dash holds nothing.
package access

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Fields are those fields of a record that have a meaning together. Text is as logged.
type Fields struct {
	Operation, Requester, ErrorCode, RequestURI []byte

	Signature  record.Signature  // see Signature
	AuthMethod record.AuthMethod // AuthUnknown if the field holds nothing, or nothing that is known
	// Unsaid: the record is of a layout without the field of the signature version.
	Unsaid bool
	// Ceph: the record is of Ceph's gateway, which logs what a request looks like. It names the
	// version of all that it takes for signed, but for presigned requests of SigV2 until April 2026,
	// and for nothing in its very first version. Its type QueryString shows that the query has a
	// parameter named Expires or X-Amz-Expires. See get_aws_version_and_auth_type in
	// src/rgw/rgw_auth_s3.cc and https://github.com/ceph/ceph/pull/68540.
	Ceph bool
}

// Signature returns what the field of the signature version holds: SignatureNone if it
// holds nothing, which need not mean that the request is unsigned.
func Signature(field []byte) record.Signature {
	if IsNothing(field) {
		return record.SignatureNone
	}
	return record.ParseSignature(field)
}

// IsNothing reports whether a field holds nothing.
func IsNothing(s []byte) bool { return len(s) == 0 || len(s) == 1 && s[0] == '-' }

// IsNobody reports whether this is what stands for the requester where there is none:
// nothing, or, up to 2015 on AWS's page on the format and today in Ceph, the word
// Anonymous.
func IsNobody(requester []byte) bool {
	return IsNothing(requester) || len(requester) == len("anonymous") && bytes.EqualFold(requester, []byte("anonymous"))
}

// IsOwnWork reports whether operation is S3's own, or Backblaze's: lifecycle rules,
// restores, checksums of a batch job.
func IsOwnWork(operation []byte) bool {
	return bytes.HasPrefix(operation, []byte("S3.")) || bytes.HasPrefix(operation, []byte("B2_LIFECYCLE."))
}

// Key returns a key as logged, or, where a dash or nothing is logged, the dash if that is the
// key: S3 writes the key of the object that is called - as it writes that there is none. The
// Request-URI tells them apart, for the path of no other request without a key ends so.
func Key(logged, requestURI []byte) []byte {
	if !IsNothing(logged) {
		return logged
	}
	_, target, _ := bytes.Cut(requestURI, []byte(" "))
	if end := bytes.IndexAny(target, " ?"); end >= 0 {
		target = target[:end]
	}
	if bytes.HasSuffix(target, []byte("/-")) || bytes.HasSuffix(target, []byte("/%2D")) || bytes.HasSuffix(target, []byte("/%2d")) {
		return dash
	}
	return nil
}

var dash = []byte("-")

// IsUpload reports whether the object size is that of the request's body. A
// copy's is not: it has none.
func IsUpload(operation []byte) bool {
	switch string(operation) {
	case "REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "SOAP.PUT.OBJECT", "WEBSITE.PUT.OBJECT",
		"REST.S3_PUT_OBJECT", "REST.S3_UPLOAD_PART": // Backblaze's
		return true
	}
	return false
}

// Service is who makes the requests that S3 makes on its own account.
const Service = "AmazonS3"

// RequesterOf returns who made the request, a part of the field or of own, or nil if
// that is nobody. What S3 does on its own account has no requester in some records and
// AmazonS3 in others; it is AmazonS3 in both, which is written to own.
func (f *Fields) RequesterOf(own *[len(Service)]byte) []byte {
	const service = "svc:" // before the name of a service that acts for itself
	switch {
	case IsNobody(f.Requester) && bytes.HasPrefix(f.Operation, []byte("S3.")):
		return append(own[:0], Service...)
	case IsNobody(f.Requester):
		return nil
	case bytes.HasPrefix(f.Requester, []byte(service)):
		return f.Requester[len(service):]
	}
	return f.Requester
}

// IsAnonymous reports whether the request, which was signed so, came without
// credentials.
func (f *Fields) IsAnonymous(signature record.Signature) bool {
	return IsNobody(f.Requester) && signature == record.SignatureNone && !IsOwnWork(f.Operation)
}

// Authentication returns how the request was signed.
//
// Nothing in the place of the signature version means unsigned, unless an
// authentication type is named, S3 refused the credentials, or somebody is named as the
// requester, whom nothing but a signature shows, as Ceph does of uploads by a browser's
// form: then the request was signed, though the record may name neither requester nor
// version. In Backblaze's own API it is a token that shows who asks. What remains then,
// in layouts without the field, and where nobody is the requester of what was refused, is the
// query string, by which presigned requests are known: S3 answers AccessDenied where they have
// expired. A request without a requester was not signed, whatever its query holds, unless that
// may be what was refused. Of Ceph's, a query shows SigV2 or nothing.
func (f *Fields) Authentication() (record.Signature, record.AuthMethod) {
	if !f.Unsaid && f.Signature != record.SignatureNone {
		return f.Signature, f.AuthMethod
	}
	nobody := IsNobody(f.Requester)
	refused := nobody && record.FailedAuthentication(f.ErrorCode)
	named := !nobody && !IsOwnWork(f.Operation) && !bytes.HasPrefix(f.Operation, []byte("B2_API."))
	untyped := f.AuthMethod == record.AuthUnknown || f.Ceph && f.AuthMethod == record.QueryString
	unsigned := !refused && (nobody || !named && !f.Unsaid) && untyped
	if unsigned && (!nobody || IsOwnWork(f.Operation) || f.looksAtNoQuery()) {
		return record.SignatureNone, record.AuthNone
	}
	if signature := querySignature(f.RequestURI); signature == record.SigV2 || signature != record.SignatureUnknown && !f.Ceph {
		return signature, record.QueryString
	}
	if unsigned && string(f.ErrorCode) != invalidRequest {
		return record.SignatureNone, record.AuthNone
	}
	return record.SignatureUnknown, f.AuthMethod
}

// invalidRequest is the error of, among others, every request that is signed with SigV2 where
// S3 takes nothing but SigV4: in Regions since 2014, and to buckets since June 2020. See
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
const invalidRequest = "InvalidRequest"

// looksAtNoQuery reports whether a request without a requester can be none that was presigned,
// and then refused: without an error it was not refused, and the endpoint of a website and
// CORS look at no signature. Otherwise anybody could hide a request without credentials
// behind a query of that form. See
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html and
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html.
func (f *Fields) looksAtNoQuery() bool {
	return IsNothing(f.ErrorCode) ||
		bytes.HasPrefix(f.Operation, []byte("WEBSITE.")) || bytes.HasPrefix(f.Operation, []byte("REST.OPTIONS."))
}

// Transport returns how a request came. tlsVersion is nil if the record is of a layout
// without that field. A record without a Request-URI is of no HTTP request.
func Transport(tlsVersion, cipherSuite, requestURI []byte) record.Transport {
	switch {
	case !IsNothing(tlsVersion) || !IsNothing(cipherSuite):
		return record.TLS
	case IsNothing(requestURI):
		return record.NoTransport
	case tlsVersion == nil:
		return record.TransportUnknown
	}
	return record.PlainHTTP
}

// ACLRequired returns what the field aclRequired answers; nil is that of a record without
// the field.
func ACLRequired(field []byte) record.Answer {
	switch {
	case len(field) == 1 && field[0] == '-':
		return record.No
	case string(field) == "Yes":
		return record.Yes
	}
	return record.AnswerUnknown
}

// querySignature returns the signature version of a presigned request, or
// SignatureUnknown. It looks at nothing but the names and values of the query's
// parameters, for which see
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html. S3 logs all of
// them, with X in the place of a signature of version 4.
//
// All that a version asks for must be there, and nothing of another one: SigV2 does not sign
// parameters that it does not know, so that whoever signs with it may add some of version 4.
func querySignature(requestURI []byte) record.Signature {
	_, query, _ := bytes.Cut(requestURI, []byte("?"))
	query, _, _ = bytes.Cut(query, []byte(" ")) // the HTTP version
	var found presigning
	for len(query) > 0 {
		var parameter []byte
		parameter, query, _ = bytes.Cut(query, []byte("&"))
		if name, value, ok := bytes.Cut(parameter, []byte("=")); ok {
			found |= presigningOf(name, value)
		}
	}
	v4, v4a, v2 := found.has(hmac|scoped), found.has(ecdsa|scoped), found.has(accessKey|signature|expires)
	switch {
	case v4 && !v4a && !v2:
		return record.SigV4
	case v4a && !v4 && !v2:
		return record.SigV4A
	case v2 && !v4 && !v4a:
		return record.SigV2
	}
	return record.SignatureUnknown
}

// presigning is a set of parameters of presigned requests.
type presigning uint16

const (
	hmac presigning = 1 << iota
	ecdsa
	credential
	date
	signedHeaders
	signatureV4
	accessKey
	signature
	expires

	scoped = credential | date | signedHeaders | signatureV4
)

func (p presigning) has(all presigning) bool { return p&all == all }

// presigningOf returns what a parameter of a query is, 0 if it is none of these.
func presigningOf(name, value []byte) presigning {
	switch string(name) {
	case "X-Amz-Algorithm":
		switch string(value) {
		case "AWS4-HMAC-SHA256":
			return hmac
		case "AWS4-ECDSA-P256-SHA256":
			return ecdsa
		}
	case "X-Amz-Credential":
		return credential
	case "X-Amz-Date":
		return date
	case "X-Amz-SignedHeaders":
		return signedHeaders
	case "X-Amz-Signature":
		return signatureV4
	case "AWSAccessKeyId":
		return accessKey
	case "Signature":
		return signature
	case "Expires":
		return expires
	}
	return 0
}
