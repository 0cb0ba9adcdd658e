package reader_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// again is a text without end.
type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (n int, _ error) {
	for n < len(p) {
		copied := copy(p[n:], a.text[a.at:])
		n, a.at = n+copied, (a.at+copied)%len(a.text)
	}
	return n, nil
}

// packed returns so many bytes of a text again and again behind its beginning, compressed
// as often as that.
func packed(t *testing.T, begin, text string, size int64, times int) []byte {
	t.Helper()
	body := io.MultiReader(strings.NewReader(begin), io.LimitReader(&again{text: text}, size))
	for range times {
		var out bytes.Buffer
		z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(z, body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		body = &out
	}
	all, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// allocated returns how many bytes are allocated while objects are read, of which all fit
// into the limit.
func allocated(t *testing.T, key string, body []byte) uint64 {
	t.Helper()
	fake := new(sourcetest.Fake)
	fake.Put(key, body, time.Now())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	jobs := make(chan *reader.Job[struct{}], 1)
	jobs <- &reader.Job[struct{}]{
		Location: source.Location{Source: fake}, Key: logkey.Parse(key), Object: source.Object{Key: key, Size: int64(len(body))},
	}
	close(jobs)
	for r := range reader.Read(t.Context(), reader.Config{MaxObjectSize: 1 << 40, NewTally: func(_, _ string) reader.Tally { return new(noTally) }}, jobs).All() {
		if r.Err != nil && r.Err.Reason == reader.ReasonSize {
			t.Error(r.Err)
		}
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
