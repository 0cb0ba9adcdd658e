package cloudtrail

import "github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"

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
	jsonscan.Value
	slot slot
}

// variety is a kind of values that vary.
type variety uint8

const (
	nothing variety = iota // the event has ended
	aString                // without the quotes, which the phrases have
	aNumber                // without a sign and an exponent
)

// constant has a bit for every slot whose values vary so little that they are parts of
// phrases.
const constant uint64 = 1<<eventVersion | 1<<eventSource | 1<<eventType | 1<<eventCategory | 1<<identityType |
	1<<additionalSignature | 1<<additionalMethod | 1<<additionalACLRequired | 1<<attributesMFA | 1<<eventConsole

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
			e[p.fixed[i].slot] = p.fixed[i].Moved(at)
		}
		at += len(p.text)
		from := at
		switch p.varies {
		case nothing:
			return at, false
		case aString:
			var k jsonscan.Kind
			if at, k = jsonscan.SkipRest(b, at); k == jsonscan.Absent {
				return 0, false
			}
			e[p.slot] = jsonscan.Value{From: int32(from), To: int32(at), Kind: k}
		case aNumber:
			if at = jsonscan.SkipPlainNumber(b, at); at == from {
				return 0, false
			}
			e[p.slot] = jsonscan.Value{From: int32(from), To: int32(at), Kind: jsonscan.Number}
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

// reset makes room for shapes of another log if there is none.
func (t *shapes) reset() {
	if t.size >= maxShapes {
		t.first, t.size = nil, 0
	}
}
