package dedupe

import (
	"slices"
	"testing"
)

// object is a Claimant.
type object struct{ Claim }

func newObject(name string) *object { return &object{Claim{Name: name}} }

// dependsOn notes that the object has passed over events of another.
func (o *object) on(other *object) { o.depend(&other.Claim) }

func names(objects []*object) (names []string) {
	for _, o := range objects {
		names = append(names, o.Name)
	}
	return names
}

func brokenNames(broken []Broken[*object]) (names []string) {
	for _, b := range broken {
		names = append(names, b.Object.Name+" by "+b.On)
	}
	return names
}

func TestGate_PassesWhatDependsOnNothingInFlight(t *testing.T) {
	a, b, c := newObject("a"), newObject("b"), newObject("c")
	b.on(a)
	c.on(b)
	g := NewGate[*object](nil)
	for _, step := range []struct {
		in   *object
		want []string
	}{{c, nil}, {b, nil}, {a, []string{"c", "b", "a"}}} {
		ready, broken := g.Pass(step.in)
		if got := names(ready); !slices.Equal(got, step.want) || broken != nil {
			t.Errorf("%s comes in, %v may pass, want %v; %v are broken", step.in.Name, got, step.want, brokenNames(broken))
		}
	}
	if len(g.waiting) != 0 {
		t.Errorf("%v are still waiting", names(g.waiting))
	}
}

func TestGate_ObjectsThatDependOnEachOtherPassTogether(t *testing.T) {
	a, b := newObject("a"), newObject("b")
	a.on(b)
	b.on(a)
	g := NewGate[*object](nil)
	if ready, _ := g.Pass(a); ready != nil {
		t.Error("an object passes before the one that it depends on")
	}
	if ready, _ := g.Pass(b); !slices.Equal(names(ready), []string{"a", "b"}) {
		t.Errorf("%v may pass", names(ready))
	}
}

func TestGate_FailureTakesAlongWhatDependsOnIt(t *testing.T) {
	a, b, c, after := newObject("a"), newObject("b"), newObject("c"), newObject("after")
	b.on(a)
	c.on(b)
	after.on(a)
	w := NewWindow(10)
	g := NewGate[*object](w)
	w.Has(&b.Claim, event("e", "", ""))
	g.Pass(c)
	g.Pass(b)
	if got := brokenNames(g.Fail(a)); !slices.Equal(got, []string{"b by a", "c by b"}) {
		t.Errorf("%v are broken", got)
	}
	if w.Has(&newObject("new").Claim, event("e", "", "")) {
		t.Error("an event that does not count is still claimed")
	}
	if ready, broken := g.Pass(after); ready != nil || !slices.Equal(brokenNames(broken), []string{"after by a"}) {
		t.Errorf("%v are broken once the failure is known, %v may pass", brokenNames(broken), names(ready))
	}
	if len(g.waiting) != 0 {
		t.Errorf("%v are still waiting", names(g.waiting))
	}
}
