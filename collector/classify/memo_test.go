package classify

import (
	"fmt"
	"strings"
	"testing"
)

func TestMemo_ReturnsOneResultForEqualOnes(t *testing.T) {
	m := newTextMemo(strings.ToLower)
	first := m.of([]byte("example-bucket"))
	for _, text := range []string{"example-bucket", "EXAMPLE-BUCKET", "Example-Bucket"} {
		if got := m.of([]byte(text)); got != first {
			t.Errorf("%s has another result, %q", text, *got)
		}
	}
}

func TestMemo_KnowsTextsApart(t *testing.T) {
	m := newTextMemo(func(text string) string { return text })
	var texts []string
	for i := range 300 { // the same length, and the same ends in part
		texts = append(texts, fmt.Sprintf("%03d-example-%03d-example", i, i/7), strings.Repeat("a", i))
	}
	for range 2 {
		for _, text := range texts {
			if got := *m.of([]byte(text)); got != text {
				t.Fatalf("%q became %q", text, got)
			}
		}
	}
}

func TestMemo_IsBounded(t *testing.T) {
	m := newTextMemo(clean)
	most := 0
	for i := range 10_000 {
		m.of(fmt.Appendf(nil, "%0*d", i%(2*maxMemoText), i))
		most = max(most, len(m.byText))
		if got := len(m.byValue); got > maxMemoResults {
			t.Fatalf("keeps %d results, want at most %d", got, maxMemoResults)
		}
	}
	size := 0
	for text := range m.byText {
		if len(text) > maxMemoText {
			t.Errorf("keeps a text of %d bytes", len(text))
		}
		size += len(text)
	}
	if size > maxMemo {
		t.Errorf("keeps %d bytes, want at most %d", size, maxMemo)
	}
	if most > 5000 {
		t.Errorf("kept %d texts: it never forgot", most)
	}
}

// Sessions come and go, roles stay: forgetting the texts must not make rows of
// old results strangers.
func TestMemo_KnowsAResultWhoseTextsItForgot(t *testing.T) {
	m := newTextMemo(RequesterRole.requesterValue)
	session := func(i int) []byte {
		return fmt.Appendf(nil, "arn:aws:sts::111122223333:assumed-role/example/session-%d", i)
	}
	first := m.of(session(0))
	for i := range 2 * maxMemo / 128 {
		if m.of(session(i)) != first {
			t.Fatalf("session %d has another result", i)
		}
	}
	if _, ok := m.byText[string(session(0))]; ok {
		t.Error("no text was forgotten: the test shows nothing")
	}
}
