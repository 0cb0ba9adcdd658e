package reshard_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

var seeds = flag.Int("reshard.seeds", 4, "number of random sets of checkpoints that are interrupted at every step")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// set are the checkpoints of shards, which nothing has open.
type set struct {
	t     *testing.T
	dir   string
	paths []string
	new   int // paths that newPath has made
}

func newSet(t *testing.T) *set { return &set{t: t, dir: t.TempDir()} }

// newPath returns a path at which there is nothing.
func (s *set) newPath() string {
	s.new++
	return filepath.Join(s.dir, fmt.Sprint(s.new, ".db"))
}

// update changes a checkpoint.
func (s *set) update(path string, fn func(*checkpoint.Tx) error) {
	s.t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(f.Update(fn), f.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// fill makes count shards, each with what is its own of some streams, and some series.
func (s *set) fill(random *rand.Rand, count int) {
	streams := streams(12 + random.IntN(12))
	for index := range count {
		path := s.newPath()
		s.paths = append(s.paths, path)
		s.update(path, func(tx *checkpoint.Tx) error {
			err := tx.PutShard(checkpoint.Shard{Index: index, Count: count})
			err = errors.Join(err, tx.PutPrefix("aws/logs", "", checkpoint.Prefix{Floor: noon.Add(time.Duration(random.IntN(3)) * time.Hour), Searched: noon, Before: index}))
			for i := range random.IntN(6) {
				key, value := fmt.Sprint("series", random.IntN(8)), strconv.Itoa(1+random.IntN(100))
				err = errors.Join(err, tx.Series().Put([]byte(key), []byte(value)))
				err = errors.Join(err, tx.AppendEvents([]byte(fmt.Sprintf("event %02d of %03d!", i, index))))
			}
			for _, id := range streams {
				if stream, _ := logkey.ParseID(id.Stream); shard.Owner(id.Store, stream, count) == index {
					err = errors.Join(err, putStream(tx, random, id))
				}
			}
			return err
		})
	}
}

// streams returns names of streams, some of CloudTrail.
func streams(n int) (ids []checkpoint.StreamID) {
	for i := range n {
		prefix := fmt.Sprintf("p:access/bucket-%d/", i)
		if i%3 == 0 {
			region := []string{"eu-west-1", "us-east-1", "us-west-2"}[i/3%3]
			prefix = fmt.Sprintf("t:AWSLogs/%012d/CloudTrail/%s/", i/9, region)
		}
		ids = append(ids, checkpoint.StreamID{Store: "aws/logs", Stream: prefix})
	}
	return ids
}

func putStream(tx *checkpoint.Tx, random *rand.Rand, id checkpoint.StreamID) error {
	err := tx.PutStream(id, checkpoint.Stream{Begin: noon, Watermark: fmt.Sprint("w", random.IntN(100)), Newest: noon})
	for i := range random.IntN(3) {
		failure := checkpoint.Failure{Reason: "json", Attempts: 1 + i, Since: noon, Quarantined: i > 0}
		err = errors.Join(err, tx.PutFailure(id, fmt.Sprint("object", i), failure))
	}
	for d := range random.IntN(3) {
		for kind := range checkpoint.PassedOver + 1 {
			for i := range random.IntN(100) {
				m := checkpoint.NewMark(fmt.Sprint(id.Stream, d, i), int64(i), "etag")
				err = errors.Join(err, tx.AddMarks(id, kind, checkpoint.DayOf(noon)+checkpoint.Day(d), m))
			}
		}
	}
	return err
}

// sum adds up series, which are decimal numbers.
func sum(_, one, other []byte) ([]byte, error) {
	a, err := strconv.Atoi(string(one))
	b, err2 := strconv.Atoi(string(other))
	return []byte(strconv.Itoa(a + b)), errors.Join(err, err2)
}

// errKilled is what every call gives once the process is killed.
var errKilled = errors.New("killed")

// process is a process that shares out checkpoints, and is killed at an update.
type process struct {
	left  int  // updates until it is killed; negative: it is not
	after bool // that update is committed
	dead  bool
	count int // updates
}

// state is a checkpoint of a process.
type state struct {
	*checkpoint.File
	process *process
}

func (s state) View(fn func(*checkpoint.Tx) error) error {
	if s.process.dead {
		return errKilled
	}
	return s.File.View(fn)
}

func (s state) Update(fn func(*checkpoint.Tx) error) error {
	p := s.process
	if p.dead {
		return errKilled
	}
	p.count++
	if p.left != 0 {
		p.left--
		return s.File.Update(fn)
	}
	p.dead = true
	if p.after {
		if err := s.File.Update(fn); err != nil {
			return err
		}
	}
	return errKilled
}

// reshard shares checkpoints out among so many shards.
func (s *set) reshard(p *process, to int, paths ...string) (*reshard.Report, error) {
	s.t.Helper()
	return s.reshardWith(s.t.Context(), p, to, paths...)
}

func (s *set) reshardWith(ctx context.Context, p *process, to int, paths ...string) (*reshard.Report, error) {
	s.t.Helper()
	var checkpoints []reshard.Checkpoint
	for _, path := range paths {
		f, err := checkpoint.Open(path)
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		checkpoints = append(checkpoints, reshard.Checkpoint{Name: filepath.Base(path), State: state{f, p}})
	}
	return reshard.Run(ctx, to, checkpoints, sum)
}

func alive() *process { return &process{left: -1} }

// dump returns all that a checkpoint keeps, but for the names of sets.
func (s *set) dump(path string) string {
	s.t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var b strings.Builder
	err = f.View(func(tx *checkpoint.Tx) error {
		shard, known, err := tx.Shard()
		fmt.Fprintln(&b, "shard", shard, known)
		_, under, err2 := tx.Resharding()
		fmt.Fprintln(&b, "resharding", under)
		return errors.Join(err, err2,
			tx.EachPrefix(func(store, prefix string, p checkpoint.Prefix) error {
				fmt.Fprintln(&b, "prefix", store, prefix, p)
				return nil
			}),
			tx.Series().Each(func(key, value []byte) error {
				fmt.Fprintf(&b, "series %s = %s\n", key, value)
				return nil
			}),
			tx.EachEvents(func(ids []byte) error {
				fmt.Fprintf(&b, "events %s\n", ids)
				return nil
			}),
			tx.EachStreamID(func(id checkpoint.StreamID) error {
				text, err := dumpStream(tx, id)
				b.WriteString(text)
				return err
			}))
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func dumpStream(tx *checkpoint.Tx, id checkpoint.StreamID) (string, error) {
	var b strings.Builder
	kept, _, err := tx.Stream(id)
	fmt.Fprintln(&b, "stream", id, kept)
	err = errors.Join(err, tx.EachFailure(id, func(object string, f checkpoint.Failure) error {
		fmt.Fprintln(&b, " failure", object, f)
		return nil
	}))
	for d := range checkpoint.Day(3) {
		seen, err2 := tx.Seen(id, checkpoint.DayOf(noon)+d)
		err = errors.Join(err, err2)
		var marks []string
		for key, m := range seen {
			marks = append(marks, fmt.Sprint(key, m))
		}
		slices.Sort(marks)
		fmt.Fprintln(&b, " marks", d, len(marks), marks)
	}
	return b.String(), err
}

// all returns what all checkpoints keep, by path.
func (s *set) all(paths ...string) map[string]string {
	s.t.Helper()
	all := make(map[string]string)
	for _, path := range paths {
		all[filepath.Base(path)] = s.dump(path)
	}
	return all
}

// lines returns the lines of all checkpoints that begin with a word, sorted.
func lines(all map[string]string, word string) (lines []string) {
	for _, text := range all {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, word) {
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// totals returns the sums of series.
func totals(t *testing.T, all map[string]string) map[string]int {
	t.Helper()
	sums := make(map[string]int)
	for _, line := range lines(all, "series") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		sums[key] += n
	}
	return sums
}

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
