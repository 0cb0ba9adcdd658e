package accesslog

import "github.com/s3access/s3_access_exporter/scanner/record"

// isKnownSignature reports whether s is a dash or a version that is known.
func isKnownSignature(s []byte) bool {
	return isDash(s) || record.ParseSignature(s) != record.SignatureUnknown
}
