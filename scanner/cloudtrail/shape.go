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
	first   []*phrase
	size    int        // of the phrases in bytes, about
	varying []variable // memory for learn
}

// The bounds of shapes.
const (
	maxShapes    = 256 << 10 // bytes of phrases, about
	maxFollowers = 16        // phrases that are known to follow one phrase
	maxShape     = 4 << 10   // bytes of an event that is learned from
	maxPassed    = 64        // values in it that vary and do not matter
)

// phrase is a part of an event.
type phrase struct {
	text      string
	fixed     []fixed // the values in it
	varies    variety // what comes behind it
	slot      slot    // of what varies
	followers []*phrase
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
	followers := t.first
	for at := 0; ; {
		p := find(followers, b[at:])
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
		followers = p.followers
	}
}

// find returns the first phrase that b begins with, or nil. It comes nearer to the
// front.
func find(phrases []*phrase, b []byte) *phrase {
	for i, p := range phrases {
		if len(p.text) <= len(b) && string(b[:len(p.text)]) == p.text {
			if i > 0 {
				phrases[i-1], phrases[i] = p, phrases[i-1]
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
	followers, at := &t.first, 0
	for _, v := range t.varying {
		if int(v.from) <= at {
			continue // it is the one before
		}
		p := t.phrase(followers, text, at, v, e)
		if p == nil {
			return
		}
		followers, at = &p.followers, int(v.to)
	}
	t.phrase(followers, text, at, variable{value: value{from: int32(len(text))}}, e)
}

// vary finds the values that vary in an event, in their order.
func (t *shapes) vary(text []byte, e *event, passed []value) {
	t.varying = t.varying[:0]
	for at, v := range e {
		if constant&(1<<at) == 0 {
			t.add(text, v, slot(at))
		}
	}
	for _, v := range passed {
		t.add(text, v, unread)
	}
	// Of a value that matters and was passed too, the one that matters comes first.
	slices.SortStableFunc(t.varying, func(a, b variable) int { return cmp.Compare(a.from, b.from) })
}

func (t *shapes) add(text []byte, v value, at slot) {
	switch {
	case v.isString():
		t.varying = append(t.varying, variable{v, aString, at})
	case v.kind == number && skipPlainNumber(text, int(v.from)) == int(v.to):
		t.varying = append(t.varying, variable{v, aNumber, at})
	}
}

// phrase returns the phrase from at to before, of an event that stands in text. It is
// one of phrases, or is made one; nil if these are too many.
func (t *shapes) phrase(phrases *[]*phrase, text []byte, at int, before variable, e *event) *phrase {
	text = text[at:before.from]
	for _, p := range *phrases {
		if p.text == string(text) && p.varies == before.varies && p.slot == before.slot {
			return p
		}
	}
	if len(*phrases) == maxFollowers {
		t.size++ // so that some day others get their turn
		return nil
	}
	made := &phrase{text: string(text), varies: before.varies, slot: before.slot}
	for i, v := range e {
		if from := int(v.from) - at; v.kind != absent && from > 0 && from < len(text) { // at 0 ends the value before
			made.fixed = append(made.fixed, fixed{v.moved(-at), slot(i)})
		}
	}
	const overhead = 128
	t.size += len(text) + overhead
	*phrases = append(*phrases, made)
	return made
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
