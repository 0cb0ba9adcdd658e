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
	"regexp"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// maxText is the longest text of an error, in bytes: a store may answer anything.
const maxText = 500

// noLocation is the host to which the SDK lets an answer redirect that names none.
const noLocation = "amazonaws.com"

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
	return &source.Error{
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
	var unreadable *smithy.DeserializationError
	var operation *smithy.OperationError
	var listing *listingError
	switch {
	case errors.As(err, &listing):
		return listing.text
	case errors.Is(err, errTooSlow):
		return errTooSlow.Error()
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
	case errors.As(err, &unreadable):
		return unreadable.Err.Error()
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
		if to, err := response.Response.Location(); err == nil && to.Host != noLocation {
			s += ", redirects to " + to.Host
		}
	}
	return s
}

// userinfo is a user and password in a URL.
var userinfo = regexp.MustCompile(`//[^\s"]*@`)

// oneLine makes text printable and not too long, and leaves out passwords in URLs.
func oneLine(text string) string {
	text = userinfo.ReplaceAllLiteralString(text, "//…@")
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
func reason(op string, err error) source.Reason {
	var noCredentials *credentialsError
	if errors.As(err, &noCredentials) {
		return source.ReasonCredentials
	}
	if errors.Is(err, errNoSuchBucket) {
		return source.ReasonNoSuchBucket
	}
	if op == "list" && errors.As(err, new(*listingError)) {
		return source.ReasonListing
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		r := reasonOfCode(api.ErrorCode())
		if r == source.ReasonGone && op == "list" {
			return source.ReasonNoSuchBucket // a listing shows that by what is not in it
		}
		if r != "" {
			return r
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		if r := reasonOfStatus(op, response.HTTPStatusCode()); r != "" {
			return r
		}
	}
	why := reasonOfTransport(err)
	if why == source.ReasonRead && op == "list" && errors.As(err, new(*smithy.DeserializationError)) {
		return source.ReasonListing
	}
	return why
}

// reasonOfCode knows the codes in "Error responses" of the S3 API reference,
// those of KMS that S3 passes on, and the SDK's list of throttling codes.
func reasonOfCode(code string) source.Reason {
	switch code {
	case "NoSuchKey", "NoSuchVersion":
		return source.ReasonGone
	case "NoSuchBucket", "InvalidBucketName":
		return source.ReasonNoSuchBucket
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return source.ReasonAccessDenied
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"RequestTimeTooSkewed", "RequestExpired", "NotSignedUp", "InvalidSecurity":
		return source.ReasonCredentials
	case "InvalidObjectState":
		return source.ReasonArchived
	case "RequestTimeout":
		return source.ReasonTimeout
	}
	kmsCode, ofKMS := strings.CutPrefix(code, "KMS.")
	if _, ok := retry.DefaultThrottleErrorCodes[kmsCode]; ok {
		return source.ReasonThrottled
	}
	if ofKMS {
		return source.ReasonAccessDenied // a disabled, deleted or foreign key
	}
	return ""
}

// reasonOfStatus classifies an answer whose code says nothing, such as that of
// a proxy.
func reasonOfStatus(op string, status int) source.Reason {
	switch {
	case status == http.StatusUnauthorized:
		return source.ReasonCredentials
	case status == http.StatusForbidden:
		return source.ReasonAccessDenied
	case status == http.StatusNotFound && op == "list":
		return source.ReasonNoSuchBucket
	case status == http.StatusNotFound:
		return source.ReasonGone
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return source.ReasonRedirect
	case status == http.StatusPreconditionFailed:
		return source.ReasonChanged
	case status == http.StatusTooManyRequests:
		return source.ReasonThrottled
	case status >= http.StatusInternalServerError:
		return source.ReasonServerError
	}
	return ""
}

// reasonOfTransport classifies an error of the connection or of the body.
func reasonOfTransport(err error) source.Reason {
	var request *url.Error
	var network net.Error
	var stalled *awshttp.ResponseTimeoutError
	switch {
	case errors.As(err, &stalled), errors.Is(err, errTooSlow), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return source.ReasonTimeout
	case errors.As(err, &request), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return source.ReasonNetwork
	case strings.Contains(err.Error(), "checksum did not match"): // the SDK has no exported type for it
		return source.ReasonChecksum
	}
	return source.ReasonRead
}
