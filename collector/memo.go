package collector

import (
	"strings"
	"unicode/utf8"
)

const (
	maxValue    = 256       // bytes of a label value
	maxMemo     = 512 << 10 // bytes that a memo keeps, about
	maxMemoText = 1024      // bytes of a text whose result a memo keeps
)

// memo remembers a pure function's results, so that a text that a log repeats
// is looked at once and costs no allocation after that. It forgets everything
// when it is full: what a hostile log fills it with does not stay.
type memo[T any] struct {
	compute func(text string) T
	known   map[string]T
	size    int // bytes
}

func newMemo[T any](compute func(text string) T) memo[T] {
	return memo[T]{compute: compute, known: make(map[string]T)}
}

func (m *memo[T]) of(text []byte) T {
	if result, ok := m.known[string(text)]; ok {
		return result
	}
	owned := string(text)
	result := m.compute(owned)
	if len(owned) > maxMemoText {
		return result
	}
	const overhead = 64 // of an entry: the map's, and the result
	if m.size += len(owned) + overhead; m.size > maxMemo {
		clear(m.known)
		m.size = len(owned) + overhead
	}
	m.known[owned] = result
	return result
}

// clean makes text fit for a label value: valid UTF-8, at most maxValue bytes,
// and no longer than needed in memory.
func clean(text string) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= maxValue {
		return text
	}
	end := maxValue
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end])
}
