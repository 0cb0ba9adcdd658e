package s3source

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The least rate of an answer: each leastBytes of it, or its end, come within
// leastWindow of waiting for them. That is 273 bytes a second, so sixteen objects at
// once may share a line of 35 kbit/s. An object of less than leastBytes has the window
// for its end, and a pause may take as long as Config.ReadTimeout allows if bytes come
// after it. Time in which the reader does something else does not count.
const (
	leastBytes  = 16 << 10
	leastWindow = time.Minute
)

var errTooSlow = fmt.Errorf("the store sent fewer than %d bytes within %s", leastBytes, leastWindow)

// endSlowAnswers adds a middleware, next to the connection, that ends the request
// when its answer comes too slowly. A store that sends a byte now and then would
// otherwise hold a reader for ever.
func endSlowAnswers(stack *middleware.Stack) error {
	pace := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			response.Body = newPacedBody(response.Body, cancel)
		} else {
			cancel(nil)
		}
		return out, metadata, err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("EndSlowAnswers", pace), middleware.After)
}

// pacedBody measures how long its reader waits for bytes.
type pacedBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc // of the request
	timer  *time.Timer             // runs during Read
	slow   atomic.Bool             // the timer has fired
	waited time.Duration           // for the bytes of got
	got    int                     // fewer than leastBytes
}

func newPacedBody(body io.ReadCloser, cancel context.CancelCauseFunc) *pacedBody {
	b := &pacedBody{ReadCloser: body, cancel: cancel}
	b.timer = time.AfterFunc(leastWindow, func() {
		b.slow.Store(true)
		cancel(errTooSlow)
	})
	b.timer.Stop()
	return b
}

// Read implements io.Reader.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	b.timer.Reset(leastWindow - b.waited)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if b.slow.Load() {
		return n, errTooSlow
	}
	b.waited += time.Since(began)
	if b.got += n; b.got >= leastBytes {
		b.got, b.waited = 0, 0
	}
	return n, err
}

// Close implements io.Closer.
func (b *pacedBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
