package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
)

func TestIncrements_AreExactInAnyMemory(t *testing.T) {
	for _, memory := range []int{1, 100, 5000, 1 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(memory), 1))
			sorter := extsort.New(extsort.Config{Memory: memory, Dir: t.TempDir()})
			defer sorter.Close()
			in := newIncrements(memory, sorter)
			want := make(map[string][2]uint64)
			for range 5000 {
				key := fmt.Sprint(random.IntN(300))
				sums, a, b := want[key], random.Uint64N(1000), random.Uint64N(1000)
				want[key] = [2]uint64{sums[0] + a, sums[1] + b}
				if err := in.add([]byte(key), []uint64{a, b}); err != nil {
					t.Fatal(err)
				}
				if len(in.sums) > 1 && in.used > memory {
					t.Fatalf("%d keys take %d bytes", len(in.sums), in.used)
				}
			}
			got := make(map[string][2]uint64)
			var keys []string
			err := in.each(func(key []byte, amounts []uint64) error {
				sums := got[string(key)]
				got[string(key)] = [2]uint64{sums[0] + amounts[0], sums[1] + amounts[1]}
				keys = append(keys, string(key))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, want) {
				t.Error("the sums are others")
			}
			if !slices.IsSorted(keys) {
				t.Error("the keys are in no order")
			}
		})
	}
}

func TestIncrements_StopAtTheLargestNumber(t *testing.T) {
	sums := []uint64{math.MaxUint64 - 1, 1}
	addAll(sums, []uint64{5, 5})
	if !slices.Equal(sums, []uint64{math.MaxUint64, 6}) {
		t.Errorf("%v", sums)
	}
}

func TestHistoryKey_SortsBySeriesAndStep(t *testing.T) {
	var keys []string
	for _, series := range []string{"\x00a\xff", "\x00ab\xff", "\x01a\xff"} {
		for _, step := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			key := appendStep([]byte(series), step)
			if gotSeries, gotStep := splitHistoryKey(key); string(gotSeries) != series || gotStep != step {
				t.Errorf("%q at %d is %q at %d", series, step, gotSeries, gotStep)
			}
			keys = append(keys, string(key))
		}
	}
	for at := range slices.Chunk(keys, 5) {
		if !slices.IsSorted(at) {
			t.Errorf("%q", at)
		}
	}
}
