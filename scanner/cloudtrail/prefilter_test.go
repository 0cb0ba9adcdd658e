package cloudtrail

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func never([]byte) bool { return false }

func TestPrefilter_HidesNoSyntaxError(t *testing.T) {
	d := NewDecoder(nil)
	d.Prefilter(never)
	for _, test := range documentTests {
		if got := decode(d, strings.NewReader(test.input)); got.err != test.err || len(got.records) > 0 {
			t.Errorf("%s: %d records and error %q, want %q", test.name, len(got.records), got.err, test.err)
		}
	}
	log := logOf(readFixture(t, "testdata/signatures.json")...)
	for i := range log {
		readAll(d, bytes.NewReader(log[:i]))
		var syntax *SyntaxError
		if err := d.Err(); !errors.As(err, &syntax) || syntax.Offset != int64(i) {
			t.Fatalf("cut at %d: error %v", i, err)
		}
	}
}

func TestPrefilter_IsNotAskedForEventsOverTheLimit(t *testing.T) {
	d := NewDecoder(nil)
	d.Prefilter(func(raw []byte) bool {
		if len(raw) > MaxEvent {
			t.Errorf("an event of %d bytes", len(raw))
		}
		return true
	})
	records := readAll(d, strings.NewReader(`{"Records":[`+eventOf(MaxEvent)+`,`+eventOf(MaxEvent+1)+`]}`))
	if len(records) != 1 || d.Skipped().Malformed != 1 || d.Err() != nil {
		t.Errorf("%d records, %+v, error %v", len(records), d.Skipped(), d.Err())
	}
}
