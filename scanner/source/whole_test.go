package source_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

func TestWhole_EndsOnlyAfterAsManyBytesAsListed(t *testing.T) {
	const text = "the bytes of an object"
	readers := map[string]func(io.Reader) io.Reader{
		"whole":                 func(r io.Reader) io.Reader { return r },
		"one byte":              iotest.OneByteReader,
		"data with the end":     iotest.DataErrReader,
		"a byte, and its end":   func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
		"half of what is asked": iotest.HalfReader,
	}
	for name, reader := range readers {
		for size := range len(text) + 3 {
			obj := source.Object{Key: "k", Size: int64(size)}
			body := source.Whole(io.NopCloser(reader(strings.NewReader(text))), obj)
			data, err := io.ReadAll(body)
			if size == len(text) {
				if err != nil || string(data) != text {
					t.Errorf("%s: got %q, %v", name, data, err)
				}
				continue
			}
			var sourceErr *source.Error
			if !errors.As(err, &sourceErr) || sourceErr.Reason != source.ReasonLength || sourceErr.Op != "read" || sourceErr.Key != "k" {
				t.Errorf("%s: %d bytes pass for %d: %v", name, len(text), size, err)
			}
		}
	}
}

func TestWhole_KeepsTheBodysError(t *testing.T) {
	cause := errors.New("reset")
	broken := io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(cause))
	data, err := io.ReadAll(source.Whole(io.NopCloser(broken), source.Object{Size: 3}))
	if !errors.Is(err, cause) || string(data) != "abc" {
		t.Errorf("got %q, %v", data, err)
	}
}
