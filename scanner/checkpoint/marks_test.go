package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestDay_CountsFrom1970(t *testing.T) {
	for text, want := range map[string]checkpoint.Day{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1970-01-02T00:00:00Z": 1,
		"1969-12-31T23:59:59Z": -1, "1969-12-31T00:00:00Z": -1, "2026-03-04T12:00:00+14:00": 20515, "0001-01-01T00:00:00Z": -719162,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if got := checkpoint.DayOf(at); err != nil || got != want {
			t.Errorf("%s: day %d, want %d (%v)", text, got, want, err)
		}
		if begin := want.Time(); at.Before(begin) || !at.Before(begin.Add(24*time.Hour)) {
			t.Errorf("%s is not on the day that begins at %s", text, begin)
		}
	}
}

func TestSeen_TellsWhatHasChanged(t *testing.T) {
	f := open(t, newPath(t))
	before := checkpoint.NewMark("key", 100, "etag1")
	update(t, f, func(tx *checkpoint.Tx) error {
		return errors.Join(
			tx.AddMarks(id("s"), checkpoint.Counted, 3, before),
			tx.AddMarks(id("s"), checkpoint.PassedOver, 4, before))
	})
	find := func(day checkpoint.Day, m checkpoint.Mark) (sight checkpoint.Sight, kind checkpoint.MarkKind) {
		view(t, f, func(tx *checkpoint.Tx) error {
			seen, err := tx.Seen(id("s"), day)
			sight, kind = seen.Find(m)
			return err
		})
		return sight, kind
	}
	for _, test := range []struct {
		mark checkpoint.Mark
		want checkpoint.Sight
	}{
		{before, checkpoint.Unchanged},
		{checkpoint.NewMark("key", 100, "etag2"), checkpoint.OtherContent},
		{checkpoint.NewMark("key", 101, "etag1"), checkpoint.OtherSize},
		{checkpoint.NewMark("key", 1<<40, "etag2"), checkpoint.OtherSize},
		{checkpoint.NewMark("key2", 100, "etag1"), checkpoint.Unseen},
	} {
		if got, kind := find(3, test.mark); got != test.want || kind != checkpoint.Counted {
			t.Errorf("%+v is seen as %v, %v, want %v", test.mark, got, kind, test.want)
		}
	}
	if got, kind := find(4, before); got != checkpoint.Unchanged || kind != checkpoint.PassedOver {
		t.Errorf("what was passed over is seen as %v, %v", got, kind)
	}
	if got, _ := find(5, before); got != checkpoint.Unseen {
		t.Errorf("on another day it is seen as %v", got)
	}
	after := checkpoint.NewMark("key", 101, "etag2")
	update(t, f, func(tx *checkpoint.Tx) error { return tx.AddMarks(id("s"), checkpoint.Counted, 3, after) })
	if got, _ := find(3, after); got != checkpoint.Unchanged {
		t.Errorf("after the mark was renewed it is seen as %v", got)
	}
}

// marksModel holds marks as a checkpoint should.
type marksModel struct {
	file  *checkpoint.File
	path  string
	marks map[checkpoint.StreamID]map[checkpoint.Day]map[int]modelMark
	begin map[checkpoint.StreamID]time.Time
}

type modelMark struct {
	mark checkpoint.Mark
	kind checkpoint.MarkKind
}

func (m *marksModel) check(t *testing.T) {
	t.Helper()
	view(t, m.file, func(tx *checkpoint.Tx) error {
		for id, days := range m.marks {
			for day := range checkpoint.Day(modelDays) {
				seen, err := tx.Seen(id, day)
				if err != nil {
					return err
				}
				if len(seen) != len(days[day]) {
					t.Fatalf("%v has %d marks of day %d, want %d", id, len(seen), day, len(days[day]))
				}
				for object, want := range days[day] {
					if sight, kind := seen.Find(want.mark); sight != checkpoint.Unchanged || kind != want.kind {
						t.Fatalf("%v: object %d of day %d is seen as %v, %v, want %v", id, object, day, sight, kind, want.kind)
					}
				}
			}
			s, _, err := tx.Stream(id)
			if err != nil || !s.Begin.Equal(m.begin[id]) {
				t.Fatalf("%v begins at %v (%v), want %v", id, s.Begin, err, m.begin[id])
			}
		}
		return nil
	})
}

const modelDays = 12

// Whatever is marked, forgotten and packed in whatever order: the marks are those of a
// map.
func TestMarks_AreThoseOfAMap(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			m := &marksModel{
				path: newPath(t), marks: make(map[checkpoint.StreamID]map[checkpoint.Day]map[int]modelMark),
				begin: make(map[checkpoint.StreamID]time.Time),
			}
			m.file = open(t, m.path)
			update(t, m.file, func(tx *checkpoint.Tx) error {
				for i := range 6 {
					m.marks[id(fmt.Sprint(i))] = make(map[checkpoint.Day]map[int]modelMark)
					if err := tx.PutStream(id(fmt.Sprint(i)), checkpoint.Stream{}); err != nil {
						return err
					}
				}
				return nil
			})
			for range 60 {
				m.step(t, random)
			}
			m.check(t)
			if _, err := checkpoint.Verify(m.path); !errors.Is(err, checkpoint.ErrLocked) {
				t.Errorf("Verify of an open file: %v", err)
			}
			if err := m.file.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := checkpoint.Verify(m.path); err != nil {
				t.Error(err)
			}
		})
	}
}

func (m *marksModel) step(t *testing.T, random *rand.Rand) {
	id := id(fmt.Sprint(random.IntN(6)))
	day := checkpoint.Day(random.IntN(modelDays))
	switch random.IntN(8) {
	case 0:
		m.tidy(t, random)
	case 1:
		update(t, m.file, func(tx *checkpoint.Tx) error { return tx.Recount(t.Context(), id, day) })
		for d, marks := range m.marks[id] {
			maps.DeleteFunc(marks, func(_ int, mark modelMark) bool { return d >= day && mark.kind == checkpoint.PassedOver })
		}
	case 2:
		m.check(t)
	default:
		m.add(t, random, id, day)
	}
}

// add adds marks: a few or very many, new ones or some that are there.
func (m *marksModel) add(t *testing.T, random *rand.Rand, id checkpoint.StreamID, day checkpoint.Day) {
	n := random.IntN(5)
	if random.IntN(4) == 0 {
		n = random.IntN(4000)
	}
	if m.marks[id][day] == nil {
		m.marks[id][day] = make(map[int]modelMark)
	}
	byKind := make([][]checkpoint.Mark, 2)
	for range n {
		object := random.IntN(10_000)
		kind := checkpoint.MarkKind(object % 2) // an object is of one kind
		mark := checkpoint.NewMark(fmt.Sprint(object), random.Int64N(1<<40), fmt.Sprint(random.Uint64()))
		byKind[kind] = append(byKind[kind], mark)
		m.marks[id][day][object] = modelMark{mark, kind}
	}
	update(t, m.file, func(tx *checkpoint.Tx) error {
		for kind, marks := range byKind {
			if err := tx.AddMarks(id, checkpoint.MarkKind(kind), day, marks...); err != nil {
				return err
			}
		}
		return nil
	})
}

// tidy forgets some and packs some. What there was to do is done then.
func (m *marksModel) tidy(t *testing.T, random *rand.Rand) {
	tidying := checkpoint.Tidying{
		Horizons: make(map[checkpoint.StreamID]checkpoint.Day),
		Packing:  checkpoint.Day(random.IntN(modelDays + 1)),
	}
	var lost []checkpoint.StreamID
	for id, days := range m.marks {
		if random.IntN(3) == 0 {
			continue
		}
		horizon := checkpoint.Day(random.IntN(modelDays) - 2)
		tidying.Horizons[id] = horizon
		had := false
		for day, marks := range days {
			if day < horizon {
				had = had || len(marks) > 0
				delete(days, day)
			}
		}
		if had {
			lost = append(lost, id)
			if at := horizon.Time(); at.After(m.begin[id]) {
				m.begin[id] = at
			}
		}
	}
	var done checkpoint.Tidied
	for more := true; more; more = done.More {
		update(t, m.file, func(tx *checkpoint.Tx) (err error) {
			next, err := tx.Tidy(t.Context(), tidying)
			done = checkpoint.Tidied{Forgotten: append(done.Forgotten, next.Forgotten...), More: next.More}
			return err
		})
	}
	byName := func(a, b checkpoint.StreamID) int { return strings.Compare(a.Stream, b.Stream) }
	slices.SortFunc(lost, byName)
	slices.SortFunc(done.Forgotten, byName)
	if !slices.Equal(lost, done.Forgotten) {
		t.Fatalf("%v have lost marks, want %v", done.Forgotten, lost)
	}
	view(t, m.file, func(tx *checkpoint.Tx) error {
		tidy, err := tx.IsTidy(t.Context(), tidying)
		if !tidy {
			t.Fatal("there is still something to tidy")
		}
		return err
	})
}

// What takes long ends when it is to.
func TestTidy_EndsWithItsContext(t *testing.T) {
	f := open(t, newPath(t))
	update(t, f, func(tx *checkpoint.Tx) error { return fill(tx, 0) })
	before, err := content(f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tidying := range map[string]checkpoint.Tidying{
		"forgetting": {Horizons: map[checkpoint.StreamID]checkpoint.Day{id("s:access/1"): checkpoint.DayOf(noon) + 9}},
		"packing":    {Packing: checkpoint.DayOf(noon)},
	} {
		err := f.Update(func(tx *checkpoint.Tx) error {
			_, err := tx.Tidy(ctx, tidying)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if after, err := content(f); err != nil || after != before {
		t.Errorf("tidying that was ended has changed something (%v)", err)
	}
}
