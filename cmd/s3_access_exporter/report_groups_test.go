package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// newSorter returns a sorter that the test closes, with little memory.
func newSorter(t testing.TB) func() *extsort.Sorter {
	return func() *extsort.Sorter {
		s := extsort.New(extsort.Config{Memory: 4 << 10, Dir: t.TempDir()})
		t.Cleanup(s.Close)
		return s
	}
}

// However little memory groups have, and whether they meet in one object or in
// several, their sums are exact.
func TestGroups_AddUpExactlyInAnyMemory(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{1, 1000, 100_000, 1 << 30} {
		want := make(map[string]sums)
		total := newGroups(limit, newSorter(t))
		for range 20 {
			object := newGroups(limit, newSorter(t))
			for range random.IntN(500) {
				key := fmt.Sprintf("requester\x00%d", random.IntN(1+random.IntN(2000)))
				s := sumsOf(&record.Record{Time: random.Int64N(1e9), SentBytes: random.Int64N(1e6) - 1, ReceivedBytes: record.Unknown})
				if s.sent < 0 {
					s.sent = record.Unknown
				}
				if known, ok := want[key]; ok {
					known.add(s)
					want[key] = known
				} else {
					want[key] = s
				}
				if err := object.add([]byte(key), s); err != nil {
					t.Fatal(err)
				}
			}
			if err := object.each(total.add); err != nil {
				t.Fatal(err)
			}
			if total.size > max(limit, 1000) || object.size > max(limit, 1000) {
				t.Fatalf("groups take %d and %d bytes of %d", total.size, object.size, limit)
			}
		}
		got := make(map[string]sums)
		err := total.each(func(key []byte, s sums) error {
			if _, twice := got[string(key)]; twice {
				t.Errorf("%q comes twice", key)
			}
			got[string(key)] = s
			return nil
		})
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("in %d bytes, %d groups instead of %d, or other sums: %v", limit, len(got), len(want), err)
		}
	}
}

func TestGroups_OfNothingAreNone(t *testing.T) {
	g := newGroups(1, newSorter(t))
	if err := g.each(func([]byte, sums) error { return errEnough }); err != nil {
		t.Error(err)
	}
}

func TestSums_SayWhatAnyRequestSays(t *testing.T) {
	const most = 1<<63 - 1
	for _, test := range []struct{ a, b, want int64 }{
		{record.Unknown, record.Unknown, record.Unknown},
		{record.Unknown, 0, 0},
		{5, record.Unknown, 5},
		{5, 7, 12},
		{most, 0, most},
		{most - 1, 2, most},
	} {
		s := sums{requests: 1, sent: test.a, received: test.b}
		s.add(sums{requests: 2, sent: test.b, received: test.a})
		if s.requests != 3 || s.sent != test.want || s.received != test.want {
			t.Errorf("%d and %d: %+v", test.a, test.b, s)
		}
		if decoded := decodeSums(s.encode(nil)); decoded != s {
			t.Errorf("%+v is read as %+v", s, decoded)
		}
	}
}

func TestRanking_KeepsTheFirstOnes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	type group struct {
		rank int64
		key  string
	}
	for _, count := range []int{0, 1, 9, 10, 11, 5000} {
		var want []group
		for i := range count {
			want = append(want, group{random.Int64N(50), fmt.Sprint(i)})
		}
		want = append(want[:count:count], group{1<<63 - 1, "most"}, group{0, ""})
		rankings := map[int]*ranking{0: newRanking(0), 1: newRanking(1), 10: newRanking(10), 10_000: newRanking(10_000)}
		for _, r := range rankings {
			defer r.close()
			for _, g := range want {
				if err := r.add(g.rank, []byte(g.key), sums{requests: g.rank}); err != nil {
					t.Fatal(err)
				}
			}
		}
		slices.SortFunc(want, func(a, b group) int {
			switch {
			case a.rank > b.rank, a.rank == b.rank && a.key < b.key:
				return -1
			}
			return 1
		})
		for top, r := range rankings {
			var got []group
			err := r.each(func(key []byte, s sums) error {
				got = append(got, group{s.requests, string(key)})
				return nil
			})
			first := want
			if top > 0 {
				first = want[:min(top, len(want))]
			}
			if err != nil || !slices.Equal(got, first) || r.left() != int64(len(want)-len(first)) {
				t.Errorf("the first %d of %d: %v, %d left, %v", top, len(want), got, r.left(), err)
			}
		}
	}
}

// manyRecords calls add with records of as many requesters, each of which comes
// twice.
func manyRecords(requesters int, add func(*record.Record)) {
	r := record.Record{Log: record.CloudTrail, Bucket: []byte("example-photos"), Signature: record.SigV2, SentBytes: 10, ReceivedBytes: record.Unknown}
	for i := range 2 * requesters {
		r.Requester = fmt.Appendf(r.Requester[:0], "arn:aws:iam::111122223333:user/cms-%d", i*7919%requesters)
		add(&r)
	}
}

func TestGrouping_TakesBoundedMemoryHoweverManyRequestersThereAre(t *testing.T) {
	const requesters = 100_000
	filter, err := query.New(query.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g := newGrouping([]reportTable{{fields: []query.Field{query.Requester}, rank: byRequests}}, filter.Match, classify.Config{})
	defer g.close()
	tally := g.NewTally("s3://example-logs", "object") // all in one object
	manyRecords(requesters, tally.Add)
	if held := tally.Done(); held > tallyMemory/groupOverhead {
		t.Errorf("an object holds %d groups", held)
	}
	if err := g.Take(tally); err != nil {
		t.Fatal(err)
	}
	if size := g.totals[0].size; size > totalMemory {
		t.Errorf("all groups take %d bytes", size)
	}
	order := newRanking(10)
	defer order.close()
	err = g.totals[0].each(func(key []byte, s sums) error {
		if s.requests != 2 || s.sent != 20 {
			t.Fatalf("%s: %+v", key, s)
		}
		return order.add(s.requests, key, s)
	})
	if err != nil || order.left() != requesters-10 {
		t.Errorf("%d groups are left out, %v", order.left(), err)
	}
}
