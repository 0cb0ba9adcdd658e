//go:build !race

// What is allocated does not depend on the race detector, with which this takes minutes.

package reader_test

import (
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

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
