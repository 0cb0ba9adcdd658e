package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Glob is a pattern for whole texts: * stands for any characters, none and
// slashes included, ? for one character, all else for itself. A leading ! is not
// part of the pattern but negates it.
type Glob struct {
	text     string // without the !
	negated  bool
	services bool           // of requesters, it means the names of AWS's services, as *.amazonaws.com does
	pattern  *regexp.Regexp // nil: the pattern is text itself
}

const wildcards = "*?"

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Glob) UnmarshalText(text []byte) error {
	if !utf8.Valid(text) {
		return fmt.Errorf("%q is not UTF-8", text)
	}
	g.text, g.negated = strings.CutPrefix(string(text), "!")
	if g.text == "" {
		return fmt.Errorf("%q is no pattern: write a name, or part of one with *", text)
	}
	g.services = strings.Contains(g.text, "amazonaws.com") && !strings.ContainsAny(g.text, ":/")
	g.pattern = nil
	if !strings.ContainsAny(g.text, wildcards) {
		return nil
	}
	// Regular expressions of Go match in time linear in the text.
	const anything, one = "(?s:.*)", "(?s:.)"
	var expression strings.Builder
	expression.WriteString(`\A`)
	for i, c := range g.text {
		switch {
		case c == '*' && strings.HasPrefix(g.text[i+1:], "*"): // the next one has the same meaning
		case c == '*':
			expression.WriteString(anything)
		case c == '?':
			expression.WriteString(one)
		default:
			expression.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	expression.WriteString(`\z`)
	var err error
	g.pattern, err = regexp.Compile(expression.String())
	return err
}

// String returns the pattern as it was written.
func (g *Glob) String() string {
	if g.negated {
		return "!" + g.text
	}
	return g.text
}

// covers reports whether the pattern itself, negated or not, matches a text.
func (g *Glob) covers(text string) bool {
	if g.pattern == nil {
		return text == g.text
	}
	return g.pattern.MatchString(text)
}

// coversBytes is covers for bytes.
func (g *Glob) coversBytes(text []byte) bool {
	if g.pattern == nil {
		return string(text) == g.text
	}
	return g.pattern.Match(text)
}

func (g *Glob) isNegated() bool { return g.negated }

// rewritten returns the patterns with their texts as change returns them. Where nothing is
// left of one, it stays as it is.
func rewritten(asked []Glob, change func(string) string) []Glob {
	all := slices.Clone(asked)
	for i := range all {
		g := Glob{text: change(all[i].text), negated: all[i].negated}
		if err := g.UnmarshalText([]byte(g.String())); err == nil {
			all[i] = g
		}
	}
	return all
}
