package s3source

import (
	"context"
	"io"
	"net/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The bounds of an answer in XML. A page of a listing has 1000 elements of some ten
// children, each with a tag at its beginning and one at its end, and keys of 1024
// bytes, of which URL encoding makes 3072. The parser holds the names of elements
// that are open, and a text or a tag as a whole, so these bound what it needs.
const (
	maxAnswer = 8 << 20  // bytes
	maxTags   = 100_000  // "<"
	maxRun    = 16 << 10 // bytes between two angle brackets
)

// boundAnswers adds a middleware, next to the connection, that ends an answer in XML
// which is out of bounds before the SDK has parsed it or taken it into memory. Only
// an object's own bytes have none.
func boundAnswers(stack *middleware.Stack) error {
	bound := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if ok && (awsmiddleware.GetOperationName(ctx) != "GetObject" || response.StatusCode >= http.StatusMultipleChoices) {
			response.Body = &boundedXML{ReadCloser: response.Body}
		}
		return out, metadata, err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("BoundAnswers", bound), middleware.After)
}

// boundedXML fails where an answer is out of bounds.
type boundedXML struct {
	io.ReadCloser
	bytes int // read
	tags  int // begun
	run   int // bytes since the last angle bracket
}

// Read implements io.Reader.
func (b *boundedXML) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += n
	longest := 0
	for _, c := range p[:n] {
		b.run++
		switch c {
		case '<':
			b.tags++
			b.run = 0
		case '>':
			b.run = 0
		}
		longest = max(longest, b.run)
	}
	switch {
	case b.bytes > maxAnswer:
		return 0, badListing("the store's answer has more than %d bytes", maxAnswer)
	case b.tags > maxTags:
		return 0, badListing("the store's answer has more than %d tags", maxTags)
	case longest > maxRun:
		return 0, badListing("the store's answer has a name or text of more than %d bytes", maxRun)
	}
	return n, err
}
