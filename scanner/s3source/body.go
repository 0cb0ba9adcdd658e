package s3source

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Open implements source.Source with one GetObject. The SDK asks for the bytes
// in no other encoding than the stored one. The body checks its length, and the
// object's checksum where S3 keeps one of the whole object.
func (s *Source) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	client, err := s.client(ctx)
	if err != nil {
		return nil, failure(ctx, "open", key, err)
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(s.config.Bucket),
		Key:    aws.String(key),
	})
	if err != nil {
		return nil, failure(ctx, "open", key, err)
	}
	return &body{ReadCloser: out.Body, key: key}, nil
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
