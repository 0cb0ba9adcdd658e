package scanner

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func event(id, shared, original string) *record.Record {
	return &record.Record{
		Log: record.CloudTrail, EventID: []byte(id), SharedEventID: []byte(shared), OriginalEventID: []byte(original),
	}
}

func newResult(key string) *result { return &result{job: &job{obj: Object{Key: key}}} }

func TestDuplicates_AreToldByAnyOfTheirIDs(t *testing.T) {
	const a, b, c = "20000000-0000-4000-8000-00000000000a", "20000000-0000-4000-8000-00000000000b", "not a UUID"
	tests := map[string]struct {
		first, second *record.Record
		want          bool
	}{
		"delivered twice":                   {event(a, "", ""), event(a, "", ""), true},
		"to both accounts":                  {event(a, "s", ""), event(b, "s", ""), true},
		"corrected":                         {event(a, "", ""), event(b, "", a), true},
		"corrected, then the original":      {event(b, "", a), event(a, "", ""), true},
		"ID that is no UUID":                {event(c, "", ""), event(c, "", ""), true},
		"another event":                     {event(a, "", ""), event(b, "", ""), false},
		"other events of one account":       {event(a, "s", ""), event(b, "t", ""), false},
		"events without IDs":                {event("", "", ""), event("", "", ""), false},
		"server access logs have no events": {event(a, "", ""), &record.Record{Log: record.ServerAccess, EventID: []byte(a)}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, how := range []string{"in one object", "in two objects", "in a commit before"} {
				d := newDuplicates(10)
				one, two := newResult("1"), newResult("2")
				if d.has(one, test.first) {
					t.Fatal("the first event is a duplicate")
				}
				switch how {
				case "in one object":
					two = one
				case "in a commit before":
					d.remember(one.events)
				}
				if got := d.has(two, test.second); got != test.want {
					t.Errorf("%s: %v, want %v", how, got, test.want)
				}
				if depends, want := two.dependsOn(one), test.want && how == "in two objects"; depends != want {
					t.Errorf("%s: depends %v, want %v", how, depends, want)
				}
			}
		})
	}
}

func TestDuplicates_WindowIsBoundedAndDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	d := newDuplicates(100)
	for i := range 50 {
		r := newResult("")
		for j := range 10 {
			d.has(r, event(fmt.Sprint(i, " ", j), "", ""))
		}
		if err := state.Update(func(tx *checkpoint.Tx) error { return d.stage(tx, r.events) }); err != nil {
			t.Fatal(err)
		}
		d.remember(r.events)
	}
	restored := newDuplicates(100)
	if err := errors.Join(state.View(restored.restore), state.Close()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*duplicates{d, restored} {
		if n := len(d.committed); n < 100 || n > 110 {
			t.Errorf("%d IDs are remembered, want 100 to 110", n)
		}
		if len(d.claimed) != 0 {
			t.Errorf("%d IDs are still claimed", len(d.claimed))
		}
		for _, i := range []int{40, 49} {
			if !d.has(newResult(""), event(fmt.Sprint(i, " 0"), "", "")) {
				t.Errorf("an event of commit %d of 50 is forgotten", i)
			}
		}
		if d.has(newResult(""), event("0 0", "", "")) {
			t.Error("the oldest event is remembered")
		}
	}
}

func TestDuplicates_OfNothingNeedNothing(t *testing.T) {
	d := newDuplicates(0)
	r := newResult("")
	for range 2 {
		if d.has(r, event("a", "", "")) {
			t.Error("a duplicate is told although none are to be")
		}
	}
	d.release(r)
	d.remember(nil)
	if err := errors.Join(d.stage(nil, nil), d.restore(nil)); err != nil {
		t.Error(err)
	}
}

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
	g.duplicates.has(b, event("e", "", ""))
	g.pass(c)
	g.pass(b)
	a.err = &ObjectError{Reason: ReasonGzip, Err: errors.New("broken")}
	ready, broken := g.pass(a)
	if got := keys(broken); ready != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v may pass, %v are broken", keys(ready), got)
	}
	if b.err == nil || b.err.Reason != ReasonShared || b.err.Reason.permanent() {
		t.Errorf("error of b is %v", b.err)
	}
	if g.duplicates.has(newResult("new"), event("e", "", "")) {
		t.Error("an event that does not count is still claimed")
	}
	if _, broken := g.pass(after); !slices.Equal(keys(broken), []string{"after"}) {
		t.Errorf("%v are broken once the failure is known", keys(broken))
	}
}

// What the window costs: memory for each ID, and time for each event.
func BenchmarkDuplicates(b *testing.B) {
	const window = 250_000
	d := newDuplicates(window)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	r := newResult("")
	rec := event("", "", "")
	next := func() {
		n++
		rec.EventID = fmt.Appendf(rec.EventID[:0], "%08x-0000-4000-8000-%012x", n, n)
		if d.has(r, rec) {
			b.Fatal("a new event is a duplicate")
		}
		if len(r.events) == 1000 {
			d.remember(r.events)
			r = newResult("")
		}
	}
	for range 2 * window {
		next()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/window, "B/ID")
}
