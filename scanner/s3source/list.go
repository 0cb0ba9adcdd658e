package s3source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

const (
	// maxKey is the length of the longest key in bytes: "Object key naming" of the S3
	// user guide.
	maxKey = 1024
	// maxEmptyPages is how many pages without a key may follow each other. S3 gives
	// such pages where it passes over many delete markers, but a listing that goes on
	// like that has no end, and every page is billed.
	maxEmptyPages = 1000
)

// listingError is what is wrong with a store's answer to a listing.
type listingError struct{ text string }

func (e *listingError) Error() string { return e.text }

func badListing(format string, args ...any) error {
	return &listingError{fmt.Sprintf(format, args...)}
}

// List implements source.Source. Each page is one ListObjectsV2.
func (s *Source) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		l := listing{source: s, prefix: prefix, startAfter: startAfter, last: startAfter, maxKeys: source.PageSize}
		for more := true; more; more = l.token != "" {
			objects, err := l.page(ctx)
			if err != nil {
				err = failure(ctx, "list", prefix, err)
				var failed *source.Error
				if errors.As(err, &failed) {
					failed.Requests = l.pages
				}
				yield(source.Object{}, err)
				return
			}
			for _, o := range objects {
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// listing goes through the pages of a listing and makes sure that each one goes
// on where the one before it ended.
type listing struct {
	source     *Source
	prefix     string
	startAfter string
	maxKeys    int32
	token      string // of the next page; empty before the first and after the last page
	last       string // the keys to come are greater
	empty      int    // pages without a key, in a row
	pages      int    // that the store has sent
}

// page returns the objects of the next page.
func (l *listing) page(ctx context.Context) ([]source.Object, error) {
	client, err := l.source.client(ctx)
	if err != nil {
		return nil, err
	}
	out, err := renewing(ctx, l.source, "list", func() (*s3.ListObjectsV2Output, error) {
		return client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket:            aws.String(l.source.config.Bucket),
			Prefix:            optional(l.prefix),
			StartAfter:        optional(l.startAfter),
			ContinuationToken: optional(l.token),
			MaxKeys:           aws.Int32(l.maxKeys),
			EncodingType:      types.EncodingTypeUrl, // XML has no control characters
		})
	})
	if err != nil {
		return nil, err
	}
	l.pages++
	if err := l.answers(out); err != nil {
		return nil, err
	}
	objects := make([]source.Object, 0, len(out.Contents))
	for _, content := range out.Contents {
		key, err := l.key(content, out.EncodingType)
		if err != nil {
			return nil, err
		}
		objects = append(objects, source.Object{
			Key:          key,
			Size:         aws.ToInt64(content.Size),
			LastModified: aws.ToTime(content.LastModified),
			ETag:         aws.ToString(content.ETag),
		})
	}
	return objects, l.turn(out)
}

// answers reports an error if a page repeats another question than the one that was asked:
// an empty page of another prefix, from a cache on the way, would pass for one without keys.
func (l *listing) answers(out *s3.ListObjectsV2Output) error {
	if !repeats(out.Prefix, l.prefix, out.EncodingType) {
		return badListing("the store listed prefix %q, which is not the one that was asked for", *out.Prefix)
	}
	if !repeats(out.StartAfter, l.startAfter, out.EncodingType) {
		return badListing("the store listed what is after %q, and was not asked for it", *out.StartAfter)
	}
	return nil
}

// repeats reports whether a parameter in an answer is the one that was asked. Not every
// store repeats them, and not every one that encodes keys encodes them as well.
func repeats(answer *string, asked string, encoding types.EncodingType) bool {
	if a := aws.ToString(answer); a == "" || a == asked { // nothing lies in the whole bucket: nothing lies in the prefix
		return true
	}
	decoded, err := url.QueryUnescape(*answer)
	return encoding == types.EncodingTypeUrl && err == nil && decoded == asked
}

// key returns the decoded key of a listed object if it may come next.
func (l *listing) key(content types.Object, encoding types.EncodingType) (string, error) {
	key := aws.ToString(content.Key)
	if encoding == types.EncodingTypeUrl {
		decoded, err := url.QueryUnescape(key)
		if err != nil {
			return "", badListing("the store listed a key that is not URL-encoded: %v", err)
		}
		key = decoded
	}
	if len(key) > maxKey {
		return "", badListing("the store listed a key of %d bytes, which begins with %q", len(key), key[:maxKey/8])
	}
	if !strings.HasPrefix(key, l.prefix) {
		return "", badListing("the store listed key %q, which is outside of the prefix", key)
	}
	if key <= l.last {
		return "", badListing("the store listed key %q after %q", key, l.last)
	}
	l.last = key
	return key, nil
}

// turn takes the next page's token from a page.
func (l *listing) turn(out *s3.ListObjectsV2Output) error {
	if out.IsTruncated == nil {
		// The SDK takes an empty answer, or a proxy's, for an empty listing.
		return badListing("the store's answer does not say whether the listing is complete")
	}
	if !*out.IsTruncated {
		l.token = ""
		return nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" {
		return badListing("the store cut the listing short without saying how to go on")
	}
	if next == l.token {
		return badListing("the store gave the same continuation token twice")
	}
	l.empty++
	if len(out.Contents) > 0 {
		l.empty = 0
	}
	if l.empty > maxEmptyPages {
		return badListing("the store gave %d pages without a key, and says that there are more", l.empty)
	}
	l.token = next
	return nil
}

// optional returns nil for the empty string: a parameter that is not sent.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
