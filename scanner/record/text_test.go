package record_test

import (
	"bytes"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestValidText_ShowsEveryRunOfWhatIsUnknownAsOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"ünïcödé 日本":         "ünïcödé 日本",
		"a\xffb":             "a\uFFFDb",
		"a\xff\xfe\xfdb\xff": "a\uFFFDb\uFFFD",
		"\uFFFD\uFFFD\uFFFD": "\uFFFD",
		"\uFFFD\xff\uFFFD!":  "\uFFFD!",
		"\xe2\x82":           "\uFFFD",
	} {
		given := []byte(text)
		got := record.ValidText(given)
		if string(got) != want || string(record.ValidText(got)) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if !bytes.Equal(given, []byte(text)) {
			t.Errorf("%q has been changed to %q", text, given)
		}
	}
}
