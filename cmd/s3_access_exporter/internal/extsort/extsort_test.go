package extsort

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// row is a row of the obvious sorter that a Sorter is compared with.
type row struct{ key, value string }

// sorted returns what a Sorter makes of rows.
func sorted(t *testing.T, s *Sorter, rows []row) []row {
	t.Helper()
	for _, r := range rows {
		if err := s.Add([]byte(r.key), []byte(r.value)); err != nil {
			t.Fatal(err)
		}
	}
	return read(t, s)
}

func read(t *testing.T, s *Sorter) []row {
	t.Helper()
	var got []row
	out, err := s.Sort()
	if err != nil {
		t.Fatal(err)
	}
	for out.Next() {
		got = append(got, row{string(out.Key()), string(out.Value())})
	}
	if err := out.Err(); err != nil {
		t.Fatal(err)
	}
	if out.Next() {
		t.Error("there is a row after the last")
	}
	return got
}

func TestSorter_AgreesWithAStableSortInMemory(t *testing.T) {
	for _, memory := range []int{1, 100, 1000, 20_000, 1 << 20} {
		for _, keys := range []int{1, 7, 100_000} {
			t.Run(fmt.Sprintf("%d bytes %d keys", memory, keys), func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(memory), uint64(keys)))
				want := make([]row, 5000) // with 1 byte of memory, more than fanIn*fanIn runs
				for i := range want {
					key := fmt.Sprint(random.IntN(keys))
					want[i] = row{key[random.IntN(len(key)+1):], strings.Repeat("x", random.IntN(50)) + fmt.Sprint(i)}
				}
				s := New(Config{Memory: memory, Dir: t.TempDir()})
				defer s.Close()
				got := sorted(t, s, want)
				if more := len(s.spilledRuns()); more > fanIn {
					t.Errorf("%d runs were open at once", more)
				}
				slices.SortStableFunc(want, func(a, b row) int { return strings.Compare(a.key, b.key) })
				if !slices.Equal(got, want) {
					t.Error("the rows are not those of a stable sort")
				}
				if !slices.Equal(read(t, s), want) {
					t.Error("the rows are others the second time")
				}
			})
		}
	}
}

func (s *Sorter) spilledRuns() []run {
	if s.spill == nil {
		return nil
	}
	return s.spill.runs
}

func TestSorter_SortsNothing(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	if got := sorted(t, s, nil); got != nil {
		t.Errorf("%v", got)
	}
}

func TestSorter_TakesARowLargerThanItsMemory(t *testing.T) {
	rows := []row{{"b", strings.Repeat("y", 1<<20)}, {"", ""}, {strings.Repeat("a", 1<<20), ""}}
	s := New(Config{Memory: 1000, Dir: t.TempDir()})
	defer s.Close()
	if got := sorted(t, s, rows); !slices.Equal(got, []row{rows[1], rows[2], rows[0]}) {
		t.Error("the rows are others")
	}
}

func TestSorter_HoldsNoMoreInMemoryThanItMay(t *testing.T) {
	const memory = 10_000
	s := New(Config{Memory: memory, Dir: t.TempDir()})
	defer s.Close()
	for i := range 10_000 {
		if err := s.Add(fmt.Append(nil, i), bytes.Repeat([]byte{'x'}, i%100)); err != nil {
			t.Fatal(err)
		}
		if size := s.batch.size(); size > memory {
			t.Fatalf("%d bytes after %d rows", size, i+1)
		}
	}
}

func TestSorter_MakesNoFileForWhatFitsIntoMemory(t *testing.T) {
	s := New(Config{Memory: 1 << 20, Dir: filepath.Join(t.TempDir(), "missing")})
	defer s.Close()
	rows := []row{{"b", "1"}, {"a", "2"}}
	if got := sorted(t, s, rows); !slices.Equal(got, []row{rows[1], rows[0]}) {
		t.Errorf("%v", got)
	}
}

func TestSorter_LeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	s := New(Config{Memory: 1, Dir: dir})
	rows := slices.Repeat([]row{{"a", "b"}}, 2*fanIn)
	sorted(t, s, rows)
	file := s.spill.file
	s.Close()
	s.Close()
	if _, err := file.Stat(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the file is open: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestSorter_NamesTheFileThatFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	spilled := func(t *testing.T) *Sorter {
		s := New(Config{Memory: 1, Dir: t.TempDir()})
		t.Cleanup(s.Close)
		for range 3 {
			if err := s.Add([]byte("key"), []byte("value")); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	t.Run("creating", func(t *testing.T) {
		s := New(Config{Memory: 1, Dir: missing})
		defer s.Close()
		_ = s.Add(nil, nil)
		wantError(t, s.Add(nil, nil), missing)
	})
	t.Run("writing", func(t *testing.T) {
		s := spilled(t)
		name := s.spill.file.Name()
		_ = s.spill.file.Close()
		wantError(t, s.Add(nil, nil), "write "+name)
	})
	t.Run("reading", func(t *testing.T) {
		s := spilled(t)
		name := s.spill.file.Name()
		_ = s.spill.file.Close()
		wantError(t, drain(t, s), "read "+name)
	})
	for size := range int64(20) { // of a file of two rows
		t.Run(fmt.Sprintf("%d bytes left", size), func(t *testing.T) {
			s := spilled(t)
			if err := s.spill.file.Truncate(size); err != nil {
				t.Fatal(err)
			}
			err := drain(t, s)
			wantError(t, err, "read "+s.spill.file.Name())
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
			}
		})
	}
	t.Run("merging in passes", func(t *testing.T) {
		s := New(Config{Memory: 1, Dir: t.TempDir()})
		defer s.Close()
		for range 3 * fanIn {
			if err := s.Add([]byte("key"), nil); err != nil {
				t.Fatal(err)
			}
		}
		s.dir = missing
		_, err := s.Sort()
		wantError(t, err, missing)
	})
}

// drain reads the rows, and returns what has ended them.
func drain(t *testing.T, s *Sorter) error {
	t.Helper()
	rows, err := s.Sort()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if rows.Next() {
		t.Error("there are rows after an error")
	}
	return rows.Err()
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want an error with %q", err, text)
	}
}

func BenchmarkSorter(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var keys [1 << 16][16]byte
	for i := range keys {
		for j := range keys[i] {
			keys[i][j] = byte(random.Uint32())
		}
	}
	value := make([]byte, 100)
	for b.Loop() {
		s := New(Config{Memory: 1 << 20, Dir: b.TempDir()})
		for i := range keys {
			if err := s.Add(keys[i][:], value); err != nil {
				b.Fatal(err)
			}
		}
		rows, err := s.Sort()
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
		}
		s.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/row")
}
