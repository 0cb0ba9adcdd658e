package accesslogjson

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// least is the least that makes a record.
const least = `{"bucket_name":"b","request_time":"2026-07-02T08:15:27Z"}`

var inputs = map[string]string{
	"one":                    least,
	"lines":                  least + "\n" + least + "\n",
	"carriage returns":       least + "\r\n\r\n" + least,
	"one behind the other":   least + least + least,
	"other logs among them":  `{"version":2,"action":"ACCEPT"}` + least + `{}` + `{"bucket_name":"b"}{"request_time":"x"}`,
	"nulls are not there":    `{"bucket_name":null,"request_time":"2026-07-02T08:15:27Z"}` + least,
	"other logs alone":       `{"version":2,"action":"ACCEPT"}{}`,
	"an envelope":            `{"messageType":"DATA_MESSAGE","logEvents":[{"message":"{}"}]}`,
	"a CloudTrail file":      `{"Records":[` + least + `]}`,
	"an array of records":    `[` + least + `]`,
	"values that are none":   `1 "a" null ` + least,
	"nothing":                "",
	"white space alone":      " \n\n",
	"byte order mark":        "\ufeff" + least,
	"text":                   "REST.GET.OBJECT",
	"a comma between":        least + "," + least,
	"cut off":                least + least[:30],
	"broken in what is none": `{"version":02}` + least,
	"zeros behind":           least + "\x00",
	"no comma":               `{"bucket_name":"b";"request_time":"2026-07-02T08:15:27Z"}`,
	"two commas":             `{"bucket_name":"b",,"request_time":"2026-07-02T08:15:27Z"}`,
	"a comma at the end":     least[:len(least)-1] + ",}",
	"another bracket":        least[:len(least)-1] + "]",
	"a zero before a number": least[:len(least)-1] + `,"http_status":0200}`,
	"a number without end":   least[:len(least)-1] + `,"http_status":200`,
	"a number in a name":     least[:len(least)-1] + `,"http_status":200"error_code":null}`,
	"a literal cut off":      least[:len(least)-1] + `,"acl_required":tru}`,
	"a literal too long":     least[:len(least)-1] + `,"acl_required":truee}`,
	"a control character":    least[:len(least)-1] + ",\"host_id\":\"\n\"}",
	"an escape that is none": least[:len(least)-1] + `,"host_id":"\x"}`,
}

func TestDecoder_AgreesWithEncodingJSON(t *testing.T) {
	d := NewDecoder(nil)
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			compare(t, []byte(input), decode(d, strings.NewReader(input)), reference([]byte(input)))
		})
	}
	for _, raw := range allTraps(t) {
		compare(t, raw, decode(d, bytes.NewReader(raw)), reference(raw))
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, raw, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		compare(t, pretty.Bytes(), decode(d, bytes.NewReader(pretty.Bytes())), reference(raw))
	}
	for _, separator := range []string{"", "\n", " \r\n\t"} {
		log := bytes.Join(allTraps(t), []byte(separator))
		if separator == "" {
			log = bytes.ReplaceAll(log, []byte("17{"), []byte("17 {"))
			log = bytes.ReplaceAll(log, []byte("null["), []byte("null ["))
		}
		want := reference(log)
		if len(want.records) < 30 || want.skipped.Malformed < 10 || want.err != "" {
			t.Fatalf("%d records, %+v, error %s: the fixtures show too little", len(want.records), want.skipped, want.err)
		}
		for _, r := range []io.Reader{bytes.NewReader(log), iotest.OneByteReader(bytes.NewReader(log)), iotest.HalfReader(bytes.NewReader(log))} {
			compare(t, log, decode(d, r), want)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, raw := range allTraps(f) {
		f.Add(raw)
	}
	for _, input := range inputs {
		f.Add([]byte(input))
	}
	d := NewDecoder(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		want := reference(data)
		compare(t, data, decode(d, bytes.NewReader(data)), want)
		if len(data) < 1024 {
			compare(t, data, decode(d, iotest.OneByteReader(bytes.NewReader(data))), want)
		}
	})
}

func TestDecoder_SkipsRecordsOverTheLimit(t *testing.T) {
	of := func(size int) string {
		return `{"a":"` + strings.Repeat("x", size-len(least)-len(`"a":"",`)) + `",` + least[1:]
	}
	for name, test := range map[string]struct {
		record    string
		malformed int64
	}{
		"the limit":           {of(MaxRecord), 0},
		"the limit and one":   {of(MaxRecord + 1), 1},
		"ten times the limit": {of(10 * MaxRecord), 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(nil)
			got := decode(d, strings.NewReader(least+test.record+least))
			if got.err != "" || got.skipped.Malformed != test.malformed || int64(len(got.records)) != 3-test.malformed {
				t.Fatalf("%d records, %+v, error %s", len(got.records), got.skipped, got.err)
			}
			if first := got.skipped.First; first != nil && (first.Number != 2 || first.Offset != int64(len(least))) {
				t.Errorf("first malformed: %v", first)
			}
			if size := len(d.scanner.Buf); size > MaxRecord+jsonscan.Padding {
				t.Errorf("the window has %d bytes", size)
			}
		})
	}
}

// Whatever somebody writes there, the Decoder's memory stays in its bounds.
func TestDecoder_ReadsHostileJSONInBoundedMemory(t *testing.T) {
	const much = 4 << 20
	repeat := func(before, again, behind string) io.Reader {
		return io.MultiReader(strings.NewReader(before), io.LimitReader(&endless{text: again}, int64(much/len(again)*len(again))), strings.NewReader(behind))
	}
	for name, test := range map[string]struct {
		input io.Reader
		err   string
	}{
		"nested too deep":       {repeat(`{"a":`, `[`, ``), "syntax"},
		"nested objects":        {repeat(``, `{"a":`, ``), "syntax"},
		"a string without end":  {repeat(`{"bucket_name":"`, `x`, ``), "syntax"},
		"a name without end":    {repeat(`{"`, `\u0062`, ``), "syntax"},
		"a number without end":  {repeat(`{"http_status":1`, `0`, `}`), "not a log"},
		"the same name forever": {repeat(`{`, `"bucket_name":"\u0062",`, `"request_time":"2026-07-02T08:15:27Z"}`+least), ""},
		"escapes alone":         {repeat(`{"user_agent":"`, `\ud83d\ude00`, `"}`+least), ""},
		"white space":           {repeat(least, " \n", least), ""},
		"empty objects":         {repeat(``, `{}`, least), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(nil)
			if got := decode(d, test.input); got.err != test.err {
				t.Errorf("error %q, want %q", got.err, test.err)
			}
			if size := len(d.scanner.Buf) + cap(d.scanner.Scratch) + cap(d.scanner.Passed); size > 3*MaxRecord {
				t.Errorf("the Decoder holds %d bytes", size)
			}
		})
	}
}

// endless is a text again and again.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at]
		e.at = (e.at + 1) % len(e.text)
	}
	return len(p), nil
}
