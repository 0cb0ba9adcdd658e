package coverage

import "fmt"

// Scope is how much of a bucket's object requests a log holds.
type Scope uint8

// The scopes, from the worst to the best.
const (
	ScopeNone    Scope = iota // no request
	ScopeUnknown              // nobody may look, or nobody answered
	ScopePart                 // some requests, or nobody can be sure of more
	ScopeWrites               // every request that changes something, and not every other one
	ScopeReads                // every request that changes nothing, and not every other one
	ScopeAll                  // every request
	scopeCount
)

var scopeNames = [scopeCount]string{
	ScopeNone: "none", ScopeUnknown: "unknown", ScopePart: "part",
	ScopeWrites: "writes", ScopeReads: "reads", ScopeAll: "all",
}

// String returns the scope's name: all, reads, writes, part, none or unknown.
func (s Scope) String() string { return scopeNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Scope) UnmarshalText(text []byte) error {
	for scope, name := range scopeNames {
		if name == string(text) {
			*s = Scope(scope)
			return nil
		}
	}
	return fmt.Errorf("%q is no scope", text)
}

// level is how much of some requests is logged.
type level uint8

const (
	levelNone level = iota // not one
	levelPart              // some, or nobody can be sure
	levelAll               // all
)

// logged is how much of a bucket's object requests is logged.
type logged struct{ reads, writes level }

// or returns what is logged where one of two is enough.
func (l logged) or(other logged) logged {
	return logged{max(l.reads, other.reads), max(l.writes, other.writes)}
}

// and returns what is logged where both are needed. Two parts may have nothing in
// common, but that is not known: they are a part.
func (l logged) and(other logged) logged {
	return logged{min(l.reads, other.reads), min(l.writes, other.writes)}
}

// holds reports whether it is sure that all that the other holds is in l, too.
func (l logged) holds(other logged) bool {
	return (l.reads == levelAll || other.reads == levelNone) && (l.writes == levelAll || other.writes == levelNone)
}

func (l logged) scope() Scope {
	switch {
	case l.reads == levelAll && l.writes == levelAll:
		return ScopeAll
	case l.reads == levelAll:
		return ScopeReads
	case l.writes == levelAll:
		return ScopeWrites
	case l.reads == levelNone && l.writes == levelNone:
		return ScopeNone
	}
	return ScopePart
}

// both is what is logged where reads and writes are treated alike.
func both(l level) logged { return logged{l, l} }

// scopeOf returns how much of a bucket's object requests some trails, or other
// recorders of CloudTrail, log together. Where one of them is not known, nothing at
// all is ScopeUnknown, as that one may log something.
func scopeOf(recorders []Recorder, b *Bucket) Scope {
	var all logged
	unknown := false
	for i := range recorders {
		r := &recorders[i]
		switch {
		case !r.sees(b):
		case r.Unknown != "":
			unknown = true
		default:
			all = all.or(r.Selectors.logged(b))
		}
	}
	if scope := all.scope(); scope != ScopeNone || !unknown {
		return scope
	}
	return ScopeUnknown
}
