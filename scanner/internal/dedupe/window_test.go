package dedupe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func event(id, shared, original string) *record.Record {
	return &record.Record{EventID: []byte(id), SharedEventID: []byte(shared), OriginalEventID: []byte(original)}
}

func newClaim(name string) *Claim { return &Claim{Name: name} }

func TestWindow_RecognisesAnEventByAnyOfItsIDs(t *testing.T) {
	const a, b, c = "20000000-0000-4000-8000-00000000000a", "20000000-0000-4000-8000-00000000000b", "not a UUID"
	tests := map[string]struct {
		first, second *record.Record
		want          bool
	}{
		"delivered twice":               {event(a, "", ""), event(a, "", ""), true},
		"to both accounts":              {event(a, "s", ""), event(b, "s", ""), true},
		"corrected":                     {event(a, "", ""), event(b, "", a), true},
		"corrected, then the original":  {event(b, "", a), event(a, "", ""), true},
		"ID that is no UUID":            {event(c, "", ""), event(c, "", ""), true},
		"UUID in capitals":              {event(a, "", ""), event(strings.ToUpper(a), "", ""), true},
		"IDs that are almost UUIDs":     {event(a+"0", "", ""), event(a+"1", "", ""), false},
		"IDs with a digit that is none": {event(a[:35]+"x", "", ""), event(a[:35]+"y", "", ""), false},
		"another event":                 {event(a, "", ""), event(b, "", ""), false},
		"other events of one account":   {event(a, "s", ""), event(b, "t", ""), false},
		"events without IDs":            {event("", "", ""), event("", "", ""), false},
		"a record that is of no event":  {event(a, "", ""), &record.Record{RequestID: []byte(a)}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, how := range []string{"in one object", "in two objects", "in a commit before"} {
				d := NewWindow(10)
				one, two := newClaim("1"), newClaim("2")
				if d.Has(one, test.first) {
					t.Fatal("the first event is a duplicate")
				}
				switch how {
				case "in one object":
					two = one
				case "in a commit before":
					d.Commit([]*Claim{one})
				}
				if got := d.Has(two, test.second); got != test.want {
					t.Errorf("%s: %v, want %v", how, got, test.want)
				}
				if depends, want := two.dependsOn(one), test.want && how == "in two objects"; depends != want {
					t.Errorf("%s: depends %v, want %v", how, depends, want)
				}
			}
		})
	}
}

// hexUUID is parseUUID in the obvious way.
func hexUUID(text []byte) (id eventID, ok bool) {
	groups := bytes.Split(text, []byte("-"))
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(groups) != 5 || len(groups[i]) != n {
			return id, false
		}
	}
	_, err := hex.Decode(id[:], bytes.Join(groups, nil))
	return id, err == nil
}

func TestParseUUID_AgreesWithHex(t *testing.T) {
	check := func(text []byte) {
		t.Helper()
		got, ok := parseUUID(text)
		if want, isOne := hexUUID(text); ok != isOne || ok && got != want {
			t.Errorf("%q: %x %v, want %x %v", text, got, ok, want, isOne)
		}
	}
	const uuid = "20000000-0000-4000-8000-00000000000a"
	for at := range len(uuid) {
		for c := range 256 {
			text := []byte(uuid)
			text[at] = byte(c)
			check(text)
		}
		check([]byte(uuid[:at]))
	}
	check([]byte(uuid + "0"))
	random := rand.New(rand.NewPCG(1, 1))
	const digits = "0123456789abcdefABCDEF"
	for range 10_000 {
		text := []byte(uuid)
		for i, c := range text {
			if c != '-' {
				text[i] = digits[random.IntN(len(digits))]
			}
		}
		check(text)
	}
}

func TestWindow_IsBoundedAndDurable(t *testing.T) {
	var stored [][]byte
	restart := func() *Window {
		restored := NewWindow(100)
		for _, ids := range stored {
			if err := restored.Restore(ids); err != nil {
				t.Fatal(err)
			}
		}
		return restored
	}
	d := NewWindow(100)
	for i := range 50 {
		if i%20 == 15 {
			d = restart()
		}
		r := newClaim("")
		for j := range 10 {
			d.Has(r, event(fmt.Sprint(i, " ", j), "", ""))
		}
		ids, old := d.Changes([]*Claim{r})
		stored = append(stored[old:], ids)
		d.Commit([]*Claim{r})
	}
	restored := restart()
	for _, d := range []*Window{d, restored} {
		if n := d.events.count; n < 100 || n > 110 {
			t.Errorf("%d IDs are remembered, want 100 to 110", n)
		}
		for _, i := range []int{40, 49} {
			if !d.Has(newClaim(""), event(fmt.Sprint(i, " 0"), "", "")) {
				t.Errorf("an event of commit %d of 50 is forgotten", i)
			}
		}
		if d.Has(newClaim(""), event("0 0", "", "")) {
			t.Error("the oldest event is remembered")
		}
	}
}

func TestWindow_KeepsNoObjectThatIsDone(t *testing.T) {
	d := NewWindow(100)
	for i := range 50 {
		counted, broken := newClaim(""), newClaim("")
		d.Has(counted, event(fmt.Sprint(i, " counted"), "", ""))
		d.Has(broken, event(fmt.Sprint(i, " broken"), "", ""))
		d.Commit([]*Claim{counted})
		d.release(broken)
		for _, c := range []*Claim{counted, broken} {
			if c.Events() > 0 || c.owner != 0 {
				t.Fatalf("an object that is done has the claim %+v", c)
			}
		}
	}
	if most := 1 + 2; len(d.owners) > most || slices.ContainsFunc(d.owners, func(r *Claim) bool { return r != nil }) {
		t.Errorf("%d objects are kept: %v, want none in %d places at most", len(d.owners), d.owners, most)
	}
}

func TestWindow_OfNothingNeedsNothing(t *testing.T) {
	d := NewWindow(0)
	r := newClaim("")
	for range 2 {
		if d.Has(r, event("a", "", "")) {
			t.Error("an event is recognised although none is to be")
		}
	}
	d.release(r)
	d.Commit([]*Claim{r})
	if ids, old := d.Changes([]*Claim{r}); ids != nil || old != 0 {
		t.Errorf("%d bytes and %d old commits are to be stored", len(ids), old)
	}
	if err := d.Restore(make([]byte, 16)); err != nil {
		t.Error(err)
	}
}

func TestWindow_RestoresNothingThatIsCutOff(t *testing.T) {
	if NewWindow(10).Restore(make([]byte, 31)) == nil {
		t.Error("two IDs of which a byte is missing are restored")
	}
}

// knownEvents is a Window in the obvious way.
type knownEvents struct {
	limit     int
	commits   [][]string
	claimed   map[string]*Claim
	claims    map[*Claim][]string
	dependsOn map[*Claim]map[*Claim]bool
}

func newKnownEvents(limit int) *knownEvents {
	return &knownEvents{
		limit: limit, claimed: make(map[string]*Claim), claims: make(map[*Claim][]string),
		dependsOn: make(map[*Claim]map[*Claim]bool),
	}
}

func (k *knownEvents) committed(id string) bool {
	return slices.ContainsFunc(k.commits, func(c []string) bool { return slices.Contains(c, id) })
}

func (k *knownEvents) has(r *Claim, ids ...string) bool {
	known := false
	for _, id := range ids {
		owner := k.claimed[id]
		known = known || owner != nil || k.committed(id)
		if owner != nil && owner != r {
			if k.dependsOn[r] == nil {
				k.dependsOn[r] = make(map[*Claim]bool)
			}
			k.dependsOn[r][owner] = true
		}
	}
	for _, id := range ids {
		if k.claimed[id] == nil && !k.committed(id) {
			k.claimed[id] = r
			k.claims[r] = append(k.claims[r], id)
		}
	}
	return known
}

// end ends an object's claims, and returns them.
func (k *knownEvents) end(r *Claim) []string {
	ids := k.claims[r]
	for _, id := range ids {
		delete(k.claimed, id)
	}
	delete(k.claims, r)
	return ids
}

func (k *knownEvents) commit(objects []*Claim) {
	var commit []string
	for _, r := range objects {
		commit = append(commit, k.end(r)...)
	}
	if len(commit) == 0 {
		return
	}
	k.commits = append(k.commits, commit)
	for n := len(slices.Concat(k.commits...)) - len(k.commits[0]); n >= k.limit; n -= len(k.commits[0]) {
		k.commits = k.commits[1:]
	}
}

func TestWindow_AgreesWithTheObviousWay(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		limit := 1 + random.IntN(300)
		d, want := NewWindow(limit), newKnownEvents(limit)
		var flying []*Claim
		land := func() *Claim {
			i := random.IntN(len(flying))
			r := flying[i]
			flying = slices.Delete(flying, i, i+1)
			return r
		}
		for step := range 5000 {
			for len(flying) < 3 || len(flying) < 10 && random.IntN(20) == 0 {
				flying = append(flying, newClaim(fmt.Sprint(step)))
			}
			switch r := flying[random.IntN(len(flying))]; random.IntN(40) {
			case 0:
				r = land()
				d.release(r)
				want.end(r)
			case 1:
				batch := []*Claim{land(), land()}
				d.Commit(batch)
				want.commit(batch)
			default:
				ids := make([]string, 3)
				for i := range ids[:1+random.IntN(3)] {
					ids[i] = fmt.Sprint(random.IntN(600))
				}
				got := d.Has(r, event(ids[0], ids[1], ids[2]))
				ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
				if want := want.has(r, ids...); got != want {
					t.Fatalf("seed %d, step %d: known %v, want %v", seed, step, got, want)
				}
				if len(r.depends) != len(want.dependsOn[r]) ||
					slices.ContainsFunc(r.depends, func(on *Claim) bool { return !want.dependsOn[r][on] }) {
					t.Fatalf("seed %d, step %d: depends on %v", seed, step, r.depends)
				}
			}
			if n := len(want.claimed) + len(slices.Concat(want.commits...)); d.events.count != n {
				t.Fatalf("seed %d, step %d: %d IDs are held, want %d", seed, step, d.events.count, n)
			}
		}
	}
}

// What the window costs: memory for each ID, and time for each event.
func BenchmarkWindow(b *testing.B) {
	const window = 250_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := NewWindow(window)
	n := 0
	r := newClaim("")
	var number [8]byte
	rec := event("20000000-0000-4000-8000-00000000000a", "", "")
	next := func() {
		n++
		binary.BigEndian.PutUint64(number[:], uint64(n)*0x9E3779B97F4A7C15)
		hex.Encode(rec.EventID[:8], number[:4])
		hex.Encode(rec.EventID[24:], number[2:])
		if d.Has(r, rec) {
			b.Fatal("a new event is a duplicate")
		}
		if r.Events() == 1000 {
			d.Commit([]*Claim{r})
			r = newClaim("")
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
