package dedupe

import "slices"

// Gate holds back objects that depend on one that was not read to its end yet. It
// belongs to the goroutine that takes what was read.
type Gate[T Claimant] struct {
	window  *Window
	waiting []T // read to their ends, in the order in which they came
}

// NewGate returns a Gate for the Claims of a Window.
func NewGate[T Claimant](w *Window) *Gate[T] { return &Gate[T]{window: w} }

// Broken is an object that was read to its end, but passed over events of one that
// failed. It holds nothing any more, and is to be read again.
type Broken[T any] struct {
	Object T
	On     string // Claim.Name of the one that failed
}

// Pass takes an object that was read to its end. It returns the objects that may be
// counted now, all of them in one commit, and those that are broken: it itself if it
// depends on an object that has failed before, and all that depend on it.
func (g *Gate[T]) Pass(object T) (ready []T, broken []Broken[T]) {
	c := object.claim()
	c.standing = held
	g.waiting = append(g.waiting, object)
	for _, on := range c.depends {
		if on.standing == failed {
			return nil, append([]Broken[T]{{object, on.Name}}, g.Fail(object)...)
		}
	}
	return g.free(), nil
}

// Fail takes an object that could not be read. It returns all that are broken by it.
func (g *Gate[T]) Fail(object T) (broken []Broken[T]) {
	c := object.claim()
	c.standing = failed
	g.window.release(c)
	g.waiting = slices.DeleteFunc(g.waiting, func(w T) bool { return w == object })
	for _, w := range slices.Clone(g.waiting) { // which shrinks meanwhile
		if w.claim().standing == held && w.claim().dependsOn(c) {
			broken = append(broken, Broken[T]{w, c.Name})
			broken = append(broken, g.Fail(w)...)
		}
	}
	return broken
}

// free takes out the objects that wait for nothing but each other.
func (g *Gate[T]) free() (ready []T) {
	for _, w := range g.waiting {
		w.claim().standing = passed
	}
	for again := true; again; {
		again = false
		for _, w := range g.waiting {
			if c := w.claim(); c.standing == passed && c.waits() {
				c.standing, again = held, true
			}
		}
	}
	var stay []T
	for _, w := range g.waiting {
		c := w.claim()
		if c.standing == held {
			stay = append(stay, w)
			continue
		}
		c.depends = nil
		ready = append(ready, w)
	}
	g.waiting = stay
	return ready
}
