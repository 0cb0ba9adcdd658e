package collector

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// ledger is the plain count of every series: slow, without memory and without
// limits.
type ledger map[string]float64

// add counts a record, which a Classifier of its own looks at.
func (l ledger) add(r *record.Record) {
	labels := classify.NewClassifier(classify.Config{}).Classify(r).Labels
	amounts := plainAmounts(r)
	for _, family := range Families() {
		has, unknown := plainFeatures(r)
		switch family.String() {
		case "s3_access_legacy_undetermined_requests_total":
			has = unknown
			fallthrough
		case "s3_access_legacy_requests_total":
			for _, labels[classify.LabelFeature] = range has {
				l[seriesText(family.String(), family.Labels(), labels)]++
			}
			continue
		}
		if amount, ok := amounts[family.String()]; ok {
			l[seriesText(family.String(), family.Labels(), labels)] += amount
		}
	}
}

// seriesText names a series; its labels are sorted.
func seriesText(family string, names []classify.Label, labels classify.Labels) string {
	pairs := make([]string, 0, len(names))
	for _, label := range names {
		pairs = append(pairs, fmt.Sprintf("%s=%q", label, labels[label]))
	}
	slices.Sort(pairs)
	return family + "{" + strings.Join(pairs, ",") + "}"
}

// exposed returns a scrape of c as a ledger.
func exposed(t *testing.T, c *Collector) ledger {
	t.Helper()
	got := ledger{}
	families := gather(t, c)
	for _, family := range Families() {
		if family.Kind() == KindInfo {
			continue
		}
		for _, m := range families[family.String()].GetMetric() {
			var labels classify.Labels
			for _, pair := range m.GetLabel() {
				labels[slices.Index(labelPairNames[:], pair.GetName())] = pair.GetValue()
			}
			got[seriesText(family.String(), family.Labels(), labels)] = m.GetCounter().GetValue() +
				float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}

// forgetful returns a Collector whose workbenches remember hardly anything, so
// that they forget all the time, in the middle of a Tally too.
func forgetful(t *testing.T, config Config, rows int) *Collector {
	t.Helper()
	c := newCollector(t, config)
	c.caches.make = func() *labelCache { return newLabelCache(c.schemas, &config, rows) }
	return c
}

// However Tallies follow and overlap each other, whatever commits fail and Tallies
// are dropped, and whatever the workbenches have remembered and forgotten in
// between: every series has what a plain count has.
func TestCollector_EverySeriesIsAPlainCount(t *testing.T) {
	for _, rows := range []int{1, 7, 60, maxRows} {
		rng := rand.New(rand.NewPCG(uint64(rows), 11))
		c, store, want := forgetful(t, Config{}, rows), newMemStore(), ledger{}
		var open, ended []*Tally
		for range 40 {
			open = slices.DeleteFunc(open, func(tally *Tally) bool {
				if rng.IntN(3) > 0 {
					return false
				}
				tally.Done() // so that others may follow on its labelCache
				ended = append(ended, tally)
				return true
			})
			open = append(open, c.NewTally())
			broken := c.NewTally() // its object is, at the end
			for range rng.IntN(60) {
				r := randomRecord(rng)
				if rng.IntN(5) == 0 {
					broken.Add(&r)
					continue
				}
				open[rng.IntN(len(open))].Add(&r)
				want.add(&r)
			}
			broken.Done()
			switch rng.IntN(4) {
			case 0:
				ended, open = append(ended, open...), nil
				failStage(t, c, store, ended)
			case 1:
				stageAll(t, c, store, append(ended, open...))
				ended, open = nil, nil
			}
		}
		stageAll(t, c, store, append(ended, open...))
		wantLedger(t, c, want)
		wantLedger(t, store.load(t, Config{}), want)
	}
}

// failStage stages tallies for a commit that fails.
func failStage(t *testing.T, c *Collector, store *memStore, tallies []*Tally) {
	t.Helper()
	if _, err := c.Stage(tallies, store); err != nil {
		t.Fatal(err)
	}
	store.rollback()
}

func stageAll(t *testing.T, c *Collector, store *memStore, tallies []*Tally) {
	t.Helper()
	expose, err := c.Stage(tallies, store)
	if err != nil {
		t.Fatal(err)
	}
	store.commit()
	expose()
}

func wantLedger(t *testing.T, c *Collector, want ledger) {
	t.Helper()
	got := exposed(t, c)
	if maps.Equal(got, want) {
		return
	}
	if len(got) != len(want) {
		t.Errorf("%d series, want %d", len(got), len(want))
	}
	for name, value := range want {
		if got[name] != value {
			t.Fatalf("%s is %v, want %v", name, got[name], value)
		}
	}
}

// The same under limits, where sums are exact and a Tally is bounded.
func TestCollector_SumsAreExactWhateverIsForgotten(t *testing.T) {
	for _, limit := range []int{1, 5, 50} {
		for _, rows := range []int{1, 20, maxRows} {
			rng := rand.New(rand.NewPCG(uint64(limit), uint64(rows)))
			c, store, want := forgetful(t, Config{SeriesLimit: limit}, rows), newMemStore(), totals{}
			for range 10 {
				tally := c.NewTally()
				for range rng.IntN(300) {
					r := randomRecord(rng)
					tally.Add(&r)
					want.add(&r)
				}
				if got, most := tally.Done(), tallyRoom(limit)+int(familyCount)*rows; got > most {
					t.Errorf("limit %d: a tally of %d label sets, want at most %d", limit, got, most)
				}
				failStage(t, c, store, []*Tally{tally})
				stageAll(t, c, store, []*Tally{tally})
			}
			got := sums(t, c)
			for family, total := range want {
				if got[family] != total {
					t.Errorf("limit %d: %s sums to %v, want %v", limit, family, got[family], total)
				}
			}
		}
	}
}

// tallyRoom returns the number of series that a Tally of randomRecords may hold
// besides rows: of those that are folded to the last, there are few values left.
func tallyRoom(limit int) int {
	const logs, signatures, authMethods, outcomes = 2, 5, 1, 3
	return int(familyCount) * (2*limit + logs*signatures*authMethods*outcomes)
}

func TestWorkbench_IsBoundedInAFlood(t *testing.T) {
	const rows = 100
	c := forgetful(t, Config{SeriesLimit: 10}, rows)
	tally := c.NewTally()
	cells := func() int {
		n := 0
		for _, known := range tally.cache.cells {
			n += len(known)
		}
		return n
	}
	records := flood(10 * rows)
	for i := range records {
		tally.Add(&records[i])
		before := tally.cache.rows.held
		if tally.Add(&records[i]); tally.cache.rows.held != before {
			t.Fatal("what was just seen is forgotten")
		}
		if got, most := tally.cache.rows.held, rows; got > most {
			t.Fatalf("%d rows, want at most %d", got, most)
		}
		if got, most := len(tally.cache.counting), rows; got > most {
			t.Fatalf("%d rows are counting, want at most %d", got, most)
		}
		if got, most := cells(), tallyRoom(10)+int(familyCount)*rows; got > most {
			t.Fatalf("%d cells, want at most %d", got, most)
		}
	}
}

func TestWorkbench_DoesNotKeepALargeTallysCells(t *testing.T) {
	const rows = 100
	c := forgetful(t, Config{}, rows)
	records := flood(10 * rows)
	tally := tallyOf(c, records...)
	bench := tally.cache
	if got := tally.Done(); got < 10*rows {
		t.Fatalf("a tally of %d series, want more", got)
	}
	for family, known := range bench.cells {
		if got := len(known); got > 4*rows {
			t.Errorf("%s: %d cells are left", Family(family), got)
		}
	}
}

func TestRowTable_FindsEveryRowWhenFull(t *testing.T) {
	const most = 5000
	classifier := classify.NewClassifier(classify.Config{})
	read := func(account string, i int) (facts classify.Facts) {
		r := request(inBucket(fmt.Sprintf("example-%d", i)))
		r.AccountID = []byte(account)
		classifier.Read(&r, &facts)
		return facts
	}
	table, known := newRowTable(most), make([]classify.Facts, most)
	for i := range known {
		known[i] = read("111122223333", i)
		free := table.find(&known[i])
		if free.row != nil {
			t.Fatalf("row %d is found before it was added", i)
		}
		free.row = &row{facts: known[i]}
	}
	for i := range known {
		if found := table.find(&known[i]).row; found == nil || found.facts != known[i] {
			t.Fatalf("row %d is not found", i)
		}
	}
	// None is taken for another one, even if all hashes were much the same.
	for i := range 20 {
		absent := read("444455556666", i)
		tag := table.find(&absent).tag
		for i := range table.slots {
			table.slots[i].tag = tag
		}
		if table.find(&absent).row != nil {
			t.Error("a row is found that was never added")
		}
	}
	if free := len(table.slots) - most; free < len(table.slots)/4 {
		t.Errorf("%d of %d slots are free, want a quarter", free, len(table.slots))
	}
}

// What a record touches of a row is one cache line, if rows begin at one.
func TestRow_BeginsAtACacheLine(t *testing.T) {
	const line = 64
	kind := reflect.TypeFor[row]()
	if facts := kind.Field(0); facts.Name != "facts" || facts.Type.Size() != line {
		t.Errorf("a row begins with %s of %d bytes, want the facts in %d", facts.Name, facts.Type.Size(), line)
	}
	if kind.Size()%line != 0 {
		t.Errorf("a row has %d bytes, want a multiple of %d", kind.Size(), line)
	}
}
