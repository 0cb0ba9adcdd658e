package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3access/s3_access_exporter/scanner"
)

// maxText is the longest text of an error, in bytes: a store may answer anything.
const maxText = 500

// errNoSuchBucket stands for the answer to a HeadBucket, which has no body.
var errNoSuchBucket = errors.New("there is no such bucket")

// callError is an error of the SDK with a text of one line that is fit to read.
type callError struct {
	text string
	err  error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.err }

// failure returns the error of a call: the context's once it has ended.
func failure(ctx context.Context, op, key string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return sourceError(op, key, err)
}

func sourceError(op, key string, err error) error {
	return &scanner.SourceError{
		Op: op, Key: key, Reason: reason(op, err),
		Err: &callError{text: oneLine(text(err)), err: err},
	}
}

// text returns what S3 said or else what happened to the request, without the
// layers of the SDK around it.
func text(err error) string {
	var noCredentials *credentialsError
	var api smithy.APIError
	var request *url.Error
	var operation *smithy.OperationError
	switch {
	case errors.As(err, &noCredentials):
		var refused smithy.APIError
		if errors.As(noCredentials.err, &refused) {
			return "no usable credentials: " + answer(err, refused)
		}
		return noCredentials.Error()
	case errors.As(err, &api):
		return answer(err, api)
	case errors.As(err, &request):
		return request.Err.Error()
	case errors.As(err, &operation):
		return operation.Err.Error()
	}
	return err.Error()
}

// answer returns an API's error with what its support asks for.
func answer(err error, api smithy.APIError) string {
	s := api.ErrorCode() + ": " + api.ErrorMessage()
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		s += fmt.Sprintf(" (HTTP %d, request ID %s)", response.HTTPStatusCode(), response.ServiceRequestID())
	}
	return s
}

// oneLine makes text printable and not too long.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// reason classifies the error of an operation on "list", "open" or "read".
func reason(op string, err error) scanner.Reason {
	var noCredentials *credentialsError
	if errors.As(err, &noCredentials) {
		return scanner.ReasonCredentials
	}
	if errors.Is(err, errNoSuchBucket) {
		return scanner.ReasonNoSuchBucket
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if r := reasonOfCode(api.ErrorCode()); r != "" {
			return r
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		if r := reasonOfStatus(op, response.HTTPStatusCode()); r != "" {
			return r
		}
	}
	return reasonOfTransport(err)
}

// reasonOfCode knows the codes in "Error responses" of the S3 API reference,
// those of KMS that S3 passes on, and the SDK's list of throttling codes.
func reasonOfCode(code string) scanner.Reason {
	switch code {
	case "NoSuchKey", "NoSuchVersion":
		return scanner.ReasonGone
	case "NoSuchBucket", "InvalidBucketName":
		return scanner.ReasonNoSuchBucket
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return scanner.ReasonAccessDenied
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"RequestTimeTooSkewed", "RequestExpired", "NotSignedUp", "InvalidSecurity":
		return scanner.ReasonCredentials
	case "InvalidObjectState":
		return scanner.ReasonArchived
	case "RequestTimeout":
		return scanner.ReasonTimeout
	}
	kmsCode, ofKMS := strings.CutPrefix(code, "KMS.")
	if _, ok := retry.DefaultThrottleErrorCodes[kmsCode]; ok {
		return scanner.ReasonThrottled
	}
	if ofKMS {
		return scanner.ReasonAccessDenied // a disabled, deleted or foreign key
	}
	return ""
}

// reasonOfStatus classifies an answer whose code says nothing, such as that of
// a proxy.
func reasonOfStatus(op string, status int) scanner.Reason {
	switch {
	case status == http.StatusUnauthorized:
		return scanner.ReasonCredentials
	case status == http.StatusForbidden:
		return scanner.ReasonAccessDenied
	case status == http.StatusNotFound && op == "list":
		return scanner.ReasonNoSuchBucket
	case status == http.StatusNotFound:
		return scanner.ReasonGone
	case status == http.StatusTooManyRequests:
		return scanner.ReasonThrottled
	case status >= http.StatusInternalServerError:
		return scanner.ReasonServerError
	}
	return ""
}

// reasonOfTransport classifies an error of the connection or of the body.
func reasonOfTransport(err error) scanner.Reason {
	var request *url.Error
	var network net.Error
	var stalled *awshttp.ResponseTimeoutError
	switch {
	case errors.As(err, &stalled), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return scanner.ReasonTimeout
	case errors.As(err, &request), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return scanner.ReasonNetwork
	case strings.Contains(err.Error(), "checksum did not match"): // the SDK has no exported type for it
		return scanner.ReasonChecksum
	}
	return scanner.ReasonRead
}
