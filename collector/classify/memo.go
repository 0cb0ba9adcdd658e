package classify

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

const (
	// MaxValue is how many bytes a label value has at most.
	MaxValue       = 256
	maxMemo        = 512 << 10 // bytes that a memo keeps of texts, about
	maxMemoText    = 1024      // bytes of a text that a memo keeps
	maxMemoResults = 4096      // results that a memo keeps
)

// memo remembers a pure function's results, so that a text that a log repeats
// is looked at once and costs no allocation after that. Results come by
// reference: the same one for all texts of which the results are equal, so that
// comparing references shows almost always whether results are equal. Almost, as
// a memo forgets all texts, or all results, when there are too many: what a
// hostile log fills it with does not stay. Results are never changed.
type memo[T comparable] struct {
	compute func(text string) T
	latest  [1 << latestBits]memory[T]
	byText  map[string]memory[T]
	byValue map[T]*T
	size    int // bytes of byText
}

// memory is one text and its result. Two of them are a cache line.
type memory[T comparable] struct {
	text   string
	result *T     // nil: no memory
	hash   uint64 // so that hardly any other text is looked at; of latest only
}

// latestBits gives the number of memories that are tried before the map. A text
// has two slots among them.
const latestBits = 10

// newMemo returns an empty memo of compute, whose results must not share memory
// with the text.
func newMemo[T comparable](compute func(text string) T) *memo[T] {
	return &memo[T]{compute: compute, byText: make(map[string]memory[T]), byValue: make(map[T]*T)}
}

// newTextMemo is newMemo for functions that may return a part of the text.
func newTextMemo(compute func(text string) string) *memo[string] {
	return newMemo(func(text string) string { return strings.Clone(compute(text)) })
}

func (m *memo[T]) of(text []byte) *T {
	hash := hashOf(text)
	slot := hash % (1 << latestBits)
	first, second := &m.latest[slot], &m.latest[slot^1]
	switch {
	case first.hash == hash && first.result != nil && first.text == string(text):
		return first.result
	case second.hash == hash && second.result != nil && second.text == string(text):
		return second.result
	case len(text) > maxMemoText:
		return m.result(m.compute(string(text)))
	}
	recalled := m.recall(text)
	recalled.hash = hash
	*first, *second = recalled, *first
	return recalled.result
}

// hashOf spreads texts over the latest memories by their length and four of
// their words.
func hashOf(text []byte) uint64 {
	const size = 8
	h := uint64(len(text))
	if last := len(text) - size; last >= 0 {
		word := func(at int) uint64 { return binary.LittleEndian.Uint64(text[at:]) }
		// Two multiplications as wyhash has them, which spread what differs well.
		high1, low1 := bits.Mul64(word(last)^0xA0761D6478BD642F, word(last/2)^0xE7037ED1A0B428DB)
		high2, low2 := bits.Mul64(word(last/4)^0x8EBC6AF09C88C6E3, word(last/4*3)^0x589965CC75374CC3)
		h ^= high1 ^ low1 ^ high2 ^ low2
	}
	return h
}

func (m *memo[T]) recall(text []byte) memory[T] {
	if known, ok := m.byText[string(text)]; ok {
		return known
	}
	const overhead = 128 // of the map
	if m.size += len(text) + overhead; m.size > maxMemo {
		clear(m.latest[:])
		clear(m.byText)
		m.size = len(text) + overhead
	}
	made := memory[T]{text: string(text)}
	made.result = m.result(m.compute(made.text))
	m.byText[made.text] = made
	return made
}

// result returns the reference of an equal result.
func (m *memo[T]) result(value T) *T {
	if known := m.byValue[value]; known != nil {
		return known
	}
	if len(m.byValue) >= maxMemoResults {
		clear(m.byValue)
	}
	made := value // so that a known one costs no allocation
	m.byValue[value] = &made
	return &made
}

// clean makes text fit for a label value: valid UTF-8, at most MaxValue bytes,
// and no longer than needed in memory, without what a terminal or a page obeys.
func clean(text string) string {
	if len(text) <= MaxValue && isPlain(text) { // mostly
		return text
	}
	text = string(record.ValidText([]byte(text)))
	if strings.ContainsFunc(text, deceives) {
		text = strings.Map(func(c rune) rune {
			if deceives(c) {
				return utf8.RuneError
			}
			return c
		}, text)
	}
	if len(text) <= MaxValue {
		return text
	}
	end := MaxValue
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end])
}

// isPlain reports whether a text has none but the printable characters of ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i]-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

// deceives reports whether a character does something instead of being shown: a control
// character, or one that changes the direction in which its neighbours are shown (Unicode
// Standard Annex 9, section 2). Values are shown by terminals, dashboards and pagers.
func deceives(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }
