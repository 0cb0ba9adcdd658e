package cloudtrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// smallLog has a record, an event of each other kind, and each kind of JSON value.
const smallLog = ` {"a":[1,-2.5e+3,true,false,null,"\u00e9\n",{}],"Records":[` + getObject +
	`,{"eventSource":"kms.amazonaws.com"},7,` + getObject + `],"z":{"y":0}} `

func TestDecoder_ShowsWhereALogWasCut(t *testing.T) {
	log := strings.TrimSpace(smallLog)
	d := NewDecoder(nil)
	before := 0
	for i := range log {
		records := readAll(d, strings.NewReader(log[:i]))
		if len(records) != before && log[i-1] != '}' {
			t.Fatalf("cut at %d: %d records, %d before", i, len(records), before)
		}
		before = len(records)
		var syntax *SyntaxError
		if err := d.Err(); !errors.As(err, &syntax) || !errors.Is(err, io.ErrUnexpectedEOF) || syntax.Offset != int64(i) {
			t.Fatalf("cut at %d: error %v", i, err)
		}
	}
}

func TestDecoder_ReadsLogsOfManyWindows(t *testing.T) {
	data := benchmarkLog(t)
	pretty := new(bytes.Buffer)
	if err := json.Indent(pretty, data, "", "\t"); err != nil {
		t.Fatal(err)
	}
	want := reference(data)
	compare(t, []byte("the compact log"), decode(NewDecoder(nil), bytes.NewReader(data)), want)
	compare(t, []byte("the indented log"), decode(NewDecoder(nil), pretty), want)
}

// eventOf returns getObject with blanks in it, so that it has size bytes.
func eventOf(size int) string {
	return getObject[:1] + strings.Repeat(" ", size-len(getObject)) + getObject[1:]
}

func TestDecoder_SkipsEventsOverTheLimit(t *testing.T) {
	for _, test := range []struct {
		name      string
		event     string
		malformed int64
	}{
		{"256 KB", eventOf(256 << 10), 0},
		{"the limit", eventOf(MaxEvent), 0},
		{"the limit and one", eventOf(MaxEvent + 1), 1},
		{"ten times the limit", eventOf(10 * MaxEvent), 1},
		{"a string at the limit", `{"a":"` + strings.Repeat("x", MaxEvent-len(getObject)-len(`"a":"",`)) + `",` + getObject[1:], 0},
		{"a string over the limit", `{"a":"` + strings.Repeat("x", MaxEvent-len(getObject)-len(`"a":"",`)+1) + `",` + getObject[1:], 1},
		{"a name over the limit", `{"` + strings.Repeat("x", MaxEvent) + `":0,` + getObject[1:], 1},
		{"an escaped type of a resource over the limit", `{"resources":[{"type":"\u0041` + strings.Repeat("x", MaxEvent) + `"}],` + getObject[1:], 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := NewDecoder(nil)
			before := `{"Records":[` + getObject + `,`
			records := readAll(d, strings.NewReader(before+test.event+`,`+getObject+`]}`))
			skipped := d.Skipped()
			if d.Err() != nil || skipped.Malformed != test.malformed || int64(len(records)) != 3-test.malformed {
				t.Fatalf("%d records, %+v, error %v", len(records), skipped, d.Err())
			}
			if first := skipped.First; first != nil && (first.Number != 2 || first.Offset != int64(len(before))) {
				t.Errorf("first malformed: %v", first)
			}
			if size := len(d.scanner.Buf); size > MaxEvent+jsonscan.Padding {
				t.Errorf("the window has %d bytes", size)
			}
		})
	}
}

func TestDecoder_SkipsWhatStandsOutsideOfEventsInItsSmallestWindow(t *testing.T) {
	long := strings.Repeat("x", 4*MaxEvent)
	d := NewDecoder(nil)
	records := readAll(d, strings.NewReader(`{"a":"`+long+`","b":["`+long+`"],"Records":["`+long+`",`+getObject+`,"`+long+`"]}`))
	if len(records) != 1 || d.Err() != nil || d.Skipped().Malformed != 2 {
		t.Fatalf("%d records, %+v, error %v", len(records), d.Skipped(), d.Err())
	}
	if size := len(d.scanner.Buf); size > jsonscan.MinWindow+jsonscan.Padding {
		t.Errorf("the window has %d bytes", size)
	}
}

func TestDecoder_KeepsUnescapedStringsOfOneEventOnly(t *testing.T) {
	key := `"key":"` + strings.Repeat(`\u0041`, 1000) + `"`
	events := slices.Repeat([]json.RawMessage{json.RawMessage(`{"requestParameters":{` + key + `},` + getObject[1:])}, 100)
	d := NewDecoder(nil)
	records := readAll(d, bytes.NewReader(logOf(events...)))
	if len(records) != 100 || len(records[99].Key) != 1000 {
		t.Fatalf("%d records, error %v", len(records), d.Err())
	}
	if size := cap(d.scanner.Scratch); size > 10*1000 {
		t.Errorf("the scratch buffer has %d bytes", size)
	}
}

func TestDecoder_SkipsLongNamesOfADocument(t *testing.T) {
	d := NewDecoder(nil)
	records := readAll(d, strings.NewReader(`{"`+strings.Repeat(`\u0052`, MaxEvent)+`ecords":[1],"Records":[`+getObject+`]}`))
	if len(records) != 1 || d.Err() != nil || d.Skipped().Malformed != 0 {
		t.Fatalf("%d records, %+v, error %v", len(records), d.Skipped(), d.Err())
	}
}

func TestDecoder_ReportsWhereAnEventIsMalformed(t *testing.T) {
	d := NewDecoder(nil)
	before := `{"Records": [` + getObject + `, {"eventSource":"kms.amazonaws.com"},` + "\n"
	readAll(d, strings.NewReader(before+`{"eventSource":"s3.amazonaws.com"}, 7]}`))
	skipped := d.Skipped()
	if skipped.Malformed != 2 || skipped.NotS3 != 1 {
		t.Errorf("%+v", skipped)
	}
	if first := skipped.First; first == nil || first.Number != 3 || first.Offset != int64(len(before)) {
		t.Errorf("first malformed: %v", first)
	}
}

func TestDecoder_ReportsWhereTheSyntaxIsWrong(t *testing.T) {
	for _, test := range []struct {
		input  string
		offset int64
	}{
		{`{"Records":[}`, 12},
		{`{"Records":[{"a" 1}]}`, 17},
		{`{"Records":[{1:1}]}`, 13},
		{`{"Records":[{"a":1,}]}`, 19},
		{`{"a":"` + "\n" + `"}`, 6},
		{`{"a":"\x"}`, 7},
		{`{"a":"\u00g0"}`, 10},
		{`{"a":+1}`, 5},
		{`{"a":01}`, 6},
		{`{"a":1.}`, 7},
		{`{"a":1e}`, 7},
		{`{"a":-}`, 6},
		{`{"a":nul}`, 8},
		{`{"a":True}`, 5},
		{`{"Records":[]}` + strings.Repeat(" ", 2*jsonscan.MinWindow) + `x`, 14 + 2*jsonscan.MinWindow},
	} {
		d := NewDecoder(nil)
		readAll(d, strings.NewReader(test.input))
		var syntax *SyntaxError
		if !errors.As(d.Err(), &syntax) || errors.Is(d.Err(), io.ErrUnexpectedEOF) || syntax.Offset != test.offset {
			t.Errorf("%.40s: error %v, want one at %d", test.input, d.Err(), test.offset)
		}
	}
}

func TestDecoder_KnowsTheEscapesOfJSON(t *testing.T) {
	d := NewDecoder(nil)
	for c := range 256 {
		for _, escape := range []string{`\` + string([]byte{byte(c)}), `\u%c000`, `\u0%c00`, `\u00%c0`, `\u000%c`} {
			escape = strings.Replace(escape, "%c", string([]byte{byte(c)}), 1)
			for _, name := range []string{"userAgent", "other"} {
				data := logOf(json.RawMessage(`{"eventSource":"s3.amazonaws.com","eventTime":"2026-03-04T05:06:07Z","` + name + `":"a` + escape + `b"}`))
				for range 2 { // by member, and by its shape
					compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
				}
			}
		}
	}
}

func TestDecoder_BoundsNestingLikeEncodingJSON(t *testing.T) {
	for _, test := range []struct {
		name   string
		format string
		around int // the depth at which the nest begins
	}{
		{"outside of events", `{"a":%s,"Records":[]}`, 1},
		{"in an event", `{"Records":[{"eventSource":"kms.amazonaws.com","a":%s}]}`, 3},
		{"among events", `{"Records":[%s]}`, 2},
	} {
		for _, over := range []int{0, 1} {
			depth := jsonscan.MaxDepth - test.around + over
			input := fmt.Sprintf(test.format, strings.Repeat("[", depth)+strings.Repeat("]", depth))
			d := NewDecoder(nil)
			readAll(d, strings.NewReader(input))
			if got, want := d.Err() == nil, json.Valid([]byte(input)); got != want || want != (over == 0) {
				t.Errorf("%s, %d over the limit: error %v, encoding/json has %v", test.name, over, d.Err(), want)
			}
		}
		for _, one := range []string{`[1]`, `[]`, `{"b":1}`, `{}`} { // side by side there may be any number
			d := NewDecoder(nil)
			readAll(d, strings.NewReader(fmt.Sprintf(test.format, "["+strings.Repeat(one+",", jsonscan.MaxDepth)+one+"]")))
			if d.Err() != nil {
				t.Errorf("%s, many of %s: %v", test.name, one, d.Err())
			}
		}
	}
}

func TestDecoder_ResetForgetsEveryDocument(t *testing.T) {
	d := NewDecoder(nil)
	for _, before := range documentTests {
		for _, test := range documentTests {
			data := []byte(test.input)
			decode(d, strings.NewReader(before.input))
			compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
			d.Reset(strings.NewReader(before.input))
			d.Next() // and no further
			compare(t, data, decode(d, bytes.NewReader(data)), reference(data))
		}
	}
}
