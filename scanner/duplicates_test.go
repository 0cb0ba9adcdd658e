package scanner

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

func cloudTrail(id, shared, original string) *record.Record {
	return &record.Record{
		Log: record.CloudTrail, EventID: []byte(id), SharedEventID: []byte(shared), OriginalEventID: []byte(original),
	}
}

func newResult(key string) *result { return &result{job: &job{obj: source.Object{Key: key}}} }

func TestDuplicates_AreToldByAnyOfTheirIDs(t *testing.T) {
	const a, b, c = "20000000-0000-4000-8000-00000000000a", "20000000-0000-4000-8000-00000000000b", "not a UUID"
	tests := map[string]struct {
		first, second *record.Record
		want          bool
	}{
		"delivered twice":                   {cloudTrail(a, "", ""), cloudTrail(a, "", ""), true},
		"to both accounts":                  {cloudTrail(a, "s", ""), cloudTrail(b, "s", ""), true},
		"corrected":                         {cloudTrail(a, "", ""), cloudTrail(b, "", a), true},
		"corrected, then the original":      {cloudTrail(b, "", a), cloudTrail(a, "", ""), true},
		"ID that is no UUID":                {cloudTrail(c, "", ""), cloudTrail(c, "", ""), true},
		"UUID in capitals":                  {cloudTrail(a, "", ""), cloudTrail(strings.ToUpper(a), "", ""), true},
		"IDs that are almost UUIDs":         {cloudTrail(a+"0", "", ""), cloudTrail(a+"1", "", ""), false},
		"IDs with a digit that is none":     {cloudTrail(a[:35]+"x", "", ""), cloudTrail(a[:35]+"y", "", ""), false},
		"another event":                     {cloudTrail(a, "", ""), cloudTrail(b, "", ""), false},
		"other events of one account":       {cloudTrail(a, "s", ""), cloudTrail(b, "t", ""), false},
		"events without IDs":                {cloudTrail("", "", ""), cloudTrail("", "", ""), false},
		"server access logs have no events": {cloudTrail(a, "", ""), &record.Record{Log: record.ServerAccess, EventID: []byte(a)}, false},
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
					d.remember([]*result{one})
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

func TestDuplicates_WindowIsBoundedAndDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	restart := func() *duplicates {
		restored := newDuplicates(100)
		if err := state.View(restored.restore); err != nil {
			t.Fatal(err)
		}
		return restored
	}
	d := newDuplicates(100)
	for i := range 50 {
		if i%20 == 15 {
			d = restart()
		}
		r := newResult("")
		for j := range 10 {
			d.has(r, cloudTrail(fmt.Sprint(i, " ", j), "", ""))
		}
		if err := state.Update(func(tx *checkpoint.Tx) error { return d.stage(tx, []*result{r}) }); err != nil {
			t.Fatal(err)
		}
		d.remember([]*result{r})
	}
	restored := restart()
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*duplicates{d, restored} {
		if n := d.events.count; n < 100 || n > 110 {
			t.Errorf("%d IDs are remembered, want 100 to 110", n)
		}
		for _, i := range []int{40, 49} {
			if !d.has(newResult(""), cloudTrail(fmt.Sprint(i, " 0"), "", "")) {
				t.Errorf("an event of commit %d of 50 is forgotten", i)
			}
		}
		if d.has(newResult(""), cloudTrail("0 0", "", "")) {
			t.Error("the oldest event is remembered")
		}
	}
}

func TestDuplicates_KeepNoObjectThatIsDone(t *testing.T) {
	d := newDuplicates(100)
	for i := range 50 {
		counted, broken := newResult(""), newResult("")
		d.has(counted, cloudTrail(fmt.Sprint(i, " counted"), "", ""))
		d.has(broken, cloudTrail(fmt.Sprint(i, " broken"), "", ""))
		d.remember([]*result{counted})
		d.release(broken)
		if counted.claims != (claims{}) || broken.claims != (claims{}) {
			t.Fatal("an object that is done has claims")
		}
	}
	if most := 1 + 2; len(d.owners) > most || slices.ContainsFunc(d.owners, func(r *result) bool { return r != nil }) {
		t.Errorf("%d objects are kept: %v, want none in %d places at most", len(d.owners), d.owners, most)
	}
}

func TestDuplicates_OfNothingNeedNothing(t *testing.T) {
	d := newDuplicates(0)
	r := newResult("")
	for range 2 {
		if d.has(r, cloudTrail("a", "", "")) {
			t.Error("a duplicate is told although none are to be")
		}
	}
	d.release(r)
	d.remember(nil)
	if err := errors.Join(d.stage(nil, nil), d.restore(nil)); err != nil {
		t.Error(err)
	}
}

// knownEvents says what duplicates are to say, in the obvious way.
type knownEvents struct {
	limit     int
	commits   [][]string
	claimed   map[string]*result
	claims    map[*result][]string
	dependsOn map[*result]map[*result]bool
}

func newKnownEvents(limit int) *knownEvents {
	return &knownEvents{
		limit: limit, claimed: make(map[string]*result), claims: make(map[*result][]string),
		dependsOn: make(map[*result]map[*result]bool),
	}
}

func (k *knownEvents) committed(id string) bool {
	return slices.ContainsFunc(k.commits, func(c []string) bool { return slices.Contains(c, id) })
}

func (k *knownEvents) has(r *result, ids ...string) bool {
	known := false
	for _, id := range ids {
		owner := k.claimed[id]
		known = known || owner != nil || k.committed(id)
		if owner != nil && owner != r {
			if k.dependsOn[r] == nil {
				k.dependsOn[r] = make(map[*result]bool)
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
func (k *knownEvents) end(r *result) []string {
	ids := k.claims[r]
	for _, id := range ids {
		delete(k.claimed, id)
	}
	delete(k.claims, r)
	return ids
}

func (k *knownEvents) remember(objects []*result) {
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

func TestDuplicates_AgreeWithTheObviousWay(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		limit := 1 + random.IntN(300)
		d, want := newDuplicates(limit), newKnownEvents(limit)
		var flying []*result
		land := func() *result {
			i := random.IntN(len(flying))
			r := flying[i]
			flying = slices.Delete(flying, i, i+1)
			return r
		}
		for step := range 5000 {
			for len(flying) < 3 || len(flying) < 10 && random.IntN(20) == 0 {
				flying = append(flying, newResult(fmt.Sprint(step)))
			}
			switch r := flying[random.IntN(len(flying))]; random.IntN(40) {
			case 0:
				r = land()
				d.release(r)
				want.end(r)
			case 1:
				batch := []*result{land(), land()}
				d.remember(batch)
				want.remember(batch)
			default:
				ids := make([]string, 3)
				for i := range ids[:1+random.IntN(3)] {
					ids[i] = fmt.Sprint(random.IntN(600))
				}
				got := d.has(r, cloudTrail(ids[0], ids[1], ids[2]))
				ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
				if want := want.has(r, ids...); got != want {
					t.Fatalf("seed %d, step %d: known %v, want %v", seed, step, got, want)
				}
				if len(r.depends) != len(want.dependsOn[r]) ||
					slices.ContainsFunc(r.depends, func(on *result) bool { return !want.dependsOn[r][on] }) {
					t.Fatalf("seed %d, step %d: depends on %v", seed, step, keys(r.depends))
				}
			}
			if n := len(want.claimed) + len(slices.Concat(want.commits...)); d.events.count != n {
				t.Fatalf("seed %d, step %d: %d IDs are held, want %d", seed, step, d.events.count, n)
			}
		}
	}
}

// What the window costs: memory for each ID, and time for each event.
func BenchmarkDuplicates(b *testing.B) {
	const window = 250_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := newDuplicates(window)
	n := 0
	r := newResult("")
	var number [8]byte
	rec := cloudTrail("20000000-0000-4000-8000-00000000000a", "", "")
	next := func() {
		n++
		binary.BigEndian.PutUint64(number[:], uint64(n)*0x9E3779B97F4A7C15)
		hex.Encode(rec.EventID[:8], number[:4])
		hex.Encode(rec.EventID[24:], number[2:])
		if d.has(r, rec) {
			b.Fatal("a new event is a duplicate")
		}
		if r.claims.events.n == 1000 {
			d.remember([]*result{r})
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
