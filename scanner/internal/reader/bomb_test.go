package reader_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
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

// Whatever an object unpacks to, and were it larger than all memory, it is read within the
// same memory: what is allocated does not grow with it, apart from its bytes as stored.
func TestRead_MemoryDoesNotGrowWithWhatABombUnpacksTo(t *testing.T) {
	const small, large, slack = 8 << 20, 48 << 20, 1 << 20
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	record := string(logtest.AccessJSON(at, "r"))
	const envelope = `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logEvents":[`
	free, text := "a/2026/07/02/08/x", logtest.SimpleKey(at, "A")
	trail := logtest.TrailKey("AWSLogs/111122223333/CloudTrail/us-east-1/", "111122223333", "us-east-1", at, "x")
	for name, test := range map[string]struct {
		key, begin, text string
		times            int
	}{
		"records":                          {free, record, record, 1},
		"records, compressed twice":        {free, record, record, 2},
		"a string without end":             {free, record + `{"user_agent":"`, "x", 2},
		"escapes without end":              {free, record + `{"user_agent":"`, `\u0000`, 1},
		"members without end":              {free, record + `{"a":1`, `,"bucket_name":"b"`, 1},
		"brackets":                         {free, record, "[", 1},
		"white space":                      {free, record, " ", 1},
		"messages without end":             {free, envelope, `{"message":"{}"},`, 1},
		"a message without end":            {free, envelope + `{"message":"`, "x", 1},
		"envelopes":                        {free, envelope + `]}`, envelope + `]}`, 1},
		"events in envelopes, control":     {free, logtest.ControlMessage, logtest.ControlMessage, 2},
		"CloudTrail, a string without end": {trail, `{"Records":[{"eventName":"`, "x", 1},
		"CloudTrail, events without end":   {trail, `{"Records":[{}`, ",{}", 1},
		"text, a line without end":         {text, string(logtest.AccessLog(at, "r")), "x", 1},
		"text, empty lines":                {text, string(logtest.AccessLog(at, "r")), "\n", 1},
		"zeros":                            {free, "", "\x00", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var took [2]uint64
			for i, size := range []int64{small, large} {
				body := packed(t, test.begin, test.text, size, test.times)
				stored := 3 * uint64(len(body)) // which a fake bucket copies
				took[i] = max(allocated(t, test.key, body), stored) - stored
			}
			if took[1] > took[0]+slack {
				t.Errorf("%d bytes are allocated for %d, and %d for %d", took[1], large, took[0], small)
			}
		})
	}
}
