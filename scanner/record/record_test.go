package record_test

import (
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestParseSignature_ReadsWhatStringWrites(t *testing.T) {
	for _, s := range []record.Signature{record.SigV2, record.SigV4, record.SigV4A} {
		if got := record.ParseSignature([]byte(s.String())); got != s {
			t.Errorf("%s reads as %s", s, got)
		}
	}
	for text, want := range map[string]record.Signature{
		"Sigv4": record.SigV4, "SIGV2": record.SigV2,
		"": record.SignatureUnknown, "-": record.SignatureUnknown, "none": record.SignatureUnknown, "SigV": record.SignatureUnknown, "SigV44": record.SignatureUnknown,
	} {
		if got := record.ParseSignature([]byte(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
}

func TestParseAuthMethod_ReadsWhatStringWrites(t *testing.T) {
	for _, m := range []record.AuthMethod{record.AuthUnknown, record.AuthHeader, record.QueryString, record.HTMLForm} {
		if got := record.ParseAuthMethod([]byte(m.String())); got != m {
			t.Errorf("%s reads as %s", m, got)
		}
	}
	for text, want := range map[string]record.AuthMethod{
		"authheader": record.AuthHeader, "QUERYSTRING": record.QueryString,
		"": record.AuthUnknown, "-": record.AuthUnknown, "none": record.AuthUnknown, // no log writes that
	} {
		if got := record.ParseAuthMethod([]byte(text)); got != want {
			t.Errorf("%q reads as %s, want %s", text, got, want)
		}
	}
}

func TestFailedAuthentication_IsNotEveryDenial(t *testing.T) {
	for code, want := range map[string]bool{
		"SignatureDoesNotMatch": true, "InvalidAccessKeyId": true, "ExpiredToken": true,
		"ExpiredTokenException": true, "InvalidSignatureException": true, "UnrecognizedClientException": true, "InvalidClientTokenId": true,
		"AccessDenied": false, "AccessDeniedException": false, "NoSuchKey": false, "NotFoundException": false, "Exception": false, "": false,
	} {
		if got := record.FailedAuthentication([]byte(code)); got != want {
			t.Errorf("%q: %v, want %v", code, got, want)
		}
	}
}
