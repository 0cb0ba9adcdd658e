package sums

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

var columns = Columns{Add, AddKnown, Min, Max}

// newSums returns Sums whose temporary files end with the test.
func newSums(t testing.TB, memory int) *Sums {
	pool := new(extsort.Pool)
	t.Cleanup(pool.Close)
	return New(Config{Columns: columns, Memory: memory, Pool: pool})
}

// randomRow returns a row, the last number of which has no Op of its own.
func randomRow(random *rand.Rand) []int64 {
	return []int64{random.Int64N(10), random.Int64N(1000) + record.Unknown, random.Int64N(1e9), random.Int64N(1e9), 1}
}

// naively merges two rows in the most obvious way.
func naively(a, b []int64) []int64 {
	known := a[1] + b[1]
	switch int64(record.Unknown) {
	case a[1]:
		known = b[1]
	case b[1]:
		known = a[1]
	}
	return []int64{a[0] + b[0], known, min(a[2], b[2]), max(a[3], b[3]), a[4] + b[4]}
}

// However little memory sums have, and whether rows of a key meet in one object or
// in several, they are exact, and come once a key, in order.
func TestSums_AreExactInAnyMemory(t *testing.T) {
	for _, memory := range []int{1, 1000, 100_000, 1 << 30} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(memory)))
			want := make(map[string][]int64)
			total := newSums(t, memory)
			for range 20 {
				object := newSums(t, memory)
				for range random.IntN(500) {
					key, row := fmt.Sprintf("requester\x00%d", random.IntN(1+random.IntN(2000))), randomRow(random)
					if err := object.Add([]byte(key), row); err != nil {
						t.Fatal(err)
					}
					if known := want[key]; known != nil {
						row = naively(known, row)
					}
					want[key] = row
				}
				if most := max(memory, 200); object.size > most || total.size > most {
					t.Fatalf("they take %d and %d bytes of %d", object.size, total.size, memory)
				}
				if err := object.AddTo(total); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // Each may be called again
				got := make(map[string][]int64)
				var keys []string
				err := total.Each(func(key []byte, row []int64) error {
					keys = append(keys, string(key))
					got[string(key)] = slices.Clone(row)
					return nil
				})
				if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
					t.Errorf("%d keys instead of %d, or other sums: %v", len(got), len(want), err)
				}
				if !slices.IsSorted(keys) || len(keys) != len(got) {
					t.Error("keys come twice, or in no order")
				}
			}
		})
	}
}

func TestSums_OfNothingHaveNoKeys(t *testing.T) {
	s := newSums(t, 1)
	if err := s.Each(func([]byte, []int64) error { return errors.New("a key") }); err != nil {
		t.Error(err)
	}
}

func TestSums_TakeRowsOfAnyLength(t *testing.T) {
	for _, memory := range []int{1, 1 << 20} {
		s := newSums(t, memory)
		for range 2 {
			for _, row := range [][]int64{{}, {1}, {1, 2, 3, 4, 5, 6}} {
				if err := s.Add(fmt.Append(nil, len(row)), row); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []string
		err := s.Each(func(key []byte, row []int64) error {
			got = append(got, fmt.Sprintf("%s%v", key, row))
			return nil
		})
		if text := strings.Join(got, " "); err != nil || text != "0[] 1[2] 6[2 4 3 4 10 12]" {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestColumns_StopAtTheLargestNumber(t *testing.T) {
	const most = math.MaxInt64
	for _, test := range []struct {
		op         Op
		a, b, want int64
	}{
		{Add, most, 0, most},
		{Add, most - 1, 2, most},
		{Add, most, most, most},
		{AddKnown, most - 1, 2, most},
		{AddKnown, record.Unknown, record.Unknown, record.Unknown},
		{AddKnown, record.Unknown, 0, 0},
		{AddKnown, 5, record.Unknown, 5},
		{AddKnown, 5, 7, 12},
		{Min, -3, 2, -3},
		{Max, -3, 2, 2},
	} {
		sum := []int64{test.a}
		if (Columns{test.op}).Merge(sum, []int64{test.b}); sum[0] != test.want {
			t.Errorf("%d and %d by %d are %d, want %d", test.a, test.b, test.op, sum[0], test.want)
		}
	}
}

func TestSums_NameTheTemporaryFileThatFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	s := newSums(t, 1)
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = s.Add(fmt.Append(nil, i), []int64{1, 1, 1, 1})
	}
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Error(err)
	}
}

func TestSums_GiveTheirTemporaryFileBack(t *testing.T) {
	pool := new(extsort.Pool)
	s := New(Config{Memory: 1, Pool: pool})
	for i := range 3 {
		if err := s.Add(fmt.Append(nil, i), nil); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s.Close()
	if s.spilled != nil || s.Keys() != 0 {
		t.Error("something is left")
	}
}

func BenchmarkSums_AddToAKnownKey(b *testing.B) {
	s := newSums(b, 1<<20)
	key, row := []byte("server_access\x00arn:aws:iam::111122223333:user/cms"), []int64{1, 1000, 1, 1, 0}
	for b.Loop() {
		if err := s.Add(key, row); err != nil {
			b.Fatal(err)
		}
	}
}
