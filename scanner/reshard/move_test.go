package reshard_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

// move moves a checkpoint to another path.
func (s *set) move(p *process, from, to string) error {
	s.t.Helper()
	var ends []reshard.Checkpoint
	for _, path := range []string{from, to} {
		f, err := checkpoint.Open(path)
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		ends = append(ends, reshard.Checkpoint{Name: filepath.Base(path), State: state{f, p}})
	}
	_, err := reshard.Move(s.t.Context(), ends[0], ends[1])
	return err
}

// usable reports whether an exporter can use a checkpoint as that of a shard.
func (s *set) usable(path string, index, count int) error {
	s.t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	return f.View(func(tx *checkpoint.Tx) error {
		_, err := tx.CheckShard(index, count)
		return err
	})
}

// All of a checkpoint goes to the other one, and back, and one of both can be used at any
// time.
func TestMove_BringsAllThatACheckpointHolds(t *testing.T) {
	s := newSet(t)
	s.fill(rand.New(rand.NewPCG(1, 2)), 3)
	from, to := s.paths[1], s.newPath()
	want := s.dump(from)
	for range 3 {
		if err := s.move(alive(), from, to); err != nil {
			t.Fatal(err)
		}
		if got := s.dump(to); got != want {
			t.Fatalf("there is\n%s\nnot\n%s", got, want)
		}
		if err := s.usable(to, 1, 3); err != nil {
			t.Error(err)
		}
		if err := s.usable(from, 1, 3); !errors.Is(err, checkpoint.ErrMoved) || !strings.Contains(err.Error(), filepath.Base(to)) {
			t.Errorf("what was left can be used: %v", err)
		}
		for _, path := range []string{from, to} {
			if _, err := checkpoint.Verify(path); err != nil {
				t.Error(err)
			}
		}
		// What comes next is there, too, when it is moved back.
		s.update(to, func(tx *checkpoint.Tx) error {
			return errors.Join(tx.Series().Put([]byte("series0"), []byte("1000")), tx.Series().Delete([]byte("series1")))
		})
		want = s.dump(to)
		from, to = to, from
	}
}

// Wherever the process is killed, one of the two can be used, or none until it is done
// again, and never both.
func TestMove_CanBeKilledAtEveryStep(t *testing.T) {
	for seed := range uint64(*seeds) {
		begin := func() (*set, string, string) {
			s := newSet(t)
			s.fill(rand.New(rand.NewPCG(seed, 3)), 1)
			return s, s.paths[0], s.newPath()
		}
		s, from, to := begin()
		want := s.dump(from)
		whole := alive()
		if err := s.move(whole, from, to); err != nil {
			t.Fatal(err)
		}
		if whole.count < 4 {
			t.Fatalf("there are %d steps", whole.count)
		}
		for step := range whole.count {
			for _, after := range []bool{false, true} {
				s, from, to := begin()
				if err := s.move(&process{left: step, after: after}, from, to); !errors.Is(err, errKilled) {
					t.Fatalf("killed at %d: %v", step, err)
				}
				done := s.usable(to, 0, 1) == nil && s.known(to)
				if stays := s.usable(from, 0, 1) == nil; stays && done {
					t.Fatalf("killed at %d (%t), both can be used", step, after)
				} else if stays { // and it goes on counting before it is moved after all
					s.update(from, func(tx *checkpoint.Tx) error {
						err := tx.Series().Put([]byte("series0"), []byte("7"))
						for i := 1; i < 8; i++ {
							err = errors.Join(err, tx.Series().Delete(fmt.Appendf(nil, "series%d", i)))
						}
						return err
					})
				}
				want := want
				if s.usable(from, 0, 1) == nil {
					want = s.dump(from)
				}
				if err := s.move(alive(), from, to); err != nil {
					t.Fatalf("killed at %d (%t), done again: %v", step, after, err)
				}
				if got := s.dump(to); got != want {
					t.Fatalf("killed at %d (%t), there is\n%s\nnot\n%s", step, after, got, want)
				}
				if s.usable(from, 0, 1) == nil || s.usable(to, 0, 1) != nil {
					t.Errorf("killed at %d (%t), the wrong one can be used", step, after)
				}
			}
		}
	}
}

// known reports whether a checkpoint is that of a shard.
func (s *set) known(path string) bool {
	return strings.Contains(s.dump(path), "true\nresharding")
}

func TestMove_RefusesWhatWouldLoseOrDoubleCounts(t *testing.T) {
	s := newSet(t)
	s.fill(rand.New(rand.NewPCG(1, 2)), 2)
	used, other := s.paths[0], s.paths[1]
	moved, unused := s.newPath(), s.newPath()
	if err := s.move(alive(), used, moved); err != nil {
		t.Fatal(err)
	}
	half := s.newPath()
	if err := s.move(&process{left: 2}, other, half); err == nil {
		t.Fatal("it is not killed")
	}
	for _, c := range []struct{ what, from, to, text string }{
		{"one that was never used", unused, s.newPath(), "was never used"},
		{"to one that is used", other, moved, "name one that was not"},
		{"one that is elsewhere", used, unused, "is in"},
		{"one that is not complete", half, unused, "is not complete"},
		{"to one to which another one is moved", moved, half, "complete that first"},
	} {
		if err := s.move(alive(), c.from, c.to); err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for _, paths := range [][]string{{used, other}, {moved, half}} {
		if _, err := s.reshard(alive(), 3, append(paths, unused)...); err == nil {
			t.Errorf("%s are shared out", paths)
		}
	}
}
