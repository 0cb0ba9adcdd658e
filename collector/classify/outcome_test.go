package classify

import (
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestClassifier_Outcome(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   string
	}{
		{200, "", "success"},
		{206, "", "success"},
		{304, "", "success"},
		{0, "", "success"}, // CloudTrail, and S3's own work
		{401, "", "denied"},
		{403, "", "denied"},
		{403, "InvalidObjectState", "denied"},
		{400, "ExpiredToken", "denied"},
		{0, "AccessDenied", "denied"},
		{0, "SignatureDoesNotMatch", "denied"},
		{0, "Client.UnauthorizedOperation", "denied"},
		// The services that speak JSON, as S3 Tables and S3 on Outposts:
		{0, "AccessDeniedException", "denied"},
		{0, "ForbiddenException", "denied"},
		{0, "ExpiredTokenException", "denied"},
		{0, "UnrecognizedClientException", "denied"},
		{0, "NotAuthorized", "denied"},
		{0, "InvalidClientTokenId", "denied"},
		{0, "UnauthorizedAccess", "denied"},
		{0, "UnauthorizedAccessError", "denied"},
		{0, "StsNotAuthorizedError", "denied"}, // S3 Access Grants
		{0, "InvalidPayer", "denied"},
		{400, "TokenCodeInvalidError", "denied"},
		{400, "InvalidSessionException", "denied"}, // directory buckets
		{0, "NotFoundException", "error"},
		{0, "TooManyRequestsException", "error"},
		{0, "InvalidObjectState", "error"}, // in the state of the object, whoever asks
		{0, "Exception", "error"},
		{0, "NoSuchKey", "error"},
		{200, "InternalError", "error"}, // a copy that failed after its headers were sent
		{404, "NoSuchKey", "error"},
		{404, "", "error"},
		{503, "SlowDown", "error"},
	} {
		got := classify(Config{}, func(r *record.Record) {
			r.Status, r.ErrorCode = test.status, []byte(test.code)
		})[LabelOutcome]
		if got != test.want {
			t.Errorf("%d %s is %s, want %s", test.status, test.code, got, test.want)
		}
	}
}
