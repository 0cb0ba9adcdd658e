package collector

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// What two Collectors have counted, and one is left with, is what one would have counted.
func TestMerger_AddsUpWhatTwoHaveCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	config := Config{SeriesHold: 0, Now: newClock().Now}
	stores := []*memStore{newMemStore(), newMemStore(), newMemStore()}
	var all []record.Record
	for i, store := range stores[:2] {
		records := randomRecords(rng, 400)
		commit(t, newCollector(t, config), store, records...)
		if i == 1 { // some series of the two are of the same labels
			commit(t, store.load(t, config), store, all[:len(all)/3]...)
			records = append(records, all[:len(all)/3]...)
		}
		all = append(all, records...)
	}
	commit(t, newCollector(t, config), stores[2], all...)
	heir, dissolved := stores[0].committed, stores[1].committed
	merger, both := NewMerger(), 0
	for key, value := range dissolved {
		if has, ok := heir[key]; ok {
			both++
			sum, err := merger.Merge([]byte(key), has, value)
			if err != nil {
				t.Fatal(err)
			}
			value = sum
		}
		heir[key] = value
	}
	if both < 10 || both == len(dissolved) {
		t.Fatalf("%d of %d series are there twice", both, len(dissolved))
	}
	want := valuesOf(t, stores[2].load(t, config))
	got := valuesOf(t, stores[0].load(t, config))
	if len(got) != len(want) {
		t.Errorf("there are %d series, not %d", len(got), len(want))
	}
	for series, value := range want {
		if got[series] != value {
			t.Errorf("%s is %s, not %s", series, got[series], value)
		}
	}
}

// valuesOf returns what a Collector shows, as text, by series.
func valuesOf(t *testing.T, c *Collector) map[string]string {
	t.Helper()
	values := make(map[string]string)
	for _, family := range gatheredOf(t, c) {
		for _, m := range family.Metric {
			name := family.GetName() + (&dto.Metric{Label: m.Label}).String()
			text := m.String()
			if m.Counter != nil { // of one, no more than the exemplar's time is stored
				m.Counter.Exemplar = nil
				text = m.Counter.String()
			}
			values[name] = text
		}
	}
	return values
}

// A series that one of the two has shown is shown: it must not go back to 0.
func TestMerger_ShowsWhatWasShown(t *testing.T) {
	clock := newClock()
	config := Config{SeriesHold: time.Minute, Now: clock.Now}
	shown, held := newMemStore(), newMemStore()
	c := newCollector(t, config)
	commit(t, c, shown, request())
	clock.advance(2 * time.Minute)
	commit(t, c, shown)
	commit(t, newCollector(t, config), held, request())
	for key, value := range shown.committed {
		sum, err := NewMerger().Merge([]byte(key), held.committed[key], value)
		if err != nil {
			t.Fatal(err)
		}
		held.committed[key] = sum
	}
	for _, family := range gatheredOf(t, held.load(t, config)) {
		for _, m := range family.Metric {
			if family.GetName() == "s3_access_requests_total" && m.GetCounter().GetValue() != 2 {
				t.Errorf("it shows %v", m)
			}
		}
	}
}

func TestMerger_RefusesWhatItDoesNotKnow(t *testing.T) {
	store := newMemStore()
	commit(t, newCollector(t, Config{}), store, request())
	for key, value := range store.committed {
		for _, broken := range [][3][]byte{
			{[]byte("x"), value, value},
			{[]byte(key), value[:1], value},
			{[]byte(key), value, nil},
			{[]byte(key[:len(key)-1]), value, value},
		} {
			if sum, err := NewMerger().Merge(broken[0], broken[1], broken[2]); !errors.As(err, new(*StoredError)) {
				t.Errorf("%q: %v, %v", broken, sum, err)
			}
		}
	}
}
