package cloudtrail

import (
	"cmp"
	"slices"
)

// shapes remembers how events were written that were read before. Most events of a log
// are the same but for a few values, so an event is first compared with these, and read
// member by member only if it is another one.
//
// A shape is a sequence of phrases. A phrase is what stands between two values that vary
// from event to event: names, brackets and commas, and values that hardly vary. Behind
// it comes a string, or a number without sign and exponent, and then the next phrase.
// Events that begin alike share their phrases, so shapes are a tree.
//
// What fits a shape is valid, as the event was that the shape was learned from, and its
// values are in the same places of it. So shapes change nothing but the time that it
// takes to read an event.
type shapes struct {
	first *phrase
	size  int // of the phrases in bytes, about
	// Memory for learn:
	varying []variable
	drafts  []draft
}

// The bounds of shapes.
const (
	maxShapes = 256 << 10 // bytes of phrases, about
	maxOthers = 16        // phrases that stand in the same place
	maxShape  = 4 << 10   // bytes of an event that is learned from
	maxPassed = 64        // values in it that vary and do not matter
)

// phrase is a part of an event.
type phrase struct {
	text   string
	fixed  []fixed // the values in it
	varies variety // what comes behind it
	slot   slot    // of what varies
	next   *phrase // that follows what varies, and its others
	other  *phrase // that stands in the same place
}

// fixed is a value in a phrase, by its distances from the beginning of the phrase.
type fixed struct {
	value
	slot slot
}

// variety is a kind of values that vary.
type variety uint8

const (
	nothing variety = iota // the event has ended
	aString                // without the quotes, which the phrases have
	aNumber                // without a sign and an exponent
)

// variable is a value that varies.
type variable struct {
	value
	varies variety
	slot   slot
}

// constant has a bit for every slot whose values vary so little that they are parts of
// phrases.
const constant uint64 = 1<<eventVersion | 1<<eventSource | 1<<eventType | 1<<eventCategory | 1<<identityType |
	1<<additionalSignature | 1<<additionalMethod

// unread is the slot for values that do not matter.
const unread = resourceType

// match fills e, which must be empty, if b begins with an event of a known shape, and
// returns its size. If not, that is 0, e has anything, and news reports whether the event
// goes on like none before. Behind b there must be the padding.
func (t *shapes) match(b []byte, e *event) (size int, news bool) {
	next := &t.first
	for at := 0; ; {
		p := find(next, b[at:])
		if p == nil {
			return 0, true
		}
		for i := range p.fixed {
			e[p.fixed[i].slot] = p.fixed[i].moved(at)
		}
		at += len(p.text)
		from := at
		switch p.varies {
		case nothing:
			return at, false
		case aString:
			var k kind
			if at, k = skipRest(b, at); k == absent {
				return 0, false
			}
			e[p.slot] = value{int32(from), int32(at), k}
		case aNumber:
			if at = skipPlainNumber(b, at); at == from {
				return 0, false
			}
			e[p.slot] = value{int32(from), int32(at), number}
		}
		next = &p.next
	}
}

// find returns the phrase that b begins with, of first and its others, or nil. It
// becomes the first of them.
func find(first **phrase, b []byte) *phrase {
	for at := first; *at != nil; at = &(*at).other {
		if p := *at; len(p.text) <= len(b) && string(b[:len(p.text)]) == p.text {
			if at != first {
				*at, p.other, *first = p.other, *first, p
			}
			return p
		}
	}
	return nil
}

// learn remembers the shape of an event that stands in text. passed are strings and
// numbers in it that do not matter, of which there may be more if they are maxPassed.
func (t *shapes) learn(text []byte, e *event, passed []value) {
	if t.size >= maxShapes || len(text) > maxShape || len(passed) == maxPassed {
		return
	}
	t.vary(text, e, passed)
	t.divide(text)
	next, others := &t.first, 0
	for i := range t.drafts {
		var known *phrase
		if known, others = t.drafts[i].among(*next); known == nil {
			t.add(t.drafts[i:], next, others, e)
			return
		}
		next = &known.next
	}
}

// vary finds the values that vary in an event, in their order.
func (t *shapes) vary(text []byte, e *event, passed []value) {
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
	slices.SortStableFunc(t.varying, func(a, b variable) int { return cmp.Compare(a.from, b.from) })
}

// note takes note of a value if it is one that may vary.
func (t *shapes) note(text []byte, v value, at slot) {
	switch {
	case v.isString():
		t.varying = append(t.varying, variable{v, aString, at})
	case v.kind == number && skipPlainNumber(text, int(v.from)) == int(v.to):
		t.varying = append(t.varying, variable{v, aNumber, at})
	}
}

// draft is what may become a phrase.
type draft struct {
	text   []byte
	at     int // where it stands in the event
	varies variety
	slot   slot
	fixed  int // number of its values
}

// divide divides an event into drafts.
func (t *shapes) divide(text []byte) {
	t.drafts = t.drafts[:0]
	at := 0
	for _, v := range t.varying {
		if int(v.from) > at { // else it is the one before
			t.drafts = append(t.drafts, draft{text: text[at:v.from], at: at, varies: v.varies, slot: v.slot})
			at = int(v.to)
		}
	}
	t.drafts = append(t.drafts, draft{text: text[at:], at: at})
}

// among returns the phrase that the draft would become, of p and its others, or nil and
// how many these are.
func (d *draft) among(p *phrase) (known *phrase, others int) {
	for ; p != nil; p = p.other {
		if p.text == string(d.text) && p.varies == d.varies && p.slot == d.slot {
			return p, others
		}
		others++
	}
	return nil, others
}

// add makes phrases of drafts, in memory that they share: that they lie side by side
// makes them faster. The first stands where others stand, of which next is the first.
func (t *shapes) add(drafts []draft, next **phrase, others int, e *event) {
	if others == maxOthers {
		t.size++ // so that some day there is room for other shapes
		return
	}
	var text []byte
	var values []fixed
	for i := range drafts {
		d := &drafts[i]
		text = append(text, d.text...)
		d.fixed = len(values)
		values = d.appendFixed(values, e)
		d.fixed = len(values) - d.fixed
	}
	const phraseSize, fixedSize = 72, 16
	t.size += len(text) + len(drafts)*phraseSize + len(values)*fixedSize
	texts, made := string(text), make([]phrase, len(drafts))
	for i, d := range drafts {
		p := &made[i]
		*p = phrase{text: texts[:len(d.text)], fixed: values[:d.fixed], varies: d.varies, slot: d.slot}
		texts, values = texts[len(d.text):], values[d.fixed:]
		if i > 0 {
			made[i-1].next = p
		}
	}
	made[0].other, *next = *next, &made[0]
}

// appendFixed appends the values of an event that are in the draft.
func (d *draft) appendFixed(values []fixed, e *event) []fixed {
	for at, v := range e {
		// What stands at the beginning is the empty string before the draft.
		if from := int(v.from) - d.at; v.kind != absent && from > 0 && from < len(d.text) {
			values = append(values, fixed{v.moved(-d.at), slot(at)})
		}
	}
	return values
}

// reset makes room for shapes of another log if there is none.
func (t *shapes) reset() {
	if t.size >= maxShapes {
		t.first, t.size = nil, 0
	}
}

// skipPlainNumber passes over digits at b[i] and a fraction of digits, if there are
// some. It passes over nothing if what is there is another thing in JSON, or none.
func skipPlainNumber(b []byte, i int) (next int) {
	next = i
	for isDigit(b[next]) {
		next++
	}
	if next > i+1 && b[i] == '0' {
		return i
	}
	if next > i && b[next] == '.' && isDigit(b[next+1]) {
		for next++; isDigit(b[next]); {
			next++
		}
	}
	return next
}
