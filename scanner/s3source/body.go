package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Open implements source.Source with one GetObject, which carries the listed ETag
// as If-Match.
//
// The SDK asks for the bytes in no other encoding than the stored one
// (Accept-Encoding: identity), and S3 never changes them, whatever their
// Content-Encoding. A store or proxy that unpacks or packs them on their way, as
// Google Cloud Storage unpacks objects with Content-Encoding gzip for whoever does
// not ask for gzip, gives another number of bytes than was listed, and that is an
// error with source.ReasonLength.
//
// The body checks its length, and the object's checksum where S3 keeps one of the
// whole object.
func (s *Source) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	client, err := s.client(ctx)
	if err != nil {
		return nil, failure(ctx, "open", obj.Key, err)
	}
	out, err := renewing(ctx, s, "open", func() (*s3.GetObjectOutput, error) {
		return client.GetObject(ctx, &s3.GetObjectInput{
			Bucket:  aws.String(s.config.Bucket),
			Key:     aws.String(obj.Key),
			IfMatch: optional(ifMatch(obj.ETag)),
		})
	})
	if err != nil {
		return nil, failure(ctx, "open", obj.Key, err)
	}
	if why, err := compare(obj, out); err != nil {
		_ = out.Body.Close() // its bytes are of no use
		return nil, &source.Error{Op: "open", Key: obj.Key, Reason: why, Err: err}
	}
	return source.Whole(&body{ReadCloser: out.Body, key: obj.Key}, obj), nil
}

// ifMatch returns the value of If-Match for a listed ETag. A weak one never
// matches: RFC 9110, section 13.1.1.
func ifMatch(etag string) string {
	switch {
	case etag == "", strings.HasPrefix(etag, "W/"):
		return ""
	case strings.HasPrefix(etag, `"`):
		return etag
	}
	return `"` + etag + `"` // some stores list it without the quotes
}

// sameETag reports whether two ETags mean the same version, if both are known.
func sameETag(a, b string) bool {
	plain := func(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }
	return plain(a) == plain(b)
}

// compare holds the head of an answer against what was listed.
func compare(obj source.Object, out *s3.GetObjectOutput) (source.Reason, error) {
	response, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if ok && response.StatusCode != http.StatusOK {
		return source.ReasonLength, fmt.Errorf("HTTP %d is no answer with a whole object", response.StatusCode)
	}
	listed, now := obj.ETag, aws.ToString(out.ETag)
	if listed != "" && now != "" && !sameETag(listed, now) {
		return source.ReasonChanged, fmt.Errorf("the object changed since it was listed: its ETag was %s and is %s", oneLine(listed), oneLine(now))
	}
	if out.ContentLength == nil || *out.ContentLength == obj.Size {
		return "", nil
	}
	if listed == "" {
		return source.ReasonChanged, fmt.Errorf("the object changed since it was listed: it had %d bytes and has %d", obj.Size, *out.ContentLength)
	}
	return source.ReasonLength, fmt.Errorf("the answer has %d bytes, listed were %d", *out.ContentLength, obj.Size)
}

// Stat implements source.Source with a listing, so that it tells what one does.
func (s *Source) Stat(ctx context.Context, key string) (source.Object, error) {
	l := listing{source: s, prefix: key, maxKeys: 1}
	objects, err := l.page(ctx)
	if err != nil {
		return source.Object{}, failure(ctx, "list", key, err)
	}
	if len(objects) == 0 || objects[0].Key != key {
		return source.Object{}, &source.Error{Op: "open", Key: key, Reason: source.ReasonGone, Err: errors.New("it is not listed any more")}
	}
	return objects[0], nil
}

// body gives the errors of a response's body their reason.
type body struct {
	io.ReadCloser
	key string
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return n, err
	}
	return n, sourceError("read", b.key, err)
}
