package query_test

import (
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// globs reads patterns.
func globs(t testing.TB, texts ...string) []query.Glob {
	t.Helper()
	found := make([]query.Glob, len(texts))
	for i, text := range texts {
		if err := found[i].UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// matches reports whether a filter asks for a record with some label detail.
func matches(t testing.TB, cfg query.Config, r *record.Record, labels classify.Config) bool {
	t.Helper()
	f, err := query.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	class := classify.NewClassifier(labels).Classify(r)
	return f.Match(r, &class)
}

func TestGlob_MatchesWholeKeys(t *testing.T) {
	for _, test := range []struct {
		patterns string // with blanks between them
		key      string
		want     bool
	}{
		{"images/picture.jpg", "images/picture.jpg", true},
		{"images/picture.jpg", "images/picture.jpg2", false},
		{"images/picture.jpg", "a/images/picture.jpg", false},
		{"picture", "images/picture.jpg", false},
		{"Images/*", "images/picture.jpg", false},
		{"*", "", true},
		{"*", "a\nb", true},
		{"images/*", "images/", true},
		{"images/*", "images/2026/picture.jpg", true},
		{"*.jpg", "images/2026/picture.jpg", true},
		{"*/2026/*", "images/2026/picture.jpg", true},
		{"i*g*s*.jpg", "images/picture.jpg", true},
		{"**", "anything", true},
		{"image?/*", "images/x", true},
		{"?", "ü", true},
		{"?", "", false},
		{"??", "a", false},
		{"?", "\xff", true},
		{"a.b", "axb", false},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{`a\*`, `a\bc`, true},
		{"{a,b}(c|d)+$^", "{a,b}(c|d)+$^", true},

		{"a b", "a", true},
		{"a b", "b", true},
		{"a b", "c", false},
		{"!a", "b", true},
		{"!a", "a", false},
		{"!a !b", "b", false},
		{"!a !b", "c", true},
		{"a* !ab", "ac", true},
		{"a* !ab", "ab", false},
		{"a* !ab", "b", false},
		{"!a*", "", true},
		{"!!a", "!a", false},
		{"!!a", "a", true},
	} {
		got := matches(t, query.Config{Keys: globs(t, strings.Fields(test.patterns)...)},
			&record.Record{Log: record.CloudTrail, Key: []byte(test.key)}, classify.Config{})
		if got != test.want {
			t.Errorf("%q on %q: %t", test.patterns, test.key, got)
		}
	}
}

func TestGlob_RefusesWhatIsNoPattern(t *testing.T) {
	for _, text := range []string{"", "!", "\xff", "a*\xc3"} {
		err := new(query.Glob).UnmarshalText([]byte(text))
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// naiveGlob says the same as a Glob that is not negated, as plainly as possible.
func naiveGlob(pattern, text []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(text) == 0
	case pattern[0] == '*':
		return naiveGlob(pattern[1:], text) || len(text) > 0 && naiveGlob(pattern, text[1:])
	case len(text) == 0:
		return false
	}
	return (pattern[0] == '?' || pattern[0] == text[0]) && naiveGlob(pattern[1:], text[1:])
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"*a*b?c*", "xxaxxbxc"}, {"a?*", "a"}, {`\*+.`, `\x+.`}, {"ü*", "üü"}, {"*\n", "a\n"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		const enough = 12 // the naive way takes exponential time
		var g query.Glob
		if len(pattern) > enough || len(text) > 2*enough || strings.ToValidUTF8(text, "") != text ||
			strings.HasPrefix(pattern, "!") || g.UnmarshalText([]byte(pattern)) != nil {
			return
		}
		r := record.Record{Log: record.CloudTrail, Key: []byte(text)}
		got := matches(t, query.Config{Keys: []query.Glob{g}}, &r, classify.Config{})
		if want := naiveGlob([]rune(pattern), []rune(text)); got != want {
			t.Errorf("%q on %q: %t, want %t", pattern, text, got, want)
		}
	})
}
