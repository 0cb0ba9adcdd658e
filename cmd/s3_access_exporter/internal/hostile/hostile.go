// Package hostile shows texts that others have written, such as object keys and user
// agents, so that they are seen and not obeyed: by a terminal, a page, a spreadsheet or a
// reader's eyes.
package hostile

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Deceives reports whether a character does something instead of being shown: a control
// character, which terminals obey, or one that changes the direction in which its
// neighbours are shown (Unicode Standard Annex 9, section 2).
func Deceives(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }

// Visible makes every character of a text visible: those that cannot be seen, or that
// deceive, become Go's escapes.
func Visible(text string) string {
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		text = text[size:]
	}
	return b.String()
}

// Quoted returns a text as it is if every character of it is visible, and else quoted
// as in Go.
func Quoted(text string) string {
	for _, c := range text {
		if !strconv.IsPrint(c) {
			return strconv.Quote(text)
		}
	}
	return text
}

// Cell returns a text for a cell of comma-separated values, which have no escapes:
// characters that deceive become U+FFFD, and where a spreadsheet would take the text for
// a formula, an apostrophe stands in front of it. Some spreadsheets leave out blanks and
// byte order marks before a formula.
// https://owasp.org/www-community/attacks/CSV_Injection
func Cell(text string) string {
	const formula = "=+-@\uff1d\uff0b\uff0d\uff20" // also as full-width characters
	if !plain(text) {
		text = strings.Map(func(c rune) rune {
			if Deceives(c) {
				return utf8.RuneError
			}
			return c
		}, text)
	}
	shown := strings.TrimLeftFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == '\ufeff' })
	if first, _ := utf8.DecodeRuneInString(shown); strings.ContainsRune(formula, first) && shown != "" {
		return "'" + text
	}
	return text
}

// plain reports whether a text is ASCII without control characters, as nearly all are.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// AppendJSON appends a text that is JSON already, or part of it, in which characters
// that deceive become JSON's escapes. Ends of lines stay.
func AppendJSON(dst []byte, json string) []byte {
	for _, c := range json {
		if c != '\n' && Deceives(c) {
			dst = fmt.Appendf(dst, `\u%04x`, c) // all of them are below U+10000
		} else {
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}

// JSONWriter returns a writer of whole lines of JSON, which passes them on to w by way
// of AppendJSON.
func JSONWriter(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(p []byte) (int, error) {
	if _, err := j.w.Write(AppendJSON(nil, string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
