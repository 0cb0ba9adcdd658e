package source

import (
	"errors"
	"fmt"
	"io"
)

// Whole returns a reader of the body of obj, which ends in io.EOF only after
// obj.Size bytes. If fewer or more come, it fails with an *Error of ReasonLength.
// Closing it closes body.
func Whole(body io.ReadCloser, obj Object) io.ReadCloser {
	return &whole{ReadCloser: body, obj: obj}
}

type whole struct {
	io.ReadCloser
	obj Object
	n   int64 // bytes read
}

// Read implements io.Reader.
func (w *whole) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.n += int64(n)
	switch {
	case w.n > w.obj.Size:
		return n, w.failure(fmt.Errorf("more than the %d bytes that were listed", w.obj.Size))
	case errors.Is(err, io.EOF) && w.n < w.obj.Size:
		return n, w.failure(fmt.Errorf("%d of the %d bytes that were listed", w.n, w.obj.Size))
	}
	return n, err
}

func (w *whole) failure(err error) error {
	return &Error{Op: "read", Key: w.obj.Key, Reason: ReasonLength, Err: err}
}
