package classify

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// What is plain needs no cleaning, and so does every byte of it.
func TestIsPlain_HasNothingThatCleanWouldChange(t *testing.T) {
	for c := range 256 {
		text := "a" + string([]byte{byte(c)})
		plain := utf8.ValidString(text) && !unicode.IsControl(rune(c)) && c < utf8.RuneSelf
		if isPlain(text) != plain {
			t.Errorf("%q: %v, want %v", text, isPlain(text), plain)
		}
		if got := clean(text); plain && got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
