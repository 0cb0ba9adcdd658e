package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Objects are the objects of a bucket below a prefix, to be read and written: where a
// checkpoint keeps its journal. It needs the rights s3:PutObject, s3:GetObject and
// s3:DeleteObject on them, and s3:ListBucket on the bucket for the prefix: without that,
// S3 answers 403 in place of 404 to whoever asks for what is not there.
//
// What is written is sent with a CRC-32, which S3 checks and keeps.
type Objects struct {
	source *Source
	prefix string // ends with a slash, or is empty
	key    string // of KMS; empty: the bucket's settings decide
}

// Objects returns the objects below a prefix, which stands for itself with a slash behind
// it.
func (s *Source) Objects(prefix string) *Objects {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &Objects{source: s, prefix: prefix}
}

// EncryptedBy returns the same objects; those that are written ask to be encrypted by a key of
// KMS, named by its ID, ARN or alias (SSE-KMS). Without that the bucket's own encryption
// holds, which is enough, unless a policy refuses requests that do not name the key.
func (o *Objects) EncryptedBy(key string) *Objects {
	return &Objects{source: o.source, prefix: o.prefix, key: key}
}

// PutIfAbsent stores an object unless there is one of that key, with one PutObject that
// has If-None-Match. If there is one, the error is fs.ErrExist. Any other error leaves open
// whether it was stored: it is not tried again here, unless the credentials were refused. See "Conditional writes" of the S3
// user guide: 412 means that there is one, 409 that another request is under way.
func (o *Objects) PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error {
	client, err := o.source.client(ctx)
	if err != nil {
		return o.failure(ctx, "write", key, err)
	}
	once := func(options *s3.Options) { options.Retryer = aws.NopRetryer{} }
	out, err := renewing(ctx, o.source, "open", func() (*s3.PutObjectOutput, error) {
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		in := &s3.PutObjectInput{
			Bucket:      aws.String(o.source.config.Bucket),
			Key:         aws.String(o.prefix + key),
			Body:        body,
			IfNoneMatch: aws.String("*"),
		}
		if o.key != "" {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String(o.key)
		}
		return client.PutObject(ctx, in, once)
	})
	switch {
	case err == nil && aws.ToString(out.ETag) == "": // which every store sends
		return errors.New("the answer has no ETag: a proxy may answer in place of the store")
	case err == nil:
		return nil
	case status(err) == http.StatusPreconditionFailed:
		return fs.ErrExist
	case status(err) == http.StatusNotImplemented:
		return fmt.Errorf("the store knows no conditional writes: %w", o.failure(ctx, "write", key, err))
	}
	return o.failure(ctx, "write", key, err)
}

// status returns the HTTP status of an answer that is an error, 0 if there was none.
func status(err error) int {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

// Get returns an object, which the caller closes. Its error is fs.ErrNotExist if there is
// none. A body that is cut off, or that does not match the checksum that S3 keeps, does not
// end in io.EOF.
func (o *Objects) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	client, err := o.source.client(ctx)
	if err != nil {
		return nil, o.failure(ctx, "read", key, err)
	}
	out, err := renewing(ctx, o.source, "open", func() (*s3.GetObjectOutput, error) {
		return client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(o.source.config.Bucket), Key: aws.String(o.prefix + key)})
	})
	if err != nil {
		if reason("open", err) == source.ReasonGone {
			return nil, fs.ErrNotExist
		}
		return nil, o.failure(ctx, "read", key, err)
	}
	return out.Body, nil
}

// List returns the keys that begin with prefix and sort behind after, in order.
func (o *Objects) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	if after != "" {
		after = o.prefix + after
	}
	return func(yield func(string, error) bool) {
		for object, err := range o.source.List(ctx, o.prefix+prefix, after) {
			if !yield(strings.TrimPrefix(object.Key, o.prefix), err) || err != nil {
				return
			}
		}
	}
}

// Size returns how many bytes an object has, as a listing shows it. Its error is
// fs.ErrNotExist if none does.
func (o *Objects) Size(ctx context.Context, key string) (int64, error) {
	object, err := o.source.Stat(ctx, o.prefix+key)
	var failed *source.Error
	switch {
	case !errors.As(err, &failed):
		return object.Size, err
	case failed.Reason == source.ReasonGone:
		return 0, fs.ErrNotExist
	}
	return 0, failed.Err
}

// Delete removes an object; that there is none is no error.
func (o *Objects) Delete(ctx context.Context, key string) error {
	client, err := o.source.client(ctx)
	if err != nil {
		return o.failure(ctx, "delete", key, err)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(o.source.config.Bucket), Key: aws.String(o.prefix + key)})
	if err != nil {
		return o.failure(ctx, "delete", key, err)
	}
	return nil
}

// failure returns the error of a call in one line that does not name the object.
func (o *Objects) failure(ctx context.Context, op, key string, err error) error {
	err = failure(ctx, op, key, err)
	var failed *source.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
