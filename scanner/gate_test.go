package scanner

import (
	"errors"
	"slices"
	"testing"
)

func keys(results []*result) (keys []string) {
	for _, r := range results {
		keys = append(keys, r.obj.Key)
	}
	return keys
}

func TestGate_PassesWhatDependsOnNothingInFlight(t *testing.T) {
	a, b, c := newResult("a"), newResult("b"), newResult("c")
	b.depend(a)
	c.depend(b)
	g := gate{}
	for _, step := range []struct {
		in   *result
		want []string
	}{{c, nil}, {b, nil}, {a, []string{"c", "b", "a"}}} {
		ready, broken := g.pass(step.in)
		if got := keys(ready); !slices.Equal(got, step.want) || broken != nil {
			t.Errorf("%s comes in, %v may pass, want %v; %v are broken", step.in.obj.Key, got, step.want, keys(broken))
		}
	}
	if len(g.waiting) != 0 {
		t.Errorf("%v are still waiting", keys(g.waiting))
	}
}

func TestGate_ObjectsThatDependOnEachOtherPassTogether(t *testing.T) {
	a, b := newResult("a"), newResult("b")
	a.depend(b)
	b.depend(a)
	g := gate{}
	if ready, _ := g.pass(a); ready != nil {
		t.Error("an object passes before the one that it depends on")
	}
	if ready, _ := g.pass(b); !slices.Equal(keys(ready), []string{"a", "b"}) {
		t.Errorf("%v may pass", keys(ready))
	}
}

func TestGate_FailureTakesAlongWhatDependsOnIt(t *testing.T) {
	a, b, c, after := newResult("a"), newResult("b"), newResult("c"), newResult("after")
	b.depend(a)
	c.depend(b)
	after.depend(a)
	g := gate{duplicates: newDuplicates(10)}
	g.duplicates.has(b, cloudTrail("e", "", ""))
	g.pass(c)
	g.pass(b)
	a.err = &ObjectError{Reason: ReasonGzip, Err: errors.New("broken")}
	ready, broken := g.pass(a)
	if got := keys(broken); ready != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v may pass, %v are broken", keys(ready), got)
	}
	if b.err == nil || b.err.Reason != ReasonShared || permanent(b.err.Reason) {
		t.Errorf("error of b is %v", b.err)
	}
	if g.duplicates.has(newResult("new"), cloudTrail("e", "", "")) {
		t.Error("an event that does not count is still claimed")
	}
	if _, broken := g.pass(after); !slices.Equal(keys(broken), []string{"after"}) {
		t.Errorf("%v are broken once the failure is known", keys(broken))
	}
}
