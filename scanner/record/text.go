package record

import (
	"bytes"
	"unicode/utf8"
)

// ValidText returns a text as it is shown: valid UTF-8 in which every run of U+FFFD, and of
// bytes that are no UTF-8, is one U+FFFD. Who rewrites such a text, as query engines do,
// writes one for each byte or one for all, and a log may hold some of its own. The text
// itself is returned if there is nothing to replace; it is never changed.
func ValidText(text []byte) []byte {
	const unknown = string(utf8.RuneError)
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte(unknown))
	}
	for bytes.Contains(text, []byte(unknown+unknown)) {
		text = bytes.ReplaceAll(text, []byte(unknown+unknown), []byte(unknown))
	}
	return text
}
