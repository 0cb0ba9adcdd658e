package cloudwatch

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

const (
	aRecord = `{"schema_version_id":"V_1_0","bucket_name":"b","request_time":"2026-07-02T08:15:27Z"}`
	anEvent = `{"eventVersion":"1.11","eventTime":"2026-07-02T08:15:42Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"e"}`
)

// What the values of an input come to: records of access logs, events, what is skipped and
// the error.
func TestDecoder_LetsEachValueDecideForItself(t *testing.T) {
	envelope := string(logtest.Envelope([]byte(aRecord), []byte(anEvent), []byte("text"), []byte("{'a': 1}")))
	bridged := string(bridged([]byte(anEvent)))
	for name, test := range map[string]struct {
		input            string
		requests, events int
		skipped          record.Skipped
		err              string
	}{
		"events, then records":             {anEvent + aRecord + aRecord, 2, 1, record.Skipped{}, ""},
		"records, then events":             {aRecord + anEvent + anEvent, 1, 2, record.Skipped{}, ""},
		"an envelope, then records":        {envelope + aRecord, 2, 1, record.Skipped{OtherLog: 2}, ""},
		"an envelope, then events":         {envelope + anEvent, 1, 2, record.Skipped{OtherLog: 2}, ""},
		"records, then an envelope":        {aRecord + envelope, 2, 1, record.Skipped{OtherLog: 2}, ""},
		"a log file, then all others":      {`{"Records":[` + anEvent + `]}` + aRecord + envelope + bridged + anEvent, 2, 4, record.Skipped{OtherLog: 2}, ""},
		"an envelope, then a log file":     {envelope + `{"Records":[` + anEvent + `,1]}`, 1, 2, record.Skipped{OtherLog: 2, Malformed: 1}, ""},
		"another log, then records":        {`{"level":1}` + aRecord, 1, 0, record.Skipped{OtherLog: 1}, ""},
		"text, then records":               {"START 1\n" + aRecord + "\nEND 1\n" + anEvent, 1, 1, record.Skipped{OtherLog: 2}, ""},
		"text that begins with a brace":    {"{'a': 1}\n" + aRecord + "\n{\n a: 1\n}\n" + anEvent, 1, 1, record.Skipped{OtherLog: 4}, ""},
		"text with a record in it":         {aRecord + "\n12:00 " + aRecord + "\n" + anEvent, 1, 1, record.Skipped{Malformed: 1}, ""},
		"text that no line feed follows":   {aRecord + "\nSTART 1", 1, 0, record.Skipped{OtherLog: 1}, ""},
		"a byte order mark":                {"\ufeff" + aRecord, 1, 0, record.Skipped{}, ""},
		"numbers and strings":              {aRecord + "\n1\n\"x\"\nnull\n" + aRecord, 2, 0, record.Skipped{OtherLog: 3}, ""},
		"text behind an object":            {aRecord + " text\n" + aRecord, 1, 0, record.Skipped{}, "invalid JSON at byte 86: want an object, or text in a line of its own"},
		"one bracket too many":             {aRecord + "}\n", 1, 0, record.Skipped{}, "invalid JSON at byte 85: want an object, or text in a line of its own"},
		"an object of no log, cut":         {aRecord + `{"a":`, 1, 0, record.Skipped{}, "invalid JSON at byte 90: unexpected end"},
		"nothing before what is cut":       {`{"schema_version_id"`, 0, 0, record.Skipped{}, "invalid JSON at byte 20: unexpected end; no value is of a log that is read: not a log"},
		"an envelope of others, and text":  {string(logtest.Envelope([]byte("x"))) + "\ntext", 0, 0, record.Skipped{OtherLog: 2}, "no value is of a log that is read: not a log"},
		"envelopes of others":              {string(logtest.Envelope([]byte("x"), []byte("{'a': 1}"))), 0, 0, record.Skipped{OtherLog: 2}, "records of other logs alone: not a log"},
		"notifications are no log files":   {`{"Records":[{"Sns":{}},{"Sns":{}}]}` + aRecord, 1, 0, record.Skipped{OtherLog: 2}, ""},
		"members of logs in other objects": {`{"a":{"eventVersion":1,"Records":[` + anEvent + `]},"b":[` + aRecord + `]}` + aRecord, 1, 0, record.Skipped{OtherLog: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(strings.NewReader(test.input))
			requests, events := 0, 0
			for d.Next() {
				if d.Record().Log == record.CloudTrail {
					events++
				} else {
					requests++
				}
			}
			got, message := d.Skipped(), ""
			got.First = nil
			if d.Err() != nil {
				message = d.Err().Error()
			}
			if requests != test.requests || events != test.events || got != test.skipped || message != test.err {
				t.Errorf("%d requests, %d events, %+v, %q\nwant %d, %d, %+v, %q", requests, events, got, message, test.requests, test.events, test.skipped, test.err)
			}
		})
	}
}

// Where the first malformed one stands among values, events, messages and lines, is counted in
// all of them.
func TestDecoder_NumbersAllThatItReads(t *testing.T) {
	input := aRecord + `{"Records":[` + anEvent + `,` + anEvent + `]}` + "\ntext\n" + string(logtest.Envelope([]byte(aRecord), []byte("x"))) + "{}" +
		strings.Replace(aRecord, "2026", "x", 1) + anEvent
	d := NewDecoder(strings.NewReader(input))
	var numbers []int64
	for d.Next() {
		numbers = append(numbers, d.Record().Number)
	}
	first := d.Skipped().First
	want := []int64{1, 2, 3, 5, 9}
	if len(numbers) != len(want) || first == nil || first.Number != 8 || first.Offset != int64(strings.Index(input, `{}{`)+2) {
		t.Fatalf("numbers %v, first malformed %v", numbers, first)
	}
	for i := range want {
		if numbers[i] != want[i] {
			t.Errorf("numbers %v, want %v", numbers, want)
		}
	}
}

// Whatever somebody writes there, the Decoder's memory stays in its bounds, and what is too
// long is seen.
func TestDecoder_ReadsHostileValuesInBoundedMemory(t *testing.T) {
	long := strings.Repeat("x", 3*jsonscan.MaxHeld)
	for name, test := range map[string]struct {
		input     string
		records   int
		malformed int64
		others    int64
	}{
		"a long line":                        {long + "\n" + aRecord, 1, 1, 0},
		"a long object of no log":            {`{"a":"` + long + `"}` + aRecord, 1, 0, 1},
		"a long record":                      {`{"schema_version_id":"` + long + `"}` + aRecord, 1, 1, 0},
		"a record with much before it":       {`{"a":"` + long + `",` + aRecord[1:] + aRecord, 1, 1, 0},
		"a log file with much before it":     {`{"a":"` + long + `","Records":[` + anEvent + `]}` + aRecord, 2, 0, 0},
		"an envelope with much before it":    {`{"a":"` + long + `",` + string(logtest.Envelope([]byte(aRecord)))[1:] + aRecord, 2, 0, 0},
		"a long name":                        {`{"` + long + `":1}` + aRecord, 1, 0, 1},
		"names of escapes without end":       {`{` + strings.Repeat(`"\u0061":1,`, jsonscan.MaxHeld/4) + `"b":1}` + aRecord, 1, 0, 1},
		"a long log file":                    {`{"Records":[` + strings.Repeat(anEvent+",", 20_000) + anEvent + `]}` + aRecord, 20_002, 0, 0},
		"white space without end":            {strings.Repeat(" ", len(long)) + aRecord + strings.Repeat(" ", len(long)) + "\n" + aRecord, 2, 0, 0},
		"a brace with white space behind it": {"{" + strings.Repeat(" ", 1000) + "x\n" + aRecord, 1, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(nil)
			for _, in := range []io.Reader{strings.NewReader(test.input), io.MultiReader(strings.NewReader(test.input[:1]), strings.NewReader(test.input[1:]))} {
				d.Reset(in)
				records := 0
				for d.Next() {
					records++
				}
				if s := d.Skipped(); d.Err() != nil || records != test.records || s.Malformed != test.malformed || s.OtherLog != test.others {
					t.Errorf("%d records, %+v, error %v", records, s, d.Err())
				}
			}
			if size := len(d.scanner.Buf) + cap(d.scanner.Scratch); size > 4*jsonscan.MaxHeld {
				t.Errorf("the Decoder holds %d bytes", size)
			}
		})
	}
}

// A prefilter is asked of each record, whatever it lies in, and of nothing else.
func TestDecoder_AsksThePrefilterOfEachRecord(t *testing.T) {
	d := NewDecoder(strings.NewReader(aRecord + "\ntext\n" + anEvent + `{"Records":[` + anEvent + `]}{"a":1}` + string(logtest.Envelope([]byte(aRecord))) + string(bridged([]byte(anEvent)))))
	asked := map[string]int{}
	d.Prefilter(func(raw []byte) bool {
		asked[string(raw)]++
		return false
	})
	if d.Next() || d.Err() != nil || len(asked) != 2 || asked[aRecord] != 2 || asked[anEvent] != 3 || d.Skipped().OtherLog != 2 {
		t.Errorf("%v, %+v, %v", asked, d.Skipped(), d.Err())
	}
	d.Reset(strings.NewReader(aRecord + `{"a`)) // it is no less a log
	if d.Next() || errors.Is(d.Err(), record.ErrNotLog) || !errors.As(d.Err(), new(*jsonscan.SyntaxError)) {
		t.Error(d.Err())
	}
}

// benchmarks are logs of one kind, and the decoders that read nothing else.
func benchmarks(tb testing.TB) map[string]struct {
	own func() record.Decoder
	log []byte
} {
	tb.Helper()
	raws := readFixture(tb, "testdata/messages.txt")
	log := func(raw []byte) []byte { return bytes.Repeat(append(bytes.Clone(raw), '\n'), 2000) }
	file := slices.Concat([]byte(`{"Records":[`), bytes.Repeat(append(bytes.Clone(raws[10].Raw), ','), 2000), raws[10].Raw, []byte(`]}`))
	return map[string]struct {
		own func() record.Decoder
		log []byte
	}{
		"records":  {func() record.Decoder { return accesslogjson.NewDecoder(nil) }, log(raws[0].Raw)},
		"events":   {func() record.Decoder { return cloudtrail.NewEventDecoder(nil) }, log(raws[10].Raw)},
		"log file": {func() record.Decoder { return cloudtrail.NewDecoder(nil) }, file},
	}
}

// BenchmarkDecoder measures how long the Decoder takes for logs of one kind, as part of the
// time of the decoder of that kind alone.
func BenchmarkDecoder(b *testing.B) {
	for name, of := range benchmarks(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(of.log)))
			anything, own := decodertest.InTurn(b, decodertest.Decoding(b, NewDecoder(nil), of.log, nil), decodertest.Decoding(b, of.own(), of.log, nil))
			b.ReportMetric(anything/own, "x-own")
		})
	}
}
