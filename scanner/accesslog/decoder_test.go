package accesslog

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// line is a line of the layout of today, without its line feed.
const line = `0123abcd example-bucket [14/Nov/2026:09:15:27 +0000] 192.0.2.10 - 79A5 REST.GET.OBJECT key "GET /key HTTP/1.1" ` +
	`200 - 5 5 3 2 "-" "curl/8.5.0" - aG9zdA== - TLS_AES_128_GCM_SHA256 - example.com TLSv1.3 - - -`

// longLine returns a line of n bytes, without its line feed.
func longLine(n int) string {
	const filler = "curl/8.5.0"
	return strings.Replace(line, filler, strings.Repeat("x", n-len(line)+len(filler)), 1)
}

func TestDecoder_TakesAnyEndOfLine(t *testing.T) {
	for name, log := range map[string]string{
		"line feed":               line + "\n" + line + "\n",
		"no line feed at the end": line + "\n" + line,
		"carriage return":         line + "\r\n" + line + "\r\n",
		"trailing space":          line + " \n" + line + "  \r\n",
		"blank lines":             "\n\r\n" + line + "\n \n\n" + line + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			records, skipped, err := decodeAll(strings.NewReader(log))
			if len(records) != 2 || skipped != (record.Skipped{}) || err != nil {
				t.Fatalf("%d records, skipped %+v, error %v; want 2 records", len(records), skipped, err)
			}
			if !reflect.DeepEqual(records[0], records[1]) || records[1].Host != "example.com" {
				t.Errorf("records %+v and %+v, want the same twice", records[0], records[1])
			}
		})
	}
}

func TestDecoder_ReportsWhereTheFirstMalformedLineStands(t *testing.T) {
	log := "\n" + line + "\nbroken\nbroken too\n" + line + "\n"
	records, skipped, err := decodeAll(strings.NewReader(log))
	if len(records) != 2 || skipped.Malformed != 2 || err != nil {
		t.Fatalf("%d records, %d malformed, error %v", len(records), skipped.Malformed, err)
	}
	want := record.MalformedError{Number: 3, Offset: int64(len(line) + 2), Reason: "bucket"}
	if *skipped.First != want {
		t.Errorf("first malformed line %+v, want %+v", *skipped.First, want)
	}
}

func TestDecoder_SkipsOnlyLinesOverTheLimit(t *testing.T) {
	for _, test := range []struct {
		length    int
		end       string
		malformed int64
	}{
		{MaxLine, "\n" + line + "\n", 0},
		{MaxLine, "", 0},
		{MaxLine + 1, "\n" + line + "\n", 1},
		{MaxLine + 1, "", 1},
		{MaxLine + 2, "\n" + line, 1},
		{5*MaxLine + 7, "\n" + line + "\n", 1},
	} {
		t.Run(fmt.Sprintf("%d %q", test.length, test.end[:min(len(test.end), 1)]), func(t *testing.T) {
			log := line + "\n" + longLine(test.length) + test.end
			for name, reader := range map[string]io.Reader{
				"data before the end":    strings.NewReader(log),
				"data with the end":      iotest.DataErrReader(strings.NewReader(log)),
				"data in small portions": iotest.HalfReader(strings.NewReader(log)),
			} {
				records, skipped, err := decodeAll(reader)
				if err != nil {
					t.Fatal(name, err)
				}
				if got, want := len(records)+int(skipped.Malformed), 2+strings.Count(test.end, line); got != want {
					t.Errorf("%s: %d lines, want %d", name, got, want)
				}
				if skipped.Malformed != test.malformed {
					t.Fatalf("%s: %d malformed lines, want %d", name, skipped.Malformed, test.malformed)
				}
				want := record.MalformedError{Number: 2, Offset: int64(len(line) + 1), Reason: "line too long"}
				if test.malformed > 0 && *skipped.First != want {
					t.Errorf("%s: first malformed line %+v, want %+v", name, *skipped.First, want)
				}
			}
		})
	}
}

func TestDecoder_GrowsItsBufferOnlyAsLinesNeed(t *testing.T) {
	for _, test := range []struct {
		length    int // of a line without its line feed
		size      int // of the buffer then
		malformed int64
	}{
		{minBuffer - 1, minBuffer, 0},
		{minBuffer, 2 * minBuffer, 0},
		{2*minBuffer - 1, 2 * minBuffer, 0},
		{2 * minBuffer, 4 * minBuffer, 0},
		{MaxLine - 1, MaxLine, 0},
		{MaxLine, maxBuffer, 0},
		{MaxLine + 1, maxBuffer, 1},
		{3 * MaxLine, maxBuffer, 1},
	} {
		t.Run(fmt.Sprint(test.length), func(t *testing.T) {
			// What follows the long line is in the small buffer already.
			log := line + "\n" + longLine(test.length) + "\n" + line + "\nbroken\n" + line
			for name, reader := range map[string]io.Reader{
				"at once":           strings.NewReader(log),
				"data with the end": iotest.DataErrReader(strings.NewReader(log)),
				"small portions":    iotest.HalfReader(strings.NewReader(log)),
			} {
				d := NewDecoder(reader)
				records := 0
				for d.Next() {
					records++
				}
				skipped, err := d.Skipped(), d.Err()
				if int64(records) != 4-test.malformed || skipped.Malformed != 1+test.malformed || err != nil {
					t.Errorf("%s: %d records, skipped %+v, error %v", name, records, skipped, err)
				}
				want := record.MalformedError{Number: 4, Offset: int64(strings.Index(log, "broken")), Reason: "bucket"}
				if test.malformed == 0 && *skipped.First != want {
					t.Errorf("%s: first malformed line %+v, want %+v", name, *skipped.First, want)
				}
				if got := d.in.Size(); got != test.size {
					t.Errorf("%s: the buffer has %d bytes, want %d", name, got, test.size)
				}
			}
		})
	}
}

func TestDecoder_ReturnsAnErrorWithinALongLine(t *testing.T) {
	broken := errors.New("broken")
	for length, malformed := range map[int]int64{minBuffer: 0, 3 * minBuffer: 0, MaxLine: 0, 2 * MaxLine: 1} {
		log := io.MultiReader(strings.NewReader(longLine(length)), iotest.ErrReader(broken))
		records, skipped, err := decodeAll(log)
		if len(records) != 0 || skipped.Malformed != malformed || !errors.Is(err, broken) {
			t.Errorf("%d bytes: %d records, skipped %+v, error %v", length, len(records), skipped, err)
		}
	}
}

func TestDecoder_FillsOnlyWhatTheLogContains(t *testing.T) {
	d := NewDecoder(strings.NewReader(line))
	if !d.Next() {
		t.Fatal(d.Skipped().First)
	}
	r := d.Record()
	if r.Log != record.ServerAccess {
		t.Errorf("log %v, want %v", r.Log, record.ServerAccess)
	}
	if r.AccountID != nil || r.Region != nil || r.InvokedBy != nil || r.EventID != nil || r.SharedEventID != nil {
		t.Errorf("record %+v has what a line has not", r)
	}
}

// A carriage return ends no line by itself. But lines that it parts are never taken for one
// request: they are malformed, whatever stands in them, and whichever come first.
func TestDecoder_NeverTakesLinesPartedByACarriageReturnForOneRequest(t *testing.T) {
	var sound []string
	for _, path := range fixturePaths(t) {
		for _, trap := range readFixture(t, path) {
			text := strings.TrimRight(string(trap.Raw), " \r")
			if records, _, _ := decodeAll(strings.NewReader(text)); len(records) == 1 {
				sound = append(sound, text)
			}
		}
	}
	sound = append(sound, "Record format: [a b c]")
	d := NewDecoder(nil)
	for i, first := range sound {
		for _, parted := range [][]string{
			{first, sound[(i+1)%len(sound)]},
			{first, first, line},
			{first, sound[(i+7)%len(sound)], sound[(i*3)%len(sound)]},
			{first, "", line},
			{first[:len(first)*(i%10)/10], line, first},
		} {
			for range 2 { // the second time it knows the lines
				d.Reset(strings.NewReader(strings.Join(parted, "\r") + "\r\n" + line))
				if !d.Next() || string(d.Record().Raw) != line || d.Next() || d.Skipped().Malformed != 1 {
					t.Fatalf("%q: skipped %+v", parted, d.Skipped())
				}
			}
		}
	}
	d.Reset(strings.NewReader(line + "\r" + line + "\r" + line + "\r"))
	if d.Next() || !errors.Is(d.Err(), record.ErrNotLog) {
		t.Errorf("a log whose lines carriage returns end: error %v, want one that shows that it is none", d.Err())
	}
}
