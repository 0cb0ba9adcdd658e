package query

// Hold reports whether a text is what some patterns ask for: one of them matches it,
// if there are any, and no negated one does.
func Hold(patterns []Glob, text string) bool {
	asked := newAlternatives(patterns)
	return asked.hold(func(g *Glob) bool { return g.covers(text) })
}

// pattern is a Glob or a Source.
type pattern interface {
	isNegated() bool
}

// alternatives are what is asked of one thing: that one of the patterns covers it,
// if there are any, and that no negated one does.
type alternatives[P pattern] struct {
	patterns []P
	positive bool // some are not negated
}

func newAlternatives[T any, P interface {
	*T
	pattern
}](asked []T,
) alternatives[P] {
	var a alternatives[P]
	for i := range asked {
		p := P(&asked[i])
		a.patterns = append(a.patterns, p)
		a.positive = a.positive || !p.isNegated()
	}
	return a
}

// hold reports whether a thing is what is asked for. covered tells whether a
// pattern itself, negated or not, covers the thing.
func (a *alternatives[P]) hold(covered func(P) bool) bool {
	found := !a.positive
	for _, p := range a.patterns {
		switch {
		case !covered(p):
		case p.isNegated():
			return false
		default:
			found = true
		}
	}
	return found
}
