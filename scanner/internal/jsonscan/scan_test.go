package jsonscan

import (
	"bytes"
	"regexp"
	"testing"
	"time"
)

func TestIndexSpecial_FindsEveryByteThatIsNotPlain(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			// The bytes before have high bits already, and the byte behind is one
			// that a borrow would spoil.
			b := append(bytes.Repeat([]byte{0x80}, at), byte(c), '#', '"')
			b = append(b, make([]byte, Padding)...)
			want := at + 2
			if c < ' ' || c == '"' || c == '\\' {
				want = at
			}
			if got := IndexSpecial(b, 0); got != want {
				t.Errorf("%q: %d, want %d", b, got, want)
			}
		}
	}
}

func TestParseTime_TakesTheFormOfRFC3339(t *testing.T) {
	for _, test := range []struct {
		in string
		ok bool
	}{
		{"2026-03-04T05:06:07Z", true},
		{"2024-02-29T23:59:59Z", true},
		{"1969-12-31T23:59:59Z", true},
		{"0000-01-01T00:00:00Z", true},
		{"9999-12-31T23:59:59Z", true},
		{"2026-03-04T05:06:07.1Z", true},
		{"2026-03-04T05:06:07.1234567890123Z", true},
		{"2026-03-04T05:06:07+23:59", true},
		{"2026-03-04T05:06:07.5-00:30", true},
		{"", false},
		{"2026-03-04T05:06:07", false},
		{"2026-03-04T05:06:07z", false},
		{"2026-03-04t05:06:07Z", false},
		{"2026-03-04T05:06:07.Z", false},
		{"2026-03-04T05:06:07,1Z", false},
		{"2026-03-04T05:06:07ZZ", false},
		{"2026-03-04T5:06:07Z", false},
		{"2026-3-04T05:06:07Z", false},
		{"2026-03-04T05:06:60Z", false},
		{"2026-03-04T05:60:07Z", false},
		{"2026-03-04T24:06:07Z", false},
		{"2026-00-04T05:06:07Z", false},
		{"2026-13-04T05:06:07Z", false},
		{"2026-03-00T05:06:07Z", false},
		{"2025-02-29T05:06:07Z", false},
		{"2026-03-04T05:06:07+24:00", false},
		{"2026-03-04T05:06:07+00:60", false},
		{"2026-03-04T05:06:07+0530", false},
		{"2026-03-04T05:06:07 05:30", false},
		{"12026-03-04T05:06:07Z", false},
		{"2026/03/04T05:06:07Z", false},
	} {
		got, ok := ParseTime([]byte(test.in))
		want, wantOK := referenceTime(test.in)
		if ok != test.ok || ok != wantOK || ok && got != want {
			t.Errorf("%q: %d, %v, want %d, %v", test.in, got, ok, want, test.ok)
		}
	}
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func referenceTime(s string) (unix int64, ok bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t.Unix(), err == nil && rfc3339.MatchString(s)
}
