package reshard_test

import (
	"context"
	"errors"
	"fmt"
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
