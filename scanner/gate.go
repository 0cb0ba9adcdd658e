package scanner

import "fmt"

// standing is how an object stands, for those that depend on it.
type standing byte

const (
	inFlight standing = iota
	held              // read to its end, but one that it depends on is not
	passed            // to be committed, or committed
	failed
)

// gate holds back the results of objects that share events with one in flight:
// only if that one counts, it is right that they passed over those events.
type gate struct {
	duplicates *duplicates
	waiting    []*result
}

// pass takes a result that has come in. It returns those that may be committed
// now, all in one commit, and those that have failed. An object fails when one
// that it depends on does; it is then to be read again.
func (g *gate) pass(r *result) (ready, broken []*result) {
	if r.err != nil {
		return nil, g.fail(r)
	}
	r.standing = held
	g.waiting = append(g.waiting, r)
	for _, dep := range r.depends {
		if dep.standing == failed {
			r.err = dependsError(r, dep)
			return nil, g.fail(r)
		}
	}
	return g.free(), nil
}

// fail takes out a result, and all that depend on it.
func (g *gate) fail(r *result) (broken []*result) {
	r.standing = failed
	g.duplicates.release(r)
	broken = append(broken, r)
	var stay []*result
	for _, w := range g.waiting {
		if w != r {
			stay = append(stay, w)
		}
	}
	g.waiting = stay
	for _, w := range stay {
		if w.standing == held && w.dependsOn(r) {
			w.err = dependsError(w, r)
			broken = append(broken, g.fail(w)...)
		}
	}
	return broken
}

// free takes out the results that wait for nothing but each other.
func (g *gate) free() (ready []*result) {
	for _, w := range g.waiting {
		w.standing = passed
	}
	for again := true; again; {
		again = false
		for _, w := range g.waiting {
			if w.standing == passed && w.waits() {
				w.standing, again = held, true
			}
		}
	}
	var stay []*result
	for _, w := range g.waiting {
		if w.standing == held {
			stay = append(stay, w)
			continue
		}
		w.depends = nil
		ready = append(ready, w)
	}
	g.waiting = stay
	return ready
}

func dependsError(r, on *result) *ObjectError {
	return &ObjectError{
		Location: r.location.Name, Key: r.obj.Key, Reason: ReasonShared,
		Err: fmt.Errorf("has events of object %q, which could not be read", on.obj.Key),
	}
}
