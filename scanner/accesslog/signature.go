package accesslog

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// authentication returns how the request was signed. nobody: the record names no
// requester.
//
// A dash in the place of the signature version means unsigned, unless an
// authentication type is named or S3 refused the credentials: then the request was
// signed, though the record may name neither requester nor version. What remains
// then, and in layouts without the field, is the query string, by which presigned
// requests are known, and the requester: a request without one was not signed.
func (f *fields) authentication(nobody bool) (record.Signature, record.AuthMethod) {
	refused := nobody && record.FailedAuthentication(f.errorCode)
	method := record.ParseAuthMethod(f.authType)
	if signed := refused || method != record.AuthUnknown; f.signature != nil && !(signed && isDash(f.signature)) {
		if isDash(f.signature) {
			return record.SignatureNone, record.AuthNone
		}
		return record.ParseSignature(f.signature), method
	}
	if signature := querySignature(f.requestURI); signature != record.SignatureUnknown {
		return signature, record.QueryString
	}
	if f.signature == nil && nobody && !refused {
		return record.SignatureNone, record.AuthNone
	}
	return record.SignatureUnknown, method
}

// isKnownSignature reports whether s is a dash or a version that is known.
func isKnownSignature(s []byte) bool {
	return isDash(s) || record.ParseSignature(s) != record.SignatureUnknown
}

// querySignature returns the signature version of a presigned request, or
// SignatureUnknown. It looks at nothing but the names and values of the query's
// parameters, for which see
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html.
func querySignature(requestURI []byte) record.Signature {
	_, query, _ := bytes.Cut(requestURI, []byte("?"))
	query, _, _ = bytes.Cut(query, []byte(" ")) // the HTTP version
	var accessKey, signature, expires bool
	for len(query) > 0 {
		var parameter []byte
		parameter, query, _ = bytes.Cut(query, []byte("&"))
		switch {
		case string(parameter) == "X-Amz-Algorithm=AWS4-HMAC-SHA256":
			return record.SigV4
		case string(parameter) == "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256":
			return record.SigV4A
		case hasPrefix(parameter, "AWSAccessKeyId="):
			accessKey = true
		case hasPrefix(parameter, "Signature="):
			signature = true
		case hasPrefix(parameter, "Expires="):
			expires = true
		}
	}
	if accessKey && signature && expires {
		return record.SigV2
	}
	return record.SignatureUnknown
}
