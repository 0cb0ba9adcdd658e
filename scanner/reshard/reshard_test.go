package reshard_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

var seeds = flag.Int("reshard.seeds", 4, "number of random sets of checkpoints that are interrupted at every step")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// courses are what numbers of shards follow each other.
var courses = [][2]int{{1, 3}, {3, 5}, {5, 2}, {4, 3}, {2, 1}, {1, 2}, {3, 4}}

func TestRun_MovesStreamsAndKeepsSums(t *testing.T) {
	for _, c := range courses {
		from, to := c[0], c[1]
		t.Run(fmt.Sprintf("%d to %d", from, to), func(t *testing.T) {
			s := newSet(t)
			s.fill(rand.New(rand.NewPCG(1, 2)), from)
			paths := s.paths
			for len(paths) < to {
				paths = append(paths, s.newPath())
			}
			before := s.all(s.paths...)
			report, err := s.reshard(alive(), to, paths...)
			if err != nil {
				t.Fatal(err)
			}
			after := s.all(paths...)
			for _, word := range []string{"stream", " failure", " marks"} {
				if a, b := lines(before, word), lines(after, word); !slices.Equal(a, b) {
					t.Errorf("lines of%s are %q, not %q", word, b, a)
				}
			}
			if a, b := totals(t, before), totals(t, after); !maps.Equal(a, b) {
				t.Errorf("series add up to %v, not %v", b, a)
			}
			for index, path := range paths {
				text := after[filepath.Base(path)]
				if want := fmt.Sprintf("shard %d/%d true\nresharding false\n", index, to); !strings.HasPrefix(text, want) {
					t.Errorf("shard %d is %.60q", index, text)
				}
				if index >= to && strings.Count(text, "\n") != 2 {
					t.Errorf("what is dissolved keeps %s", text)
				}
				for _, line := range lines(map[string]string{"": text}, "stream") {
					name := strings.TrimSuffix(strings.TrimPrefix(strings.Fields(line)[1]+" "+strings.Fields(line)[2], "{aws/logs "), "}")
					stream, ok := logkey.ParseID(name)
					if !ok || shard.Owner("aws/logs", stream, to) != index {
						t.Errorf("shard %d has stream %q", index, name)
					}
				}
				if index < from && index < to && from <= to && !slices.Equal(lines(map[string]string{"": text}, "series"), lines(map[string]string{"": before[filepath.Base(path)]}, "series")) {
					t.Errorf("the series of shard %d have moved", index)
				}
			}
			if len(report.Shards) != max(from, to) || !strings.Contains(report.String(), fmt.Sprintf("shard 0/%d", to)) {
				t.Errorf("the report is %s", report)
			}
			for _, path := range paths {
				if _, err := checkpoint.Verify(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestRun_KeepsAllThatAPrefixHas(t *testing.T) {
	var kept checkpoint.Prefix
	for i, v := 0, reflect.ValueOf(&kept).Elem(); i < v.NumField(); i++ {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *time.Time:
			*f = noon.Add(-time.Duration(i+1) * time.Hour)
		case *string:
			*f = record.JSON.String()
		case *int:
			*f = 7
		case *bool:
			*f = true
		default:
			t.Fatalf("field %s is of a type that this test does not fill", v.Type().Field(i).Name)
		}
	}
	other := checkpoint.Prefix{Floor: noon.Add(-100 * time.Hour), Searched: noon, Text: noon, Before: 8}
	joined := checkpoint.Prefix{Floor: other.Floor, Searched: kept.Searched, Looked: other.Floor, Blind: kept.Blind, Kept: kept.Kept, Before: 15, More: true, Form: kept.Form, Text: noon}
	for _, tt := range []struct {
		name   string
		from   []checkpoint.Prefix
		to     int
		wanted []checkpoint.Prefix
	}{
		{"more shards", []checkpoint.Prefix{kept}, 2, []checkpoint.Prefix{kept, without(kept)}},
		{"fewer", []checkpoint.Prefix{kept, other}, 1, []checkpoint.Prefix{joined}},
		{"fewer, the other way about", []checkpoint.Prefix{other, kept}, 1, []checkpoint.Prefix{joined}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSet(t)
			for index, p := range tt.from {
				s.paths = append(s.paths, s.newPath())
				s.update(s.paths[index], func(tx *checkpoint.Tx) error {
					return errors.Join(tx.PutShard(checkpoint.Shard{Index: index, Count: len(tt.from)}), tx.PutPrefix("aws/logs", "a/", p))
				})
			}
			for len(s.paths) < tt.to {
				s.paths = append(s.paths, s.newPath())
			}
			if _, err := s.reshard(alive(), tt.to, s.paths...); err != nil {
				t.Fatal(err)
			}
			for index, want := range tt.wanted {
				s.update(s.paths[index], func(tx *checkpoint.Tx) error {
					all, err := tx.Prefixes("aws/logs")
					if got := all["a/"]; got != want {
						t.Errorf("shard %d keeps %+v\nwant          %+v", index, got, want)
					}
					return err
				})
			}
		})
	}
}

// without returns a prefix of a shard that has found nothing before the start.
func without(p checkpoint.Prefix) checkpoint.Prefix {
	p.Before, p.More = 0, false
	return p
}

// Wherever the process is killed, doing it again gives what it gives undisturbed; and until
// it is decided, it can be taken back.
func TestRun_CanBeKilledAtEveryStep(t *testing.T) {
	for seed := range uint64(*seeds) {
		random := rand.New(rand.NewPCG(seed, 7))
		c := courses[random.IntN(len(courses))]
		t.Run(fmt.Sprintf("seed %d, %d to %d", seed, c[0], c[1]), func(t *testing.T) {
			t.Parallel()
			killEverywhere(t, seed, c[0], c[1])
		})
	}
}

func killEverywhere(t *testing.T, seed uint64, from, to int) {
	begin := func() (*set, []string) {
		s := newSet(t)
		s.fill(rand.New(rand.NewPCG(seed, 3)), from)
		paths := slices.Clone(s.paths)
		for len(paths) < to {
			paths = append(paths, s.newPath())
		}
		return s, paths
	}
	s, paths := begin()
	old := s.all(paths...)
	whole := alive()
	if _, err := s.reshard(whole, to, paths...); err != nil {
		t.Fatal(err)
	}
	want := s.all(paths...)
	undone := false
	for step := range whole.count {
		for _, after := range []bool{false, true} {
			s, paths := begin()
			if _, err := s.reshard(&process{left: step, after: after}, to, paths...); err == nil || !errors.Is(err, errKilled) {
				t.Fatalf("killed at %d: %v", step, err)
			}
			again := rand.New(rand.NewPCG(seed, uint64(step)))
			again.Shuffle(len(paths), func(i, j int) {
				if i < from && j < from { // those that were never used have no number before
					paths[i], paths[j] = paths[j], paths[i]
				}
			})
			if again.IntN(2) == 0 { // another kill
				_, _ = s.reshard(&process{left: again.IntN(whole.count), after: again.IntN(2) == 0}, to, paths...)
			}
			if under := len(lines(s.all(paths...), "resharding true")) > 0; under && again.IntN(3) == 0 {
				_, err := s.reshard(alive(), from, paths...)
				if got := s.all(paths...); err == nil && !maps.Equal(got, old) {
					t.Fatalf("killed at %d, and undone: %s", step, differences(old, got))
				}
				if err != nil && !strings.Contains(err.Error(), "decided") {
					t.Fatalf("killed at %d, and not undone: %v", step, err)
				}
				undone = undone || err == nil
			}
			if _, err := s.reshard(alive(), to, paths...); err != nil {
				t.Fatalf("killed at %d, done again: %v", step, err)
			}
			if got := s.all(paths...); !maps.Equal(got, want) {
				t.Fatalf("killed at %d: %s", step, differences(want, got))
			}
		}
	}
	if !undone {
		t.Error("nothing was undone")
	}
}

// differences returns what is not as it should be.
func differences(want, got map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if want[path] != got[path] {
			fmt.Fprintf(&b, "%s is\n%s\nnot\n%s\n", path, got[path], want[path])
		}
	}
	return b.String()
}
