package hostile

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

// deceiving are the characters of which no output may have one, but for ends of lines.
func deceiving() []rune {
	return []rune{
		0, '\a', '\b', '\t', '\n', '\v', '\r', 0x1b, 0x7f, 0x85, 0x9b, // C0, DEL and C1
		0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
	}
}

func TestDeceives_KnowsControlsAndBidirectionalOnes(t *testing.T) {
	for _, c := range deceiving() {
		if !Deceives(c) {
			t.Errorf("%U does not deceive", c)
		}
	}
	for _, c := range " aé日\u00a0\u200b\u2028𝄞" {
		if Deceives(c) {
			t.Errorf("%U deceives", c)
		}
	}
}

func TestOutput_HasNoCharacterThatDeceives(t *testing.T) {
	for _, c := range deceiving() {
		text := "a" + string(c) + "b"
		for name, shown := range map[string]string{"Visible": Visible(text), "Quoted": Quoted(text), "Cell": Cell(text)} {
			if strings.ContainsFunc(shown, Deceives) {
				t.Errorf("%s(%q) is %q", name, text, shown)
			}
		}
		var line strings.Builder
		slog.New(slog.NewJSONHandler(JSONWriter(&line), nil)).Info("object", "key", text)
		if shown, end := strings.CutSuffix(line.String(), "\n"); !end || strings.ContainsFunc(shown, Deceives) {
			t.Errorf("%q is logged as %q", text, line.String())
		}
		var back map[string]any
		if err := json.Unmarshal([]byte(line.String()), &back); err != nil || back["key"] != text {
			t.Errorf("%q is read back as %q, %v", text, back["key"], err)
		}
	}
}

func TestVisible_ShowsEveryByte(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü日": "plain ü日", "\x00\x1b[31m": `\x00\x1b[31m`, "\u202egnp": `\u202egnp`, "\xff": `\xff`, "a\u00a0b\u2028": `a\u00a0b\u2028`, "'": "'",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestCell_IsNoFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a=1": "a=1", "=1+1": "'=1+1", "+1": "'+1", "-": "'-", "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1",
		" =1": "' =1", "\u00a0\ufeff=1": "'\u00a0\ufeff=1", " 1": " 1", " ": " ",
		"\t=1": "\uFFFD=1", "\r@": "\uFFFD@", "'=1": "'=1", "\xff": "\uFFFD",
	} {
		if got := Cell(text); got != want || !utf8.ValidString(got) {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
