package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestGroups_KeepTheFirstOnesInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, count := range []int{0, 1, 9, 10, 11, 5000} {
		r := New(By([]query.Field{query.Key}))
		defer r.Close()
		var want []ranked
		for i := range count {
			want = append(want, ranked{rank: 1 + random.Int64N(50), key: fmt.Sprint(i)})
		}
		want = append(want, ranked{rank: 1<<63 - 1, key: "most"}, ranked{rank: 1, key: ""})
		b := r.NewBatch()
		for i := range want {
			want[i].sum = Sum{Requests: want[i].rank, Sent: 1, Received: record.Unknown, First: int64(i), Last: int64(i)}
			b.Add(&query.Entry{Record: &record.Record{Key: []byte(want[i].key)}, Weight: record.Weight{
				Requests: want[i].rank, SentBytes: 1, ReceivedBytes: record.Unknown, First: int64(i), Last: int64(i),
			}})
		}
		if err := r.Take(b); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want, ranked.compare)
		for _, top := range []int{0, 1, 10, 10_000} {
			g, err := r.finish(0, top)
			if err != nil {
				t.Fatal(err)
			}
			var got []ranked
			err = g.each(func(values []string, s Sum) error {
				got = append(got, ranked{rank: s.Requests, key: values[0], sum: s})
				return nil
			})
			first := want
			if top > 0 {
				first = want[:min(top, len(want))]
			}
			if err != nil || !slices.Equal(got, first) || g.left != int64(len(want)-len(first)) {
				t.Errorf("the first %d of %d: %v, %d left, %v", top, len(want), got, g.left, err)
			}
			g.close()
			if total := g.totals[""]; total.Requests != 1<<63-1 || total.Sent != int64(len(want)) || total.Received != record.Unknown ||
				total.First != 0 || total.Last != int64(len(want)-1) {
				t.Errorf("the total is %+v", total)
			}
		}
	}
}

func TestGroups_OfNothingAreNone(t *testing.T) {
	r := New(Overview())
	defer r.Close()
	for i := range r.tables {
		g, err := r.finish(i, 10)
		if err != nil || len(g.totals) != 0 || g.left != 0 || len(g.best) != 0 {
			t.Errorf("%+v, %v", g, err)
		}
	}
}

func TestReport_TakesBoundedMemoryHoweverManyRequestersThereAre(t *testing.T) {
	const requesters = 100_000
	r := New(By([]query.Field{query.Requester}))
	defer r.Close()
	b := r.NewBatch().(*batch) // all in one
	one := record.Record{Log: record.CloudTrail, Signature: record.SigV2, SentBytes: 10, ReceivedBytes: record.Unknown}
	var class classify.Class
	for i := range 2 * requesters { // each comes twice
		class.Labels[classify.LabelRequester] = fmt.Sprintf("arn:aws:iam::111122223333:user/cms-%d", i*7919%requesters)
		b.Add(&query.Entry{Record: &one, Class: &class, Weight: one.Weight()})
	}
	const least = 64 // bytes of a group
	if held := b.Done(); held > batchMemory/least {
		t.Errorf("a batch holds %d groups", held)
	}
	if err := r.Take(b); err != nil {
		t.Fatal(err)
	}
	if held := r.totals[0].Keys(); held > totalMemory/least {
		t.Errorf("%d groups are in memory", held)
	}
	g, err := r.finish(0, 10)
	if err != nil || g.left != requesters-10 || g.totals[""].Requests != 2*requesters {
		t.Errorf("%d groups are left out of %d requests, %v", g.left, g.totals[""].Requests, err)
	}
	for _, b := range g.best {
		if b.sum.Requests != 2 || b.sum.Sent != 20 {
			t.Fatalf("%+v", b)
		}
	}
}
