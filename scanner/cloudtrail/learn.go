package cloudtrail

import (
	"cmp"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
)

// learn remembers the shape of an event that stands in text. passed are strings and
// numbers in it that do not matter, of which there may be more if they are jsonscan.MaxPassed.
func (t *shapes) learn(text []byte, e *event, passed []jsonscan.Value) {
	if t.size >= maxShapes || len(text) > maxShape || len(passed) == jsonscan.MaxPassed {
		return
	}
	t.vary(text, e, passed)
	t.divide(text)
	next := &t.first
	for i := range t.drafts {
		known, others := t.drafts[i].among(*next, e)
		switch {
		case known != nil:
			next = &known.next
		case others < maxOthers:
			t.add(t.drafts[i:], next, e)
			return
		default:
			t.size++ // so that some day there is room for other shapes
			return
		}
	}
}

// variable is a value that varies.
type variable struct {
	jsonscan.Value
	varies variety
	slot   slot
}

// vary finds the values that vary in an event, in their order.
func (t *shapes) vary(text []byte, e *event, passed []jsonscan.Value) {
	t.varying = t.varying[:0]
	for at, v := range e {
		if constant&(1<<at) == 0 {
			t.note(text, v, slot(at))
		}
	}
	for _, v := range passed {
		t.note(text, v, unread)
	}
	// Of a value that matters and was passed too, the one that matters comes first.
	slices.SortStableFunc(t.varying, func(a, b variable) int { return cmp.Compare(a.From, b.From) })
}

// note takes note of a value if it is one that may vary.
func (t *shapes) note(text []byte, v jsonscan.Value, at slot) {
	switch {
	case v.IsString():
		t.varying = append(t.varying, variable{v, aString, at})
	case v.Kind == jsonscan.Number && jsonscan.SkipPlainNumber(text, int(v.From)) == int(v.To):
		t.varying = append(t.varying, variable{v, aNumber, at})
	}
}

// draft is what may become a phrase.
type draft struct {
	text   []byte
	at     int // where it stands in the event
	varies variety
	slot   slot
}

// divide divides an event into drafts.
func (t *shapes) divide(text []byte) {
	t.drafts = t.drafts[:0]
	at := 0
	for _, v := range t.varying {
		if int(v.From) > at { // else it is the one before
			t.drafts = append(t.drafts, draft{text: text[at:v.From], at: at, varies: v.varies, slot: v.slot})
			at = int(v.To)
		}
	}
	t.drafts = append(t.drafts, draft{text: text[at:], at: at})
}

// among returns the phrase that the draft would become, of p and its others, or nil and
// how many these are. Phrases of one text may have other values: where a member is there
// twice, those in the first one of it do not count.
func (d *draft) among(p *phrase, e *event) (known *phrase, others int) {
	for ; p != nil; p = p.other {
		if p.text == string(d.text) && p.varies == d.varies && p.slot == d.slot && d.hasFixed(e, p.fixed) {
			return p, others
		}
		others++
	}
	return nil, others
}

// add makes phrases of drafts, side by side in memory. The first is to stand where next
// stands, and its others.
func (t *shapes) add(drafts []draft, next **phrase, e *event) {
	var joined []byte
	for _, d := range drafts {
		joined = append(joined, d.text...)
	}
	texts, made := string(joined), make([]phrase, len(drafts))
	for i, d := range drafts {
		made[i] = phrase{text: texts[:len(d.text)], fixed: d.fixed(e), varies: d.varies, slot: d.slot}
		texts = texts[len(d.text):]
		if i > 0 {
			made[i-1].next = &made[i]
		}
	}
	made[0].other, *next = *next, &made[0]
	const perPhrase = 128
	t.size += len(joined) + len(made)*perPhrase
}

// fixed returns the values of an event that are in the draft.
func (d *draft) fixed(e *event) (values []fixed) {
	for at, v := range e {
		if d.holds(v) {
			values = append(values, fixed{v.Moved(-d.at), slot(at)})
		}
	}
	return values
}

// hasFixed reports whether fixed would return these values.
func (d *draft) hasFixed(e *event, values []fixed) bool {
	for at, v := range e {
		switch {
		case !d.holds(v):
		case len(values) == 0 || values[0] != fixed{v.Moved(-d.at), slot(at)}:
			return false
		default:
			values = values[1:]
		}
	}
	return len(values) == 0
}

// holds reports whether a value of an event is in the draft. What stands at the beginning
// is the empty string before the draft.
func (d *draft) holds(v jsonscan.Value) bool {
	from := int(v.From) - d.at
	return v.Kind != jsonscan.Absent && from > 0 && from < len(d.text)
}
