package cloudtrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// isGet is a prefilter as a question for GetObject may have it.
func isGet(raw []byte) bool { return bytes.Contains(raw, []byte(`GetObject`)) }

func never([]byte) bool { return false }

// allEvents returns the events of all fixtures.
func allEvents(tb testing.TB) []json.RawMessage {
	tb.Helper()
	var events []json.RawMessage
	for _, path := range fixturePaths(tb) {
		events = append(events, readFixture(tb, path)...)
	}
	return events
}

func TestPrefilter_GivesWhatTheEventsThatPassGive(t *testing.T) {
	events := allEvents(t)
	var passing []json.RawMessage
	for _, event := range events {
		if event[0] != '{' || isGet(event) { // what is no object is malformed, and nobody asks
			passing = append(passing, event)
		}
	}
	want := reference(logOf(passing...))
	if len(want.records) == 0 || want.skipped.Malformed == 0 || len(passing) == len(events) {
		t.Fatalf("of %d events %d pass, %d records, %+v", len(events), len(passing), len(want.records), want.skipped)
	}
	want.skipped.First = nil // the number of an event counts those that are passed over
	data := logOf(events...)
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(data),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(data)),
		"by halves":    iotest.HalfReader(bytes.NewReader(data)),
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(nil)
			d.Prefilter(isGet)
			got := decode(d, r)
			got.skipped.First = nil
			compare(t, data, got, want)
		})
	}
}

func TestPrefilter_SeesEachEventAsItStands(t *testing.T) {
	var want [][]byte
	for _, event := range allEvents(t) {
		if event[0] == '{' {
			want = append(want, event)
		}
	}
	var got [][]byte
	d := NewDecoder(nil)
	d.Prefilter(func(raw []byte) bool {
		got = append(got, bytes.Clone(raw))
		return false
	})
	if records := readAll(d, bytes.NewReader(logOf(allEvents(t)...))); len(records) > 0 || d.Err() != nil {
		t.Errorf("%d records, error %v", len(records), d.Err())
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d events were seen, want %d, or they differ", len(got), len(want))
	}
}

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

func TestPrefilter_HoldsAcrossResetUntilItIsTakenAway(t *testing.T) {
	d := NewDecoder(nil)
	d.Prefilter(never)
	for range 2 {
		if n := len(readAll(d, strings.NewReader(smallLog))); n != 0 || d.Skipped().Malformed != 1 || d.Skipped().NotS3 != 0 {
			t.Errorf("%d records, %+v", n, d.Skipped())
		}
	}
	d.Prefilter(nil)
	if n := len(readAll(d, strings.NewReader(smallLog))); n != 2 || d.Skipped().NotS3 != 1 {
		t.Errorf("without it: %d records, %+v", n, d.Skipped())
	}
}
